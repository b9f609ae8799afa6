"""Salesforce as the CRM that is written to: check-ins onto visits by record id, daily records by external id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from fieldwork.connectors.base import Quota, RowResult
from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.salesforce import live, readiness, records
from fieldwork.connectors.salesforce.bulk import CALLS, BulkJobs
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Writing
from fieldwork.errors import BadResponse, ConfigError
from fieldwork.writeback.fields import FIELDS

#: Rows of a job: far below 100 MB, whatever our fields hold.
ROWS_A_JOB: Final = 50_000


class SalesforceTarget:
    """The kinds that ``[salesforce.write.*]`` maps; see :class:`fieldwork.connectors.base.BulkTarget`."""

    system: str = "salesforce"
    batch_size: int = 200
    parallel: int = 8
    bulk_size: int = ROWS_A_JOB

    def __init__(self, client: SalesforceClient, options: Options) -> None:
        self.client = client
        self.bulk_from = options.bulk_from
        self._options = options
        self._jobs = BulkJobs(client, options)

    # --- calls and their quota

    @property
    def calls(self) -> int:
        """Calls made so far, log-ins left out."""
        return self.client.calls

    def allow(self, calls: int | None) -> None:
        """So many calls more and none beyond."""
        self.client.allow(calls)

    def quota(self) -> Quota:
        """The org's calls of 24 hours, from ``/limits``."""
        daily = document(self.client.read(f"{self._options.base}/limits").body).get("DailyApiRequests", {})
        granted, left = (daily.get(name) for name in ("Max", "Remaining"))
        if not isinstance(granted, int) or not isinstance(left, int):
            raise BadResponse("Salesforce does not say how many calls are left.", todo="The next attempt asks again.")
        return Quota(granted, left)

    def predict(self, kind: str, rows: int, key_bytes: int) -> int:
        """The description, a read for each page, a write for each batch or what each job takes."""
        if not rows:
            return 0
        reads = -(-rows // self.page_size(kind, key_bytes))
        if self.bulk_from and rows >= self.bulk_from:
            return 1 + reads + CALLS * -(-rows // self.bulk_size)
        return 1 + reads + -(-rows // self.batch_size)

    # --- reading

    def preflight(self, kind: str) -> None:
        """Raises ConfigError that lists the fields which the org lacks or does not let us write."""
        readiness.preflight(self.client, self._options, self._writing(kind), kind)

    def creates(self, kind: str) -> bool:
        """Records that are found by an external id."""
        return not self._writing(kind).by_id

    def page_size(self, kind: str, key_bytes: int) -> int:
        """2,000 ids, or as many external ids as fit into a URL."""
        return live.page_size(self._writing(kind), key_bytes, self.batch_size)

    def current(self, kind: str, keys: Sequence[str]) -> pa.Table:
        """Live values; absent records have no row."""
        return live.current(self.client, self._options, self._writing(kind), kind, keys)

    # --- writing

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        """One call for at most 200 rows; a refused row stops no other."""
        writing = self._writing(kind)
        keys = records.checked_keys(rows, kind, self.batch_size)
        if not keys:
            return []
        by_key = "" if writing.by_id else f"/{writing.object}/{writing.key}"
        body = {"allOrNone": False, "records": records.as_records(writing, rows)}
        answer = self.client.call("PATCH", f"{self._options.base}/composite/sobjects{by_key}", body, once=True)
        return records.results(answer, keys, writing)

    def delete(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        """One call for at most 200 records by their ids."""
        writing = self._writing(kind)
        keys = records.checked_keys(rows, kind, self.batch_size)
        ids = ",".join(rows.column("crm_id").to_pylist())
        path = f"{self._options.base}/composite/sobjects?ids={ids}&allOrNone=false"
        answer = self.client.call("DELETE", path, once=True)
        return list(records.deleted(records.results(answer, keys, writing)))

    def submit(self, kind: str, rows: pa.Table) -> str:
        """A job with these rows, not yet let go."""
        records.checked_keys(rows, kind, self.bulk_size)
        return self._jobs.submit(self._writing(kind), rows)

    def collect(self, kind: str, job: str, keys: Sequence[str]) -> Sequence[RowResult]:
        """Let the job go, wait for it, and give a result for each key."""
        return self._jobs.collect(self._writing(kind), job, keys)

    def recall(self, kind: str, job: str, keys: Sequence[str]) -> Sequence[RowResult] | None:
        """None when the job never ran and never will."""
        return self._jobs.recall(self._writing(kind), job, keys)

    def _writing(self, kind: str) -> Writing:
        writing = self._options.writings.get(kind)
        if writing is None or kind not in FIELDS:
            raise ConfigError(f"Nothing of kind {kind} is written.", todo=f"Map it in [salesforce.write.{kind}].")
        foreign = sorted(writing.fields.keys() - FIELDS[kind].keys())
        if foreign:
            raise ConfigError(
                f"[{writing.setting}] maps {', '.join(foreign)}, which may not leave for the CRM.",
                todo=f"Choose among: {', '.join(FIELDS[kind])}.",
            )
        return writing
