"""The tables, as a list of migrations: the version of a database is the number of those it has seen.

One partial index per stage that anybody looks for: a message that goes straight out enters `message_leased` once and
leaves it once. SQLite uses a partial index only where the query repeats its condition word for word (`stage = 0`).
"""

from __future__ import annotations

INDEX_RECIPIENTS = "CREATE INDEX IF NOT EXISTS message_recipient ON message (destination_addr) WHERE stage = 1"
DROP_RECIPIENTS = "DROP INDEX IF EXISTS message_recipient"

SECURE_DELETE = "PRAGMA secure_delete=FAST"
"""What is deleted is overwritten in pages that are written anyway; a number that is erased, at any price. As Debian
builds SQLite, pages that a purge sets free would be written for that alone: 609 octets of log a message, not 419."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE message (
        id               INTEGER PRIMARY KEY,  -- time, node_id, counter: grows, so rows are appended
        message_id       TEXT    NOT NULL,     -- as it was issued to the ESME
        kind             INTEGER NOT NULL,     -- message.Kind
        system_id        TEXT    NOT NULL,
        connector        TEXT    NOT NULL,     -- the way out
        stage            INTEGER NOT NULL,     -- message.Stage
        message_state    INTEGER NOT NULL,
        error_code       INTEGER NOT NULL,
        attempts         INTEGER NOT NULL,
        accepted_at      INTEGER NOT NULL,     -- microseconds UTC, like every time here
        due              INTEGER NOT NULL,
        expires          INTEGER NOT NULL,
        final_at         INTEGER NOT NULL,
        segments         INTEGER NOT NULL,
        in_doubt         INTEGER NOT NULL,     -- message.InDoubt, copied from the connector or the sender's own
        original         INTEGER NOT NULL,     -- receipt: the message it reports on
        receipt          INTEGER NOT NULL,     -- message: the receipt that closed it
        group_id         INTEGER,              -- submit_multi: the first of its messages
        alias            INTEGER,              -- message_id of a 3.3 bind as a number
        owner            INTEGER NOT NULL,     -- node_id of the process that may act on it
        lease_until      INTEGER NOT NULL,
        source_addr      TEXT    NOT NULL,
        destination_addr TEXT    NOT NULL,
        pdu              BLOB    NOT NULL      -- the content: one PDU as on the wire
    );
    CREATE INDEX message_due ON message (connector, due) WHERE stage = 0;
    CREATE INDEX message_expires ON message (expires) WHERE stage = 0;
    CREATE INDEX message_queued_to ON message (destination_addr) WHERE stage = 0;
    CREATE INDEX message_leased ON message (connector) WHERE stage = 1;
    CREATE INDEX message_in_doubt ON message (connector) WHERE stage = 3;
    CREATE INDEX message_held ON message (connector) WHERE stage = 4;
    CREATE INDEX message_alias ON message (alias) WHERE alias IS NOT NULL;
    CREATE INDEX message_group ON message (group_id) WHERE group_id IS NOT NULL;
    CREATE INDEX message_dead ON message (connector) WHERE stage = 6;
    CREATE TABLE part (
        message             INTEGER NOT NULL,
        number              INTEGER NOT NULL,
        connector           TEXT    NOT NULL,
        stage               INTEGER NOT NULL,
        upstream_message_id TEXT    NOT NULL,
        attempt             INTEGER NOT NULL,
        command_status      INTEGER NOT NULL,
        owner               INTEGER NOT NULL,
        lease_until         INTEGER NOT NULL,
        changed_at          INTEGER NOT NULL,
        PRIMARY KEY (message, number)
    ) WITHOUT ROWID;
    CREATE TABLE counter (
        name  TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    # Receipts of an upstream SMSC are looked up by provider and id; parts that left and were not answered are found
    # without walking through all that wait for their receipt. Parts of an emulated network are in neither index.
    """
    ALTER TABLE part ADD COLUMN provider      TEXT    NOT NULL DEFAULT '';
    ALTER TABLE part ADD COLUMN upstream_key  TEXT    NOT NULL DEFAULT '';
    ALTER TABLE part ADD COLUMN message_state INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE part ADD COLUMN error_code    INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE part ADD COLUMN doubts        INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX part_upstream ON part (provider, upstream_key) WHERE upstream_key != '';
    CREATE INDEX part_leased ON part (message) WHERE stage = 1 AND provider != '';
    """,
    """
    ALTER TABLE message ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;  -- message.Origin
    CREATE INDEX message_mo ON message (id) WHERE kind = 1;            -- parts of a long MO are looked for at a start
    CREATE TABLE opt_out (
        recipient  TEXT    NOT NULL,  -- addresses in canonical form: E.164 digits, short code, or name in capitals;
                                      -- of an erased number the hash
        scope      TEXT    NOT NULL,  -- pair | pool | account | global
        party      TEXT    NOT NULL,  -- sender, name of the pool, system_id, or nothing
        state      INTEGER NOT NULL,  -- 1 blocks, 0 was lifted
        generation INTEGER NOT NULL,  -- in force once this one stands in opt_out_generation
        since      INTEGER NOT NULL,  -- microseconds UTC
        source     TEXT    NOT NULL,
        keyword    TEXT    NOT NULL,
        reason     TEXT    NOT NULL,
        PRIMARY KEY (recipient, scope, party)
    ) WITHOUT ROWID;
    CREATE TABLE opt_out_journal (        -- append only: the evidence, from which opt_out can be rebuilt
        id         INTEGER PRIMARY KEY,
        at         INTEGER NOT NULL,
        kind       TEXT    NOT NULL,  -- stop | start | help | flag | carrier | add | remove | import | expire | erase
        recipient  TEXT    NOT NULL,
        scope      TEXT    NOT NULL,
        party      TEXT    NOT NULL,
        keyword    TEXT    NOT NULL,
        rule       TEXT    NOT NULL,
        source     TEXT    NOT NULL,
        number     TEXT    NOT NULL,  -- the sender that was written to
        connector  TEXT    NOT NULL,
        message    INTEGER NOT NULL,  -- the MO
        system_id  TEXT    NOT NULL,
        answered   INTEGER NOT NULL,
        actor      TEXT    NOT NULL,
        reason     TEXT    NOT NULL
    );
    CREATE INDEX opt_out_journal_of ON opt_out_journal (recipient, id);
    CREATE INDEX opt_out_journal_heard ON opt_out_journal (at) WHERE source = 'mo';
    CREATE TABLE opt_out_generation (
        generation INTEGER PRIMARY KEY,
        at         INTEGER NOT NULL
    );
    INSERT INTO opt_out_generation VALUES (0, 0);
    """,
    # Purging reads what is old and nothing else. Closing a message costs 0.4 µs more for it: entries come in order of
    # time, so they are appended; the walk through the whole table that this replaces grew with the backlog.
    """
    DROP INDEX message_dead;
    CREATE INDEX message_closed ON message (final_at) WHERE stage = 5;
    CREATE INDEX message_dead ON message (final_at) WHERE stage = 6;
    """,
    # A start reads the keys of the opt-out list (see store.optout_keys) and what happened since, not every row; the
    # journal tells an import that took effect from one that did not, so that the list can be rebuilt from it.
    """
    CREATE TABLE opt_out_salt (salt BLOB NOT NULL);  -- what the keys are made with
    INSERT INTO opt_out_salt VALUES (randomblob(16));
    CREATE TABLE opt_out_keys (
        layer   INTEGER NOT NULL,  -- 0: the list; else the generation of an import that is not in it yet
        portion INTEGER NOT NULL,  -- the highest octet of these keys
        crc     INTEGER NOT NULL,  -- CRC-32
        keys    BLOB    NOT NULL,  -- 64 bits each, little end first, in order
        PRIMARY KEY (layer, portion)
    );
    CREATE TABLE opt_out_kept (
        generation INTEGER NOT NULL,  -- imports up to this one are in layer 0
        journal    INTEGER NOT NULL   -- and other lines of the journal up to this one; -1: there is no layer 0
    );
    INSERT INTO opt_out_kept VALUES (0, -1);
    ALTER TABLE opt_out_generation ADD COLUMN keys INTEGER NOT NULL DEFAULT -1;  -- how many its layer has; -1: no layer
    ALTER TABLE opt_out_journal ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    UPDATE opt_out_generation SET keys = 0 WHERE generation = 0;
    CREATE INDEX opt_out_journal_single ON opt_out_journal (id) WHERE source <> 'import';
    """,
    # Numbers that were erased stand in rows and journal as a hash; a start has to know which.
    """
    CREATE INDEX opt_out_journal_erased ON opt_out_journal (recipient) WHERE kind = 'erase';
    """,
    # Who was given the message as one part, which has no row before it is answered. Older leases have their rows.
    """
    ALTER TABLE message ADD COLUMN provider TEXT NOT NULL DEFAULT '';
    """,
    # Who is none of them is told at a glance, by bits that their numbers had; unknown for those erased before.
    """
    CREATE TABLE opt_out_erased (
        recipient TEXT PRIMARY KEY,  -- what stands for the number
        glance    INTEGER            -- some bits of another hash of it; NULL: not known
    ) WITHOUT ROWID;
    INSERT INTO opt_out_erased SELECT DISTINCT recipient, NULL
        FROM opt_out_journal INDEXED BY opt_out_journal_erased WHERE kind = 'erase';
    """,
)
