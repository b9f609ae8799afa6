"""``ops``, the part about writing back: batches, outbox, receipts, conflicts with people's edits, how far we looked."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Date, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from .base import INSTANT, key, may, must, table

_SYSTEM: Final = "The CRM"
_KIND: Final = "visit or performance"
_KEY: Final = "Record id of the visit, or external id of the performance record"
_NO: Final = text("false")

write_batch = table(
    "ops.write_batch",
    "What one run sends of one kind: the unit that is audited, and that can be undone",
    key("write_batch_id", BigInteger, "The batch", autoincrement=True),
    must("run_id", Text, "The run that sends it (ops.run), or crm-… from the command line"),
    must("system", Text, _SYSTEM),
    must("kind", Text, _KIND),
    must("purpose", Text, "write_back or undo"),
    may("undoes", BigInteger, "Of an undo: the batch that it takes back"),
    must("state", Text, "open or closed"),
    must("records", BigInteger, "Changes put into the outbox", server_default=text("0")),
    may("result", JSONB, "Of a closed batch: numbers of changes by what became of them"),
    may("predicted_calls", BigInteger, "Calls that it was expected to take, said before the first one"),
    must("used_calls", BigInteger, "Calls that it took", server_default=text("0")),
    may("sha256", Text, "Of a closed batch: SHA-256 over what was sent"),
    must("opened_at", INSTANT, "When it was opened"),
    may("closed_at", INSTANT, "When all that could be sent had an answer"),
    may("lifted_at", INSTANT, "Of an undo: when what it took back was allowed to be sent again"),
    Index(None, "system", "opened_at"),
    Index(None, "system", "kind", postgresql_where=text("state = 'open'")),
)

outbox = table(
    "ops.outbox",
    "What is to be sent to the CRM, written before the call",
    key("outbox_id", BigInteger, "The change", autoincrement=True),
    must("run_id", Text, "The run that wants it (ops.run)"),
    must("write_batch_id", BigInteger, "The batch that sends it (ops.write_batch)", server_default=text("0")),
    must("system", Text, _SYSTEM),
    must("kind", Text, _KIND),
    must("key", Text, _KEY),
    may("employee_id", Text, "The person whose record it is"),
    may("day", Date, "The working day that it is about"),
    must("operation", Text, "upsert, or delete (an undo of a record that we made)", server_default=text("'upsert'")),
    must("payload", JSONB, "Our fields and the values that the record should have"),
    must("payload_hash", Text, "SHA-256 of the payload"),
    must(
        "idempotency_key",
        Text,
        "Names this change for ever; written into the record where the CRM has a field for it",
        server_default=text("(gen_random_uuid())::text"),
    ),
    must("correction", Boolean, "The CRM holds an earlier value of ours", server_default=_NO),
    must("rank", BigInteger, "Order of sending: corrections first, then the newest days", server_default=text("0")),
    must(
        "state",
        Text,
        "pending; sending (a call may have gone out); sent; rejected; same (the CRM had it already); "
        "kept (people edited it); gone (the CRM has the record no more); superseded by a later change",
    ),
    may("changes", JSONB, "The fields that are sent, which are those that differ in the CRM, and their values"),
    may("before", JSONB, "What stood in those fields before; null = not looked at"),
    may("existed", Boolean, "Did the CRM have the record before"),
    may("undoes", BigInteger, "Of an undo: the change that it takes back (ops.outbox)"),
    may("job", Text, "The CRM's bulk job that carries it"),
    must("attempts", Integer, "Calls that carried it", server_default=text("0")),
    must("written_at", INSTANT, "When it was put here"),
    may("called_at", INSTANT, "When it was last handed over to be sent"),
    may("settled_at", INSTANT, "When its outcome was known"),
    Index(
        "ix_outbox_waiting",
        "system",
        "kind",
        "rank",
        "outbox_id",
        postgresql_where=text("state in ('pending', 'sending')"),
    ),
    Index("ix_outbox_kept", "system", "kind", "key", postgresql_where=text("state = 'kept'")),
    Index(None, "write_batch_id"),
    Index(
        "uq_outbox_waiting",
        "system",
        "kind",
        "key",
        unique=True,
        postgresql_where=text("state in ('pending', 'sending')"),
    ),
)

receipt = table(
    "ops.receipt",
    "What the CRM last answered for each record",
    key("system", Text, _SYSTEM),
    key("kind", Text, _KIND),
    key("key", Text, _KEY),
    must("ok", Boolean, "Accepted"),
    may("crm_id", Text, "The CRM's id of the record"),
    may("code", Text, "The CRM's own code when it refused"),
    may("message", Text, "The CRM's own message when it refused"),
    may("payload", JSONB, "Our fields as they stand in the CRM by our last accepted writes; null = no record of ours"),
    may("refused_hash", Text, "SHA-256 of the payload refused last: not sent again until it changes"),
    may("refused_fields", Text, "The mapping by which it was refused: another one tries again"),
    may(
        "parked", JSONB, "Fields whose last write was undone, with the undone values: not sent again until they change"
    ),
    must("look_again", Boolean, "To be compared by the next run though nothing new was published", server_default=_NO),
    must("outbox_id", BigInteger, "The change it answers (ops.outbox)"),
    must("answered_at", INSTANT, "When"),
    Index("ix_receipt_look_again", "system", "kind", postgresql_where=text("look_again")),
    Index("ix_receipt_refused", "system", "kind", postgresql_where=text("not ok")),
)

conflict = table(
    "ops.conflict",
    "Where the CRM's people have the last word: fields that they edited since our last write, records that are gone",
    key("conflict_id", BigInteger, "The conflict", autoincrement=True),
    must("system", Text, _SYSTEM),
    must("kind", Text, _KIND),
    must("key", Text, _KEY),
    must("field", Text, "Our name of the field; * = the whole record"),
    must("reason", Text, "edited; gone (deleted or merged in the CRM)"),
    may("sent", JSONB, "What we last sent; null = nothing"),
    may("theirs", JSONB, "What stood in the CRM when we last looked"),
    may("wanted", JSONB, "What we would write"),
    must("state", Text, "open; kept (theirs, by decision); ours (to be written by the next run); resolved"),
    may("resolution", Text, "equal, ours, declared (the field is declared ours), reverted, or back (the record)"),
    must("write_batch_id", BigInteger, "The batch that found it last (ops.write_batch)"),
    must("found_at", INSTANT, "When it was found first"),
    must("seen_at", INSTANT, "When it was found last"),
    may("decided_by", Text, "Who decided"),
    may("settled_at", INSTANT, "When it was decided or resolved"),
    Index(None, "write_batch_id"),
    Index(
        "uq_conflict_unresolved",
        "system",
        "kind",
        "key",
        "field",
        unique=True,
        postgresql_where=text("state <> 'resolved'"),
    ),
)

write_mark = table(
    "ops.write_mark",
    "How far the published rows have been compared with the receipts",
    key("system", Text, _SYSTEM),
    key("kind", Text, _KIND),
    must("published_at", INSTANT, "Rows published until then have been looked at"),
    must("fields", Text, "The mapped fields then; other ones and everything is looked at again"),
    must("moved_at", INSTANT, "When"),
)

write_owner = table(
    "ops.write_owner",
    "The CRM user of each person when the records were last compared; another one and they are looked at again",
    key("system", Text, _SYSTEM),
    key("employee_id", Text, "The person (core.employee)"),
    may("crm_user_id", Text, "The CRM user; null = none"),
)
