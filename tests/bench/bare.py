"""The peer: threads download listRecord pages, every page is parsed safely into Arrow, ADBC ingests. Nothing else.

No typing, no datum, no retry, no ledger, no resuming: what the same bytes cost with the same safe parts. As one writes
it first (BENCH_COPY=page: a COPY for each page), and as it is quickest: one COPY a thread, and a fault loses all.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.json as pj

from fieldwork import settings as settings_module
from fieldwork.warehouse.engine import libpq_url, open_engine

from .peak import cpu_seconds, report

FIELDS = [
    ("id", pa.int64()), ("userId", pa.string()), ("userCheckTime", pa.int64()), ("workDate", pa.int64()),
    ("baseCheckTime", pa.int64()), ("gmtModified", pa.int64()), ("checkType", pa.string()),
    ("locationResult", pa.string()), ("userLatitude", pa.float64()), ("userLongitude", pa.float64()),
    ("userAccuracy", pa.float64()), ("userAddress", pa.string()), ("deviceId", pa.string()),
]  # fmt: skip
SHAPE = pj.ParseOptions(
    explicit_schema=pa.schema([("recordresult", pa.list_(pa.struct(FIELDS)))]), unexpected_field_behavior="ignore"
)
THREADS = 8


def call(connection: http.client.HTTPConnection, path: str, body: object) -> bytes:
    """One POST on a kept-alive connection."""
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return connection.getresponse().read()


def parse(body: bytes) -> pa.RecordBatch:
    """The page as ONE line of JSON with a known shape."""
    whole = pj.read_json(BytesIO(body), pj.ReadOptions(block_size=len(body) + 1, use_threads=False), SHAPE)
    rows = whole["recordresult"].combine_chunks().flatten()
    return pa.RecordBatch.from_arrays(rows.flatten(), names=[name for name, _ in FIELDS])


def main() -> None:
    """Download, parse, ingest; print the measurement."""
    settings = settings_module.load()
    url = libpq_url(open_engine(settings))
    connection_file = json.loads(Path(os.environ["FIELDWORK_CONNECTIONS"]).read_text())["fieldwork_attendance"]
    host = urlsplit(connection_file["host"])
    with adbc.connect(url, autocommit=True) as setup, setup.cursor() as cursor:
        cursor.execute("drop table if exists public.bare")
        kinds = {pa.int64(): "bigint", pa.string(): "text", pa.float64(): "double precision"}
        columns = ", ".join(f'"{name}" {kinds[kind]}' for name, kind in FIELDS)
        cursor.execute(f"create unlogged table public.bare ({columns})")
    first, end = (date.fromisoformat(os.environ[name]) for name in ("BENCH_SINCE", "BENCH_UNTIL"))

    connection = http.client.HTTPConnection(host.hostname or "", host.port)
    connection.request("GET", f"/gettoken?appkey={connection_file['login']}&appsecret={connection_file['password']}")
    token = json.loads(connection.getresponse().read())["access_token"]
    users: list[str] = []
    departments = json.loads(call(connection, f"/topapi/v2/department/listsub?access_token={token}", {"dept_id": 1}))
    for department in [1, *(d["dept_id"] for d in departments["result"])]:
        answer = json.loads(call(connection, f"/topapi/user/listid?access_token={token}", {"dept_id": department}))
        users += answer["result"]["userid_list"]
    groups = [users[n : n + 50] for n in range(0, len(users), 50)]
    spans = []
    while first < end:
        spans.append((first, min(first + timedelta(days=7), end)))
        first += timedelta(days=7)
    work = [(group, span) for span in spans for group in groups]

    begun, cpu = time.perf_counter(), cpu_seconds()

    def some(part: list[tuple[list[str], tuple[date, date]]]) -> int:
        mine = http.client.HTTPConnection(host.hostname or "", host.port)
        rows = 0

        def pages() -> Iterator[pa.RecordBatch]:
            nonlocal rows
            for group, (since, until) in part:
                asked = {"userIds": group, "checkDateFrom": f"{since} 00:00:00", "checkDateTo": f"{until} 00:00:00"}
                page = parse(call(mine, f"/attendance/listRecord?access_token={token}", asked))
                rows += page.num_rows
                yield page

        with adbc.connect(url) as warehouse, warehouse.cursor() as cursor:
            if os.environ.get("BENCH_COPY") == "page":
                for page in pages():
                    cursor.adbc_ingest("bare", page, mode="append", db_schema_name="public")
            else:
                stream = pa.RecordBatchReader.from_batches(pa.schema(FIELDS), pages())
                cursor.adbc_ingest("bare", stream, mode="append", db_schema_name="public")
            warehouse.commit()
        return rows

    with ThreadPoolExecutor(THREADS) as pool:
        rows = sum(pool.map(some, [work[n::THREADS] for n in range(THREADS)]))
    report(rows, time.perf_counter() - begun, cpu)


if __name__ == "__main__":
    main()
