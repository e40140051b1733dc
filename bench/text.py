"""Rates of the text room on one core: python bench/text.py [seconds per row].

A fixed workload; each row runs for the given time (0.3 s) five times, the best is printed. Compare rows of one run.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

from smscd.text import (
    Reassembly,
    choose,
    count_segments,
    data_coding,
    decode,
    encode,
    fits,
    fragment_of,
    pack,
    parse_udh,
    segment,
    transliterate,
    unpack,
)

PLAIN = "The quick brown fox jumps over the lazy dog, 0123456789 times. " * 3
GSM_160 = PLAIN[:160]
EURO_160 = PLAIN[:80] + "€" + PLAIN[:78]
BRACKETS_160 = PLAIN[:60] + "[{~}]" + PLAIN[:90]
GREEK_160 = "ΔΦΓΛΩΠΨΣΘΞ" * 16
CYRILLIC_70 = "Съешь же ещё этих мягких французских булок, да выпей чаю. Съешь же ещё"
HINDI = "नमस्ते दुनिया, यह एक छोटा संदेश है। " * 3
GSM_400 = (PLAIN * 3)[:400]
UCS2_200 = (CYRILLIC_70 * 3)[:200]
EMOJI_200 = (CYRILLIC_70[:9] + "👍🏽") * 18

OCTETS_160 = encode(GSM_160, "gsm7")
OCTETS_EURO = encode(EURO_160, "gsm7")
OCTETS_400 = encode(GSM_400, "gsm7")
OCTETS_UCS2 = encode(CYRILLIC_70, "ucs2")
PACKED_160 = pack(OCTETS_160)
PARTS = segment(OCTETS_400, "gsm7", 7)


def reassemble_three() -> None:
    reassembly = Reassembly(600)
    for part in PARTS:
        fragment = fragment_of(part.octets, 0, True)
        assert fragment is not None
        reassembly.add("key", fragment, 0)


ROWS: list[tuple[str, Callable[[], object]]] = [
    ("encode gsm7, 160 plain", lambda: encode(GSM_160, "gsm7")),
    ("encode gsm7, one euro in 160", lambda: encode(EURO_160, "gsm7")),
    ("encode gsm7, five brackets in 160", lambda: encode(BRACKETS_160, "gsm7")),
    ("encode gsm7, 160 Greek", lambda: encode(GREEK_160, "gsm7")),
    ("encode gsm7, 108 Hindi (locking 6)", lambda: encode(HINDI, "gsm7", locking=6, single=6)),
    ("encode ucs2, 70", lambda: encode(CYRILLIC_70, "ucs2")),
    ("decode gsm7, 160 plain", lambda: decode(OCTETS_160, "gsm7")),
    ("decode gsm7, one euro in 160", lambda: decode(OCTETS_EURO, "gsm7")),
    ("decode ucs2, 70", lambda: decode(OCTETS_UCS2, "ucs2")),
    ("fits gsm7, 160 plain", lambda: fits(GSM_160, "gsm7")),
    ("fits gsm7, 70 Cyrillic", lambda: fits(CYRILLIC_70, "gsm7")),
    ("choose, 160 plain", lambda: choose(GSM_160)),
    ("transliterate, 70 Cyrillic", lambda: transliterate(CYRILLIC_70)),
    ("data_coding", lambda: data_coding(0xF0)),
    ("pack 160 septets", lambda: pack(OCTETS_160)),
    ("pack 160 septets after a fill bit", lambda: pack(OCTETS_160, 1)),
    ("unpack 160 septets", lambda: unpack(PACKED_160, 160)),
    ("count_segments, 160 octets", lambda: count_segments(OCTETS_160, 0)),
    ("count_segments, 40 octets", lambda: count_segments(b"0123456789" * 4, 0)),
    ("count_segments, 400 octets", lambda: count_segments(OCTETS_400, 0)),
    ("segment 400 septets into 3", lambda: segment(OCTETS_400, "gsm7", 7)),
    ("segment 400 characters into 3", lambda: segment(GSM_400, "gsm7", 7)),
    ("segment 200 UCS-2 units into 3", lambda: segment(UCS2_200, "ucs2", 7)),
    ("segment 198 code points with emoji", lambda: segment(EMOJI_200, "ucs2", 7)),
    ("parse_udh, concatenation", lambda: parse_udh(PARTS[0].octets)),
    ("reassemble 3 parts", reassemble_three),
]


def rate(call: Callable[[], object], seconds: float) -> float:
    """Calls per second: the best of five runs."""
    loops = 1
    while True:
        began = time.perf_counter()
        for _ in range(loops):
            call()
        took = time.perf_counter() - began
        if took > seconds / 10:
            break
        loops *= 4
    loops = max(1, int(loops * seconds / 5 / took))
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(loops):
            call()
        best = max(best, loops / (time.perf_counter() - began))
    return best


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3
    print(f"{'work':<40} {'calls/s':>12} {'us/call':>9}")
    for name, call in ROWS:
        calls = rate(call, seconds)
        print(f"{name:<40} {calls:>12,.0f} {1e6 / calls:>9.2f}")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"CPU {used.ru_utime + used.ru_stime:.1f} s, peak RSS {used.ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
