"""The Salesforce sandbox: which call gets which answer (vendors/crm-apis.md, section 1).

Errors are JSON arrays under an HTTP status; the token endpoint answers with an object. Daily calls are counted and
told in ``Sforce-Limit-Info``.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fieldwork.sandbox.company import Company
from fieldwork.sandbox.salesforce_bulk import Ingest
from fieldwork.sandbox.salesforce_door import Door, HttpError, json_body
from fieldwork.sandbox.salesforce_groups import grouped
from fieldwork.sandbox.salesforce_query import Found, QueryError, by_ids, run
from fieldwork.sandbox.salesforce_schema import OBJECTS, SObject, describe
from fieldwork.sandbox.salesforce_store import Store
from fieldwork.sandbox.salesforce_write import PERSON, Outcome, Writer
from fieldwork.sandbox.server import Reply, Request, json_reply
from fieldwork.sandbox.soql import Query, SoqlError, parse
from fieldwork.sandbox.state import Journal

VERSIONS: Final = ("60.0", "61.0", "62.0", "63.0", "64.0", "65.0", "66.0", "67.0")
PAGE: Final = 2000
BATCH: Final = 200
#: answers that a client may still page through
OPEN_LOCATORS: Final = 64


NOT_FOUND: Final = (404, "NOT_FOUND", "The requested resource does not exist")


@dataclass(frozen=True, slots=True)
class Call:
    """A routed request: ``version`` as in the path (``v62.0``), ``parts`` what the route's pattern caught."""

    request: Request
    version: str
    parts: tuple[str, ...]

    @property
    def sobject(self) -> SObject:
        """The object that the path names; raises HttpError NOT_FOUND."""
        return _object(self.parts[0])


class SalesforceApp:
    """One company's Salesforce org. ``calls_a_day`` is what the org may use before it answers 403."""

    def __init__(
        self, company: Company, *, client_id: str, client_secret: str, journal: Journal, calls_a_day: int = 1_000_000
    ) -> None:
        self.door = Door(client_id, client_secret, calls_a_day)
        self.jobs = Ingest()
        self._journal = journal
        self._locators: OrderedDict[str, Found] = OrderedDict()
        self._lock = threading.Lock()
        self.load(company)

    def load(self, company: Company) -> None:
        """Serve this company from now on, with the journal's writes on top."""
        store = Store(company)
        self._writer = Writer(store, self._journal)
        self._store = store

    def expire_tokens(self) -> None:
        """Every token issued so far is refused from now on."""
        self.door.forget_tokens()

    def records(self, name: str) -> list[dict[str, Any]]:
        """An object's records, deleted ones too, with Salesforce's field names."""
        sheet = self._store.sheets.get(name.lower())
        if sheet is None:
            return []
        with self._store.lock:
            return sheet.records()

    def edit(self, name: str, identifier: str, fields: Mapping[str, Any]) -> None:
        """A person changes a record by hand; raises LookupError with Salesforce's code when it is refused."""
        record = {**_typed(_object(name), fields), "id": identifier}
        _must_pass(self._writer.update([record], all_or_none=False, by=PERSON)[0])

    def remove(self, identifier: str) -> None:
        """A person deletes a record; raises LookupError with Salesforce's code when it is refused."""
        _must_pass(self._writer.delete([identifier], all_or_none=False, by=PERSON)[0])

    def purge(self, name: str, identifiers: Sequence[str]) -> None:
        """Records vanish as if the recycle bin had been emptied: no query finds them any more."""
        with self._store.lock:
            self._store.sheets[_object(name).name.lower()].purge(identifiers)

    def answer(self, request: Request) -> Reply:
        """The vendor's answer."""
        path = request.path.rstrip("/")
        if path == "/services/oauth2/token":
            return self.door.login(request)
        if path == "/services/data":
            versions = [{"version": v, "label": f"v{v}", "url": f"/services/data/v{v}"} for v in VERSIONS]
            return json_reply(versions)
        try:
            self.door.admit(request)
            reply = self._route(request, path)
        except HttpError as problem:
            reply = json_reply([{"message": problem.message, "errorCode": problem.code}], problem.status)
        reply.headers["Sforce-Limit-Info"] = self.door.usage
        return reply

    def _route(self, request: Request, path: str) -> Reply:
        match = re.fullmatch(r"/services/data/v(\d+\.0)(?:/(.*))?", path)
        if match is None or match[1] not in VERSIONS:
            raise HttpError(*NOT_FOUND)
        for method, pattern, answer in ROUTES:
            parts = re.fullmatch(pattern, match[2] or "", re.IGNORECASE)
            if parts is not None and method == request.method:
                return answer(self, Call(request, f"v{match[1]}", parts.groups("")))
        raise HttpError(*NOT_FOUND)

    # --- reading

    def limits(self, _: Call) -> Reply:
        """``/limits``."""
        return json_reply({"DailyApiRequests": {"Max": self.door.allowed, "Remaining": self.door.remaining}})

    def objects(self, _: Call) -> Reply:
        """``/sobjects``."""
        names = [{"name": sobject.name, "keyPrefix": sobject.prefix} for sobject in OBJECTS.values()]
        return json_reply({"encoding": "UTF-8", "maxBatchSize": BATCH, "sobjects": names})

    def described(self, call: Call) -> Reply:
        """``/sobjects/{S}/describe``."""
        return json_reply(describe(call.sobject))

    def query(self, call: Call) -> Reply:
        """``/query`` and ``/queryAll``."""
        try:
            query = parse(call.request.query.get("q", ""))
            deleted = call.parts[0].lower() == "all"
            if query.columns:
                groups = grouped(self._store, query, deleted=deleted)
                return json_reply({"totalSize": len(groups), "done": True, "records": groups})
            found = run(self._store, query, deleted=deleted)
        except SoqlError as error:
            raise HttpError(400, "MALFORMED_QUERY", str(error)) from None
        except QueryError as error:
            raise HttpError(400, error.code, error.message) from None
        if not query.fields:
            return json_reply({"totalSize": len(found.positions), "done": True, "records": []})
        return self._page(found, f"01gSB{secrets.token_hex(6)}", 0, _page_size(call.request), call.version)

    def more(self, call: Call) -> Reply:
        """The page that ``nextRecordsUrl`` names."""
        name, _, size = call.parts[0].partition("x")
        found = self._locators.get(name)
        if found is None or not size.isdigit():
            raise HttpError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(found, name, int(call.parts[1]), int(size), call.version)

    def _page(self, found: Found, locator: str, start: int, size: int, version: str) -> Reply:
        total = len(found.positions)
        body: dict[str, Any] = {"totalSize": total, "done": start + size >= total}
        if not body["done"]:
            body["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}x{size}-{start + size}"
            with self._lock:
                self._locators[locator] = found
                while len(self._locators) > OPEN_LOCATORS:
                    self._locators.popitem(last=False)
        body["records"] = found.page(start, size, version)
        return json_reply(body)

    def retrieve(self, call: Call) -> Reply:
        """Records of a type by id, in the order asked, null where there is none (``POST`` or ``GET``)."""
        body = json_body(call.request) if call.request.method == "POST" else call.request.query
        ids, fields = _names(body.get("ids")), _names(body.get("fields"))
        if not ids or not fields:
            raise HttpError(400, "MISSING_ARGUMENT", "ids and fields are needed")
        if len(ids) > PAGE:
            raise HttpError(400, "EXCEEDED_ID_LIMIT", f"no more than {PAGE} ids")
        shown = self._shown(call, ids, fields)
        return json_reply([shown.get(identifier) for identifier in ids])

    def one(self, call: Call) -> Reply:
        """One record by id, or by external field and value."""
        identifier = self._identify(call.sobject, *call.parts[1:])
        fields = _names(call.request.query.get("fields")) or [f.name for f in call.sobject.fields.values()]
        shown = self._shown(call, [identifier], fields) if identifier else {}
        if identifier not in shown:
            raise HttpError(*NOT_FOUND)
        return json_reply(shown[identifier])

    def _shown(self, call: Call, ids: list[str], fields: list[str]) -> dict[str, dict[str, Any]]:
        """Live records among ``ids``, by id."""
        paths = tuple((field, 1) for field in fields)
        query = Query(", ".join(fields), paths, call.sobject.name, None, (), None, 0)
        try:
            return by_ids(self._store, query, ids).by_id(call.version)
        except QueryError as error:
            raise HttpError(400, error.code, error.message) from None

    # --- writing

    def upsert_many(self, call: Call) -> Reply:
        """``PATCH /composite/sobjects/{S}/{ExternalIdField}``."""
        sobject = _external(call.sobject, call.parts[1])
        records, all_or_none = _batch(call.request)
        outcomes = self._writer.upsert(sobject, call.parts[1], records, all_or_none=all_or_none)
        return json_reply([outcome.as_json(upsert=True) for outcome in outcomes])

    def update_many(self, call: Call) -> Reply:
        """``PATCH /composite/sobjects``: by record id."""
        records, all_or_none = _batch(call.request)
        outcomes = self._writer.update(records, all_or_none=all_or_none)
        return json_reply([outcome.as_json(upsert=False) for outcome in outcomes])

    def delete_many(self, call: Call) -> Reply:
        """``DELETE /composite/sobjects?ids=``."""
        ids = _names(call.request.query.get("ids"))
        if not ids or len(ids) > BATCH:
            raise HttpError(400, "EXCEEDED_MAX_SIZE_REQUEST", f"from 1 to {BATCH} ids are needed")
        outcomes = self._writer.delete(ids, all_or_none=call.request.query.get("allOrNone", "").lower() == "true")
        return json_reply([outcome.as_json(upsert=False) for outcome in outcomes])

    def ingest(self, call: Call) -> Reply:
        """``/jobs/ingest`` and what stands below it."""
        return self.jobs.answer(self._writer, call.request, call.version, *call.parts)

    def create_one(self, call: Call) -> Reply:
        """``POST /sobjects/{S}``."""
        outcome = self._writer.insert(call.sobject, _typed(call.sobject, json_body(call.request)))
        return _single(outcome, 201)

    def update_one(self, call: Call) -> Reply:
        """``PATCH /sobjects/{S}/{id}``."""
        identifier = call.parts[1]
        if not self._store.sheets[call.sobject.name.lower()].has(identifier):
            raise HttpError(*NOT_FOUND)
        record = {**_typed(call.sobject, json_body(call.request)), "id": identifier}
        return _single(self._writer.update([record], all_or_none=False)[0], 204)

    def upsert_one(self, call: Call) -> Reply:
        """``PATCH /sobjects/{S}/{ExternalIdField}/{value}``."""
        _, key, value = call.parts
        sobject = _external(call.sobject, key)
        record = {**_typed(sobject, json_body(call.request)), sobject.fields[key.lower()].name: value}
        outcome = self._writer.upsert(sobject, key, [record], all_or_none=False)[0]
        return _single(outcome, 201 if outcome.created else 200)

    def _identify(self, sobject: SObject, key: str, value: str | None = None) -> str | None:
        """An id as it is; an external field and a value as the id of the record that has it."""
        if value is None:
            return key
        return self._store.sheets[_external(sobject, key).name.lower()].find(value)


#: method, path after the version, and what answers
ROUTES: Final[tuple[tuple[str, str, Callable[[SalesforceApp, Call], Reply]], ...]] = (
    ("GET", r"limits", SalesforceApp.limits),
    ("GET", r"query(all)?", SalesforceApp.query),
    ("GET", r"query(?:all)?/(\w+)-(\d+)", SalesforceApp.more),
    ("GET", r"sobjects", SalesforceApp.objects),
    ("GET", r"sobjects/(\w+)/describe", SalesforceApp.described),
    ("POST", r"sobjects/(\w+)", SalesforceApp.create_one),
    ("GET", r"sobjects/(\w+)/([^/]+)", SalesforceApp.one),
    ("PATCH", r"sobjects/(\w+)/([^/]+)", SalesforceApp.update_one),
    ("GET", r"sobjects/(\w+)/(\w+)/(.+)", SalesforceApp.one),
    ("PATCH", r"sobjects/(\w+)/(\w+)/(.+)", SalesforceApp.upsert_one),
    ("PATCH", r"composite/sobjects", SalesforceApp.update_many),
    ("DELETE", r"composite/sobjects", SalesforceApp.delete_many),
    ("PATCH", r"composite/sobjects/(\w+)/(\w+)", SalesforceApp.upsert_many),
    ("POST", r"composite/sobjects/(\w+)", SalesforceApp.retrieve),
    ("GET", r"composite/sobjects/(\w+)", SalesforceApp.retrieve),
    *(
        (method, r"jobs/ingest(?:/(\w+))?(?:/(\w+))?", SalesforceApp.ingest)
        for method in ("POST", "PUT", "PATCH", "GET", "DELETE")
    ),
)


def _object(name: str) -> SObject:
    sobject = OBJECTS.get(name.lower())
    if sobject is None:
        raise HttpError(*NOT_FOUND)
    return sobject


def _external(sobject: SObject, key: str) -> SObject:
    """The object, once ``key`` is known to be an external id of it."""
    field = sobject.fields.get(key.lower())
    if field is None or not field.external_id:
        raise HttpError(400, "INVALID_FIELD", f"Provided external ID field does not exist or is not accessible: {key}")
    return sobject


def _batch(request: Request) -> tuple[list[Any], bool]:
    body = json_body(request)
    records = body.get("records")
    if not isinstance(records, list):
        raise HttpError(400, "JSON_PARSER_ERROR", "records is missing")
    if len(records) > BATCH:
        raise HttpError(400, "EXCEEDED_MAX_SIZE_REQUEST", f"cannot submit more than {BATCH} records in a call")
    return records, body.get("allOrNone") is True


def _typed(sobject: SObject, record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "attributes": {"type": sobject.name}}


def _must_pass(outcome: Outcome) -> None:
    if outcome.refused is not None:
        raise LookupError(outcome.refused.code)


def _single(outcome: Outcome, status: int) -> Reply:
    """The answer of a single-record write."""
    if outcome.refused is not None:
        refused = outcome.refused
        return json_reply([{"message": refused.message, "errorCode": refused.code, "fields": refused.fields}], 400)
    if status == 204:
        return Reply(status=204)
    return json_reply({"id": outcome.identifier, "success": True, "errors": [], "created": outcome.created}, status)


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [name for name in value.split(",") if name]
    return [str(name) for name in value] if isinstance(value, list) else []


def _page_size(request: Request) -> int:
    match = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
    return min(max(int(match[1]), BATCH), PAGE) if match else PAGE
