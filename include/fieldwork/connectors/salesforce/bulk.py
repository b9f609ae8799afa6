"""Bulk API 2.0: many rows as one job. Made, filled, let go, waited for; then three CSV files tell each row's fate.

A job runs only once its upload is said to be complete, so it may be written down under its name before that; a job
that a process left behind is stopped if it has not run, and asked for its results if it has.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from fieldwork.connectors.base import RowResult
from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.salesforce import problems
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Writing
from fieldwork.connectors.salesforce.records import RETRYABLE, is_sent, refused_whole, sent_fields, wire
from fieldwork.connectors.transport import CSV, Answer
from fieldwork.errors import BadResponse, ConfigError, CrmRejected, SourceUnavailable

#: Bytes of one upload.
MOST_BYTES: Final = 100 * 1000 * 1000
#: In a cell: set the field to nothing. An empty cell leaves it as it is.
NOTHING: Final = "#N/A"
#: Calls that a job takes: make, fill, let go, ask once how far it is, three results.
CALLS: Final = 7
#: Seconds between two questions, growing; and how often is asked before a task gives up on a job.
FIRST_S: Final = 1.0
LONGEST_S: Final = 30.0
QUESTIONS: Final = 150

_ENDED: Final = frozenset({"JobComplete", "Failed", "Aborted"})
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]+")


class BulkJobs:
    """Jobs of one org, for upserts by external id and updates by record id."""

    def __init__(self, client: SalesforceClient, options: Options) -> None:
        self._client = client
        self._base = f"{options.base}/jobs/ingest"

    def submit(self, writing: Writing, rows: pa.Table) -> str:
        """Make a job and fill it; nothing is executed yet. Raises ConfigError when the rows are too many bytes."""
        body = as_csv(writing, rows)
        if len(body) > MOST_BYTES:
            raise ConfigError(f"{rows.num_rows} rows make {len(body) >> 20} MB.", todo="Send fewer rows in a job.")
        asked = {
            "object": writing.object, "operation": "update" if writing.by_id else "upsert", "contentType": "CSV",
            "columnDelimiter": "COMMA", "lineEnding": "LF",
            **({} if writing.by_id else {"externalIdFieldName": writing.key}),
        }  # fmt: skip
        answer = self._client.call("POST", self._base, asked, once=True)
        if answer.status not in (200, 201):
            raise refused_whole(answer, rows.num_rows, writing)
        job = document(answer.body).get("id")
        if not isinstance(job, str) or not job.isalnum():
            raise BadResponse(
                "Salesforce made a job without a name.", todo="Nothing was sent; the next run tries anew."
            )
        filled = self._client.call("PUT", f"{self._base}/{job}/batches", body, media=CSV, once=True)
        if filled.status != 201:
            raise refused_whole(filled, rows.num_rows, writing)
        return job

    def collect(self, writing: Writing, job: str, keys: Sequence[str]) -> list[RowResult]:
        """Let the job go if it has not been, wait for its end, and say what became of each row."""
        state = self._ask(job)
        if state["state"] == "Open":
            self._client.call("PATCH", f"{self._base}/{job}", {"state": "UploadComplete"})
            state = self._ask(job)
        return self._results(writing, job, self._ended(job, state), keys)

    def recall(self, writing: Writing, job: str, keys: Sequence[str]) -> list[RowResult] | None:
        """Stop the job if it has not run: None. Else wait for its end and give its results."""
        answer = self._client.call("GET", f"{self._base}/{job}")
        if answer.status == 404:
            return None
        state = self._state(answer)
        if state["state"] == "Open":
            self._client.call("PATCH", f"{self._base}/{job}", {"state": "Aborted"})
            state = self._ask(job)
        ended = self._ended(job, state)
        if ended["state"] == "Aborted" and not ended.get("numberRecordsProcessed"):
            return None
        return self._results(writing, job, ended, keys)

    def _ask(self, job: str) -> dict[str, Any]:
        return self._state(self._client.call("GET", f"{self._base}/{job}"))

    def _state(self, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:
            raise problems.refused(problems.problem(answer), "to tell how a job is getting on")
        state = document(answer.body)
        if not isinstance(state.get("state"), str):
            raise BadResponse("Salesforce does not say how a job is getting on.", todo="The next attempt asks again.")
        return state

    def _ended(self, job: str, state: dict[str, Any]) -> dict[str, Any]:
        """The job's last state, once it has ended; raises SourceUnavailable when that takes too long."""
        wait = FIRST_S
        for _ in range(QUESTIONS):
            if state["state"] in _ENDED:
                return state
            self._client.sleep(wait)
            wait = min(LONGEST_S, wait * 1.5)
            state = self._ask(job)
        raise SourceUnavailable(
            f"Salesforce's job {job} is still {state['state']}.", todo="The next run asks for its results again."
        )

    def _results(self, writing: Writing, job: str, ended: dict[str, Any], keys: Sequence[str]) -> list[RowResult]:
        """A result for each key, in order; a row that the job did not come to may be sent again."""
        found: dict[str, RowResult] = {}
        for which, read in (("successfulResults", _succeeded), ("failedResults", _failed)):
            answer = self._client.call("GET", f"{self._base}/{job}/{which}/", media=CSV)
            if answer.status != 200:
                raise problems.refused(problems.problem(answer), "a job's results")
            found.update({one.key: one for one in read(writing, answer.body)})
        if ended["state"] == "Failed" and not found:
            raise CrmRejected(
                f"Salesforce's job for {writing.object} failed before its first row.",
                todo=f"Compare [{writing.setting}] with the org; see Setup, Bulk Data Load Jobs.",
                crm_code="JOB_FAILED",
                crm_message=ended.get("errorMessage"),
            )
        left_over = "UNPROCESSED", "The job ended before it came to this row."
        return [found.get(key) or RowResult(key, False, code=left_over[0], message=left_over[1], retryable=True)
                for key in keys]  # fmt: skip


def as_csv(writing: Writing, rows: pa.Table) -> bytes:
    """The rows as one CSV text: a column for every field that any of them changes."""
    fields = sent_fields(writing, rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([writing.key, *fields.values()])
    for row in rows.to_pylist():
        writer.writerow([row["key"], *(_cell(row, name) for name in fields)])
    return text.getvalue().encode()


def _cell(row: dict[str, Any], name: str) -> str:
    if not is_sent(row, name):
        return ""
    value = row[name]
    if value is None:
        return NOTHING
    return str(wire(value)) if isinstance(value, datetime) else str(value)


def _succeeded(writing: Writing, body: bytes) -> Iterator[RowResult]:
    for row in _rows(body):
        crm_id = row.get("sf__Id") or None
        yield RowResult(row.get(writing.key) or "", True, created=row.get("sf__Created") == "true", crm_id=crm_id)


def _failed(writing: Writing, body: bytes) -> Iterator[RowResult]:
    """The error is one text: ``CODE:message:fields--``, as far as is known."""
    for row in _rows(body):
        said = row.get("sf__Error") or "UNKNOWN"
        code = _CODE.match(said)
        name = code.group() if code else "UNKNOWN"
        message = said.removeprefix(f"{name}:").removesuffix("--")
        crm_id = row.get("sf__Id") or None
        yield RowResult(
            row.get(writing.key) or "", False, crm_id=crm_id, code=name, message=message, retryable=name in RETRYABLE
        )


def _rows(body: bytes) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(body.decode("utf-8"))))
