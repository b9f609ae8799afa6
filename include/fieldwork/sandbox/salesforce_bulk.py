"""The Salesforce sandbox's Bulk API 2.0 for ingest: jobs that are made, filled with one CSV, let go, and asked about.

A job runs after it is let go; :attr:`Ingest.questions` says how often it answers InProgress before. Results stand in
another order than the rows did, as the vendor says that they may.
"""

from __future__ import annotations

import csv
import io
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fieldwork.sandbox.salesforce_door import HttpError, json_body
from fieldwork.sandbox.salesforce_schema import OBJECTS, SObject, from_text
from fieldwork.sandbox.salesforce_write import Outcome, Writer
from fieldwork.sandbox.server import Reply, Request, json_reply

DELIMITERS: Final = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINES: Final = {"LF": "\n", "CRLF": "\r\n"}
OPERATIONS: Final = ("insert", "update", "upsert", "delete")
#: Rows that are judged together: a key that stands twice among them fails, as in a collection.
CHUNK: Final = 200
#: Bytes of one upload.
MOST_BYTES: Final = 100 * 1024 * 1024
NOTHING: Final = "#N/A"


@dataclass(slots=True)
class Job:
    """One ingest job."""

    id: str
    sobject: SObject
    operation: str
    key: str | None
    delimiter: str
    lines: str
    version: str
    state: str = "Open"
    error: str | None = None
    body: bytes | None = None
    questions: int = 0
    created: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime()))
    header: list[str] = field(default_factory=list)
    done: list[tuple[list[str], Outcome]] = field(default_factory=list)
    left: list[list[str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The job as the API tells it."""
        failed = sum(outcome.refused is not None for _, outcome in self.done)
        return {
            "id": self.id, "operation": self.operation, "object": self.sobject.name, "createdDate": self.created,
            "systemModstamp": self.created, "state": self.state, "externalIdFieldName": self.key,
            "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(self.version.removeprefix("v")),
            "contentUrl": f"services/data/{self.version}/jobs/ingest/{self.id}/batches",
            "lineEnding": next(name for name, text in LINES.items() if text == self.lines),
            "columnDelimiter": next(name for name, text in DELIMITERS.items() if text == self.delimiter),
            "numberRecordsProcessed": len(self.done), "numberRecordsFailed": failed, "errorMessage": self.error,
        }  # fmt: skip


class Ingest:
    """All jobs of the org. ``questions``: how often a running job says so; ``stop_after``: rows before a job fails."""

    def __init__(self) -> None:
        self.questions = 1
        self.stop_after: int | None = None
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()

    def answer(self, writer: Writer, request: Request, version: str, job_id: str, what: str) -> Reply:
        """``jobs/ingest``, ``jobs/ingest/{id}`` and what stands below it."""
        with self._lock:
            if not job_id:
                if request.method != "POST":
                    raise HttpError(404, "NOT_FOUND", "The requested resource does not exist")
                return json_reply(self._make(json_body(request), version).as_json())
            job = self._jobs.get(job_id)
            step = _STEPS.get((request.method, what.lower()))
            if job is None or step is None:
                raise HttpError(404, "NOT_FOUND", "The requested resource does not exist")
            return step(self, job, request, writer)

    # --- the life of a job

    def _make(self, asked: dict[str, Any], version: str) -> Job:
        sobject = OBJECTS.get(str(asked.get("object", "")).lower())
        if sobject is None:
            raise HttpError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {asked.get('object')}")
        operation, key = str(asked.get("operation")), asked.get("externalIdFieldName")
        if operation not in OPERATIONS or asked.get("contentType", "CSV") != "CSV":
            raise HttpError(400, "INVALIDJOB", "InvalidJob : operation or contentType is not supported")
        external = sobject.fields.get(str(key).lower())
        if operation == "upsert" and (external is None or not (external.external_id or external.type == "id")):
            raise HttpError(400, "INVALIDJOB", f"InvalidJob : Field name provided, {key} is not an External ID")
        delimiter, lines = asked.get("columnDelimiter", "COMMA"), asked.get("lineEnding", "LF")
        if delimiter not in DELIMITERS or lines not in LINES:
            raise HttpError(400, "INVALIDJOB", "InvalidJob : columnDelimiter or lineEnding is not supported")
        name = f"750SB{secrets.token_hex(7)[:13]}"
        job = Job(name, sobject, operation, key, DELIMITERS[delimiter], LINES[lines], version)
        self._jobs[name] = job
        return job

    def _fill(self, job: Job, request: Request, _: Writer) -> Reply:
        if job.state != "Open" or job.body is not None:
            raise HttpError(400, "INVALIDJOBSTATE", "InvalidJobState : one upload a job, while it is Open")
        if not request.headers.get("content-type", "").lower().startswith("text/csv"):
            raise HttpError(415, "UNSUPPORTED_MEDIA_TYPE", "text/csv is needed")
        if len(request.body) > MOST_BYTES:
            raise HttpError(400, "INVALIDBATCH", "InvalidBatch : the upload is larger than 100 MB")
        job.body = request.body
        return Reply(status=201)

    def _turn(self, job: Job, request: Request, _: Writer) -> Reply:
        state = json_body(request).get("state")
        if job.state != "Open" and not (state == "Aborted" and job.state in ("UploadComplete", "InProgress")):
            raise HttpError(400, "INVALIDJOBSTATE", f"InvalidJobState : job is {job.state}")
        if state not in ("UploadComplete", "Aborted"):
            raise HttpError(400, "INVALIDJOBSTATE", f"InvalidJobState : {state} cannot be set")
        job.state, job.questions = state, self.questions
        return json_reply(job.as_json())

    def _tell(self, job: Job, _: Request, writer: Writer) -> Reply:
        if job.state in ("UploadComplete", "InProgress"):
            job.state = "InProgress"
            job.questions -= 1
            if job.questions < 0:
                self._run(job, writer)
        return json_reply(job.as_json())

    def _forget(self, job: Job, _: Request, __: Writer) -> Reply:
        if job.state in ("UploadComplete", "InProgress"):
            raise HttpError(400, "INVALIDJOBSTATE", f"InvalidJobState : job is {job.state}")
        del self._jobs[job.id]
        return Reply(status=204)

    # --- running

    def _run(self, job: Job, writer: Writer) -> None:
        text = io.StringIO((job.body or b"").decode("utf-8"), newline="")
        job.header, *rows = list(csv.reader(text, delimiter=job.delimiter)) or [[]]
        unknown = [name for name in job.header if name.lower() not in job.sobject.fields]
        if unknown or not job.header:
            job.state, job.error = "Failed", f"InvalidBatch : Field name not found : {', '.join(unknown)}"
            return
        most = len(rows) if self.stop_after is None else self.stop_after
        for first in range(0, min(len(rows), most), CHUNK):
            some = rows[first : min(first + CHUNK, most)]
            job.done += zip(some, _written(writer, job, [_record(job, row) for row in some]), strict=True)
        job.left = rows[most:]
        job.state = "Failed" if job.left else "JobComplete"
        job.error = "TooManyErrors : the job was stopped" if job.left else None

    # --- results

    def _succeeded(self, job: Job, _: Request, __: Writer) -> Reply:
        rows = [[o.identifier or "", str(o.created).lower(), *row] for row, o in job.done if o.refused is None]
        return _csv(job, ["sf__Id", "sf__Created", *job.header], rows)

    def _failed(self, job: Job, _: Request, __: Writer) -> Reply:
        rows = [["", _error(o), *row] for row, o in job.done if o.refused is not None]
        return _csv(job, ["sf__Id", "sf__Error", *job.header], rows)

    def _unprocessed(self, job: Job, _: Request, __: Writer) -> Reply:
        return _csv(job, job.header, job.left)


_STEPS: Final[dict[tuple[str, str], Callable[[Ingest, Job, Request, Writer], Reply]]] = {
    ("PUT", "batches"): Ingest._fill,
    ("PATCH", ""): Ingest._turn,
    ("GET", ""): Ingest._tell,
    ("DELETE", ""): Ingest._forget,
    ("GET", "successfulresults"): Ingest._succeeded,
    ("GET", "failedresults"): Ingest._failed,
    ("GET", "unprocessedrecords"): Ingest._unprocessed,
}


def _record(job: Job, row: Sequence[str]) -> dict[str, Any]:
    """A row as a record: an empty cell leaves the field alone, ``#N/A`` empties it."""
    record: dict[str, Any] = {"attributes": {"type": job.sobject.name}}
    for name, text in zip(job.header, row, strict=False):
        if text:
            record[name] = None if text == NOTHING else from_text(job.sobject.fields[name.lower()], text)
    return record


def _written(writer: Writer, job: Job, records: list[dict[str, Any]]) -> list[Outcome]:
    if job.operation == "upsert" and job.key and job.key.lower() != "id":
        return writer.upsert(job.sobject, job.key, records, all_or_none=False)
    if job.operation == "insert":
        return [writer.insert(job.sobject, record) for record in records]
    if job.operation == "delete":
        return writer.delete([str(_named(record, "id")) for record in records], all_or_none=False)
    return writer.update(records, all_or_none=False)


def _named(record: dict[str, Any], wanted: str) -> Any:
    return next((value for name, value in record.items() if name.lower() == wanted), None)


def _error(outcome: Outcome) -> str:
    refused = outcome.refused
    return f"{refused.code}:{refused.message}:{','.join(refused.fields)} --" if refused else ""


def _csv(job: Job, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Reply:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=job.delimiter, lineterminator=job.lines, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(reversed(list(rows)))
    return Reply(text.getvalue().encode(), content_type="text/csv")
