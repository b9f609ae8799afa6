"""``ops``: runs, the ledger of batches, watermarks, quarantine, check results, the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Date, Double, Index, Integer, Sequence, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from .base import INSTANT, key, may, metadata, must, table

run = table(
    "ops.run",
    "One journey from extract to write-back",
    key("run_id", Text, "Airflow's run id, or cli-… from the command line"),
    must("since", Date, "First working day asked for"),
    must("until", Date, "First working day no longer asked for"),
    must("as_of", INSTANT, "What the run took as now"),
    must("streams", JSONB, "Names of the streams it reads"),
    must("full_read", Boolean, "Read modified streams from the beginning"),
    must("dry_run", Boolean, "Send nothing to the CRM"),
    must(
        "kind",
        Text,
        "journey, replay (quarantined rows), reconcile, repair, or restate (days computed again)",
        server_default=text("'journey'"),
    ),
    may("read_since", INSTANT, "Read modified streams from here on; null = from the watermark"),
    must("state", Text, "running, done or failed"),
    must("started_at", INSTANT, "When it was planned"),
    may("finished_at", INSTANT, "When it ended"),
    may("error", Text, "Code and text of the error that ended it"),
)

step = table(
    "ops.step",
    "What each step of a run did and how long it took",
    key("run_id", Text, "The run (ops.run)"),
    key(
        "step",
        Text,
        "extract:<stream>, check, load, build, audit, publish, write_back, webhooks, finish; or of another kind of run",
    ),
    must("state", Text, "running, done or failed"),
    must("started_at", INSTANT, "When the last attempt started"),
    may("finished_at", INSTANT, "When it ended"),
    may("result", JSONB, "Its counts"),
)

batch = table(
    "ops.batch",
    "The ledger. For a closed batch: extracted = loaded + unchanged + quarantined + duplicate + out_of_scope",
    key("batch_id", BigInteger, "The batch", autoincrement=True),
    must("run_id", Text, "The run (ops.run)"),
    must("system", Text, "The outside system"),
    must("stream", Text, "The stream"),
    must(
        "kind",
        Text,
        "extract; replay: quarantined rows that go through again; move: rows whose id is another person now; "
        "reconcile: keys that are only compared; repair: records that the source has no more",
    ),
    may("window_start", INSTANT, "Start of the window; null = from the beginning"),
    may("window_end", INSTANT, "End of the window, not included; null for a replay"),
    must("state", Text, "open, extracted, checked, closed or abandoned"),
    must("extracted", BigInteger, "Rows staged", server_default=text("0")),
    must("loaded", BigInteger, "Rows new or changed in core", server_default=text("0")),
    must("unchanged", BigInteger, "Rows that core already had, or had newer", server_default=text("0")),
    must("quarantined", BigInteger, "Rows set aside with a reason", server_default=text("0")),
    must("duplicate", BigInteger, "Rows given again inside the batch", server_default=text("0")),
    must("out_of_scope", BigInteger, "Rows that are none of ours", server_default=text("0")),
    must("touched", BigInteger, "Person-days that the batch touched", server_default=text("0")),
    may("follows", BigInteger, "The batch that held the watermark when this one was opened (compare-and-swap)"),
    may("cursor_value", INSTANT, "Greatest cursor value among the rows, from the source's own stamps"),
    must("opened_at", INSTANT, "When it was opened"),
    may("closed_at", INSTANT, "When it was loaded"),
    Index(None, "run_id", "stream"),
    Index(None, "stream", "state"),
)

slice_ = table(
    "ops.slice",
    "Slices of a batch that are staged, so that a second attempt does not read them again",
    key("batch_id", BigInteger, "The batch (ops.batch)"),
    key("slice", Text, "The slice's name"),
    must("rows", BigInteger, "Rows staged"),
    must("staged_at", INSTANT, "When"),
)

watermark = table(
    "ops.watermark",
    "How far each stream has been read; moved only in the transaction that loads the rows",
    key("system", Text, "The outside system"),
    key("stream", Text, "The stream"),
    may("value", INSTANT, "Greatest cursor value loaded"),
    must("batch_id", BigInteger, "The batch that moved it last"),
    must("moved_at", INSTANT, "When"),
)

touch_seq = Sequence("touch_seq", schema="ops", metadata=metadata)

touched = table(
    "ops.touched",
    "Person-days whose facts changed since they were last published",
    key("employee_id", Text, "The person"),
    key("work_date", Date, "The working day"),
    must("seq", BigInteger, "Order of the last touch; publish clears only what it has seen"),
    must("reason", Text, "The stream that touched it last, or rules, identity"),
    must("noted_at", INSTANT, "When"),
)

quarantine = table(
    "ops.quarantine",
    "Rows set aside with a reason; nothing is thrown away",
    key("quarantine_id", BigInteger, "The row set aside", autoincrement=True),
    must("batch_id", BigInteger, "The batch that met it last (ops.batch)"),
    must("system", Text, "The outside system"),
    must("stream", Text, "The stream"),
    may("key", Text, "The record's key, where it has one"),
    must("payload", JSONB, "The canonical row as it was staged"),
    must("rule", Text, "Id of the rule that it broke"),
    must("reason", Text, "The rule in words; no value of the row"),
    must(
        "status", Text, "new; held (waits for a person or account to be known); mended; replayed; superseded; dismissed"
    ),
    must("fingerprint", Text, "Hash of stream, payload and rule: the same bad row read again is one row here"),
    must("seen", Integer, "How many batches met it", server_default=text("1")),
    must("set_aside_at", INSTANT, "When it was first met"),
    may("settled_at", INSTANT, "When it was replayed, superseded or dismissed"),
    may("mended", JSONB, "The row as a person mended it; null = never mended"),
    Index(None, "system", "stream", "fingerprint", unique=True),
    Index(None, "stream", "status", "key"),
)

quarantine_event = table(
    "ops.quarantine_event",
    "Who did what with a quarantined row, written by the table itself whenever its status or its mended row changes",
    key("event_id", BigInteger, "The event", autoincrement=True),
    must("quarantine_id", BigInteger, "The row set aside (ops.quarantine)"),
    must("at", INSTANT, "When"),
    must("who", Text, "Who asked for it; the login where nobody said"),
    must("was", Text, "Status before"),
    must("status", Text, "Status after"),
    may("columns", ARRAY(Text), "Columns that a person changed, by name; no values"),
    may("reason", Text, "Why, in the words of whoever did it"),
    Index(None, "quarantine_id", "at"),
)

replay = table(
    "ops.replay",
    "Which quarantined rows a replay took, and which version of each: a row that was changed since is left to the next",
    key("batch_id", BigInteger, "The replay (ops.batch)"),
    key("quarantine_id", BigInteger, "The row set aside (ops.quarantine)"),
    must("row_hash", Text, "MD5 of the row as it stood when it was taken"),
)

identity_review = table(
    "ops.identity_review",
    "Outside ids that need a person's decision; ids alone, no names",
    key("review_id", BigInteger, "The question", autoincrement=True),
    must("system", Text, "The outside system"),
    must("external_id", Text, "The id there"),
    must("reason", Text, "Why nobody but a person can say whose it is (docs/identity.md lists the codes)"),
    must("candidates", ARRAY(Text), "Employee ids that it may be, sorted"),
    may("since", Date, "First day that it is about; null = all days"),
    must("status", Text, "open; decided (by hand); gone (the reason is)"),
    must("first_seen", INSTANT, "When it was asked first"),
    must("last_seen", INSTANT, "When it was last found so"),
    may("settled_at", INSTANT, "When it left open"),
    Index(
        "uq_identity_review_open",
        "system",
        "external_id",
        "reason",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
)

check_result = table(
    "ops.check_result",
    "Outcome of every rule of every suite: counts and keys, never values",
    key("run_id", Text, "The run (ops.run)"),
    key("dataset", Text, "The stream, or the joined table"),
    key("batch_id", BigInteger, "The batch; 0 for a joined table"),
    key("rule", Text, "Id of the expectation"),
    must("severity", Text, "critical, warning or info"),
    must("outcome", Text, "passed, failed or could_not_run"),
    may("failing", BigInteger, "Rows that broke it; null for a rule about the whole"),
    may("total", BigInteger, "Rows looked at"),
    may("keys", JSONB, "Keys of rows that broke it, the first 20 at most; no other value of theirs"),
    may("problem", Text, "Why it could not run: the kind of error"),
    may("accepted_by", Text, "Who let the batch go on although it failed, and why"),
    must("suite_hash", Text, "SHA-256 of the suite file"),
    must("checked_at", INSTANT, "When"),
)

batch_day = table(
    "ops.batch_day",
    "How many rows a batch holds of each local day, beside what such a day usually has; judged by the suite days",
    key("batch_id", BigInteger, "The batch (ops.batch)"),
    key("day", Date, "The local day; of a modified stream the day that most of the batch's span lies on"),
    must("whole", Boolean, "The batch covers the whole day, so the rows may be compared with those of other days"),
    must("rows", BigInteger, "Rows of the day"),
    must("expected", Boolean, "So many people are employed on this working day that no row at all is suspicious"),
    may("usual", Double, "Median of the rows of the same weekday in the weeks before; null = too little is known"),
    may("share", Double, "rows / usual"),
    may("stale_days", Double, "Days from the newest modified stamp to the run's now; modified streams only"),
    Index(None, "day"),
)

batch_field = table(
    "ops.batch_field",
    "The fields that a batch's records have on the wire, sampled or described; of a checked batch those that changed",
    key("batch_id", BigInteger, "The batch (ops.batch)"),
    key("field", Text, "The field as the source names it, after the call that gives it"),
    must("mapped", Boolean, "We read it"),
    must("kinds", ARRAY(Text), "Kinds of value that were seen: text, number, boolean, date …; null is no kind"),
    must("looked_at", BigInteger, "Records looked at"),
    must("present", BigInteger, "of these, records that had the field with a value"),
    must("longest", Integer, "Characters of the longest text, or that the source allows; 0 = no text"),
    may("was", ARRAY(Text), "Kinds known before; null = the field was not known"),
    may("change", Text, "same, new, changed, longer, missing, retyped or gone; null = not compared yet"),
)

known_field = table(
    "ops.known_field",
    "The fields of each stream on the wire as the checked batches had them: what the next batch is compared with",
    key("system", Text, "The outside system"),
    key("stream", Text, "The stream"),
    key("field", Text, "The field as the source names it, after the call that gives it"),
    must("mapped", Boolean, "We read it"),
    must("kinds", ARRAY(Text), "Kinds of value seen so far"),
    must("looked_at", BigInteger, "Records looked at so far"),
    must("present", BigInteger, "of these, records that had the field with a value"),
    must("longest", Integer, "Characters of the longest text so far"),
    must("since_batch", BigInteger, "The batch that met it first (ops.batch)"),
    must("last_batch", BigInteger, "The batch that met it last (ops.batch)"),
)

audit_log = table(
    "ops.audit_log",
    "Who did what and why: reading of places, batches sent, links made",
    key("audit_id", BigInteger, "The entry", autoincrement=True),
    must("at", INSTANT, "When"),
    must("who", Text, "Login and run"),
    must("action", Text, "What was done"),
    may("purpose", Text, "Why"),
    may("rows", BigInteger, "How many rows it concerned"),
    may("detail", JSONB, "Counts and hashes, no personal data"),
)
