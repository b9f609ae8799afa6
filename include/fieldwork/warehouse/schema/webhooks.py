"""``ops``, the part about webhooks: the endpoints, how far each has been told, every event and what became of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Date, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from .base import INSTANT, key, may, must, table

_ENDPOINT: Final = "The endpoint (ops.webhook_endpoint)"
_KIND: Final = "visit or performance"
_NONE: Final = text("0")

endpoint = table(
    "ops.webhook_endpoint",
    "Where events go, and how it stands there",
    key("endpoint", Text, "Its name in the configuration"),
    must("state", Text, "on; off (it answered 410 Gone): nothing is sent until it is enabled again"),
    must("since", Date, "First working day whose records it is told about"),
    must("failures", Integer, "Times in a row that it was in trouble as a whole", server_default=_NONE),
    may("paused_until", INSTANT, "Nothing is sent before: it was in trouble, or asked to wait"),
    may("problem", Text, "What was wrong with it last, in our words"),
    must("met_at", INSTANT, "When it was first known"),
    may("delivered_at", INSTANT, "When it last took an event"),
)

mark = table(
    "ops.webhook_mark",
    "How far the published rows have been looked at for each endpoint",
    key("endpoint", Text, _ENDPOINT),
    key("kind", Text, _KIND),
    must("published_at", INSTANT, "Rows published until then have been looked at"),
)

event = table(
    "ops.webhook_event",
    "One change of one record for one endpoint; the last one of a record is what the endpoint knows or will know",
    key("event_id", BigInteger, "The event; events of one person are delivered in this order", autoincrement=True),
    must("endpoint", Text, _ENDPOINT),
    must(
        "webhook_id",
        Text,
        "Its name for the receiver, the same at every attempt: webhook-id, and id of the CloudEvent",
        server_default=text("(gen_random_uuid())::text"),
    ),
    must("run_id", Text, "The run that noted it (ops.run), or webhooks-… from the command line"),
    must("kind", Text, _KIND),
    must("key", Text, "Record id of the visit, or employee id and day of the performance record"),
    must("employee_id", Text, "The person (core.employee)"),
    must("work_date", Date, "The working day that it is about"),
    may("payload", JSONB, "Our fields and their values; null = delivered, and forgotten after [webhooks] keep_days"),
    must("payload_hash", Text, "SHA-256 of the payload"),
    may("changed", JSONB, "Names of the fields that differ from the event before; null = the first about this record"),
    must("occurred_at", INSTANT, "When the record was published"),
    must("state", Text, "waiting; delivered; dead (a dead letter: refused, or failed too often)"),
    must("attempts", Integer, "Calls that carried it", server_default=_NONE),
    must("failures", Integer, "Failures that were its own and not the endpoint's", server_default=_NONE),
    must("replays", Integer, "Times that it was put back to be sent again", server_default=_NONE),
    may("due_at", INSTANT, "Not to be sent again before"),
    may("status", Integer, "HTTP status of the last answer; null = none came"),
    may("problem", Text, "What was wrong at the last attempt, in our words"),
    must("written_at", INSTANT, "When it was noted"),
    may("called_at", INSTANT, "When it was last sent"),
    may("settled_at", INSTANT, "When it was delivered or became a dead letter"),
    Index(
        "ix_webhook_event_waiting", "endpoint", "employee_id", "event_id", postgresql_where=text("state = 'waiting'")
    ),
    Index("ix_webhook_event_dead", "endpoint", "event_id", postgresql_where=text("state = 'dead'")),
    Index("ix_webhook_event_record", "endpoint", "kind", "key", "event_id"),
    Index(None, "webhook_id", unique=True),
)
