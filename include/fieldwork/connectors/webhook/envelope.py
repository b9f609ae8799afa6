"""An event as a CloudEvents 1.0 JSON document (structured mode): the same bytes whenever it is delivered.

Beside the required attributes: ``subject`` (the record), ``time``, and the extensions ``sequence`` (greater is later)
and ``partitionkey`` (the person: order is kept within it).
Source: github.com/cloudevents/spec, v1.0.2, JSON format and HTTP binding.
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

import orjson

from .base import Event

MEDIA: Final = "application/cloudevents+json"
#: The kind of a record: the type of its events. A change of what ``data`` holds gets a new number.
TYPES: Final[dict[str, str]] = {
    "visit": "fieldwork.visit_check.changed.v1",
    "performance": "fieldwork.performance_day.changed.v1",
    "test": "fieldwork.webhook.test.v1",
}


def document(event: Event, source: str) -> bytes:
    """The body of the POST; ``source`` is the URI that names this warehouse."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": source,
            "type": TYPES[event.kind],
            "subject": f"{event.kind}/{event.key}",
            "time": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "sequence": f"{event.number:019d}",
            "partitionkey": event.person,
            "data": {"key": event.key, **event.content, "changed": event.changed},
        }
    )
