/* What a disk and a clock may do to a process: preloaded into smscd by shim.py.

   Only files below CHAOS_DIR are touched.
   CHAOS_SHADOW  a directory: after every successful fsync or fdatasync the file is copied there as it is now. What lies
                 there is what a power cut would have left: nothing that was written and not synced.
   CHAOS_CONTROL a file of one `struct control`, mapped and read at each call, so that a test changes it at any time.

   build: gcc -shared -fPIC -O2 -o shim.so shim.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    int32_t sync_errno;    /* fsync and fdatasync fail with it; 0: they work */
    int32_t write_errno;   /* every write fails with it; 0: they work */
    int64_t clock_offset;  /* seconds added to the wall clock; the monotonic clock stays as it is */
    char sync_of[16];      /* how the names of the files end whose syncs fail; empty: all */
    char write_of[16];     /* the same for writes */
};

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static const struct control *control(void) {
    static const struct control none;
    static const struct control *mapped;
    if (!mapped) {
        const char *path = getenv("CHAOS_CONTROL");
        int fd = path ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
        void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0) close(fd);
        mapped = at == MAP_FAILED ? &none : at;
    }
    return mapped;
}

static int below(const char *path) {
    const char *directory = getenv("CHAOS_DIR");
    return directory && !strncmp(path, directory, strlen(directory));
}

/* The path behind `fd` if it is one of ours, else NULL. */
static const char *ours(int fd) {
    static __thread char path[PATH_MAX];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    return below(path) ? path : NULL;
}

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), tail = strlen(end);
    return length >= tail && !strcmp(path + length - tail, end);
}

/* Where the copy of the file `path` lies. */
static int shadow_of(char *out, const char *path, const char *prefix, const char *suffix) {
    const char *directory = getenv("CHAOS_SHADOW"), *name = strrchr(path, '/');
    if (!directory || !name) return 0;
    snprintf(out, PATH_MAX, "%s/%s%s%s", directory, prefix, name + 1, suffix);
    return 1;
}

/* Atomic: a process that is killed in here leaves the copy of the sync before, which is as a power cut would have it. */
static void keep(const char *path) {
    char copy[PATH_MAX], unfinished[PATH_MAX];
    struct stat state;
    if (!shadow_of(copy, path, "", "") || !shadow_of(unfinished, path, ".", ".unfinished")) return;
    int in = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (in < 0) return;
    if (!fstat(in, &state) && S_ISREG(state.st_mode)) {
        int out = REAL(open)(unfinished, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
        off_t at = 0;
        while (at < state.st_size && sendfile(out, in, &at, state.st_size - at) > 0) {}
        close(out);
        REAL(rename)(unfinished, copy);
    }
    close(in);
}

#define SYNC(name)                                                          \
    int name(int fd) {                                                      \
        const char *path = ours(fd);                                        \
        if (!path) return REAL(name)(fd);                                   \
        if (control()->sync_errno && ends_with(path, control()->sync_of)) { \
            errno = control()->sync_errno;                                  \
            return -1;                                                      \
        }                                                                   \
        int result = REAL(name)(fd);                                        \
        if (!result) keep(path);                                            \
        return result;                                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    char copy[PATH_MAX];
    int result = REAL(unlink)(path);
    if (!result && below(path) && shadow_of(copy, path, "", "")) REAL(unlink)(copy);
    return result;
}

int rename(const char *from, const char *to) {
    char copy_from[PATH_MAX], copy_to[PATH_MAX];
    int result = REAL(rename)(from, to);
    if (!result && below(to) && shadow_of(copy_from, from, "", "") && shadow_of(copy_to, to, "", ""))
        REAL(rename)(copy_from, copy_to);
    return result;
}

static int refused(int fd) {
    const char *path = control()->write_errno ? ours(fd) : NULL;
    if (!path || !ends_with(path, control()->write_of)) return 0;
    errno = control()->write_errno;
    return 1;
}

ssize_t write(int fd, const void *octets, size_t length) {
    return refused(fd) ? -1 : REAL(write)(fd, octets, length);
}

ssize_t pwrite(int fd, const void *octets, size_t length, off_t at) {
    return refused(fd) ? -1 : REAL(pwrite)(fd, octets, length, at);
}

ssize_t pwrite64(int fd, const void *octets, size_t length, off64_t at) {
    return refused(fd) ? -1 : REAL(pwrite64)(fd, octets, length, at);
}

ssize_t writev(int fd, const struct iovec *vector, int count) {
    return refused(fd) ? -1 : REAL(writev)(fd, vector, count);
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    int result = REAL(clock_gettime)(clock, out);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += control()->clock_offset;
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    int result = REAL(gettimeofday)(out, zone);
    if (!result) out->tv_sec += control()->clock_offset;
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
