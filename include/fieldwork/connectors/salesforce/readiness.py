"""Is the org ready to be written: the mapping compared with what Salesforce says of the object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.salesforce import problems
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import Options, Writing
from fieldwork.connectors.salesforce.records import METADATA
from fieldwork.errors import ConfigError
from fieldwork.streams import MONEY, NUMBER
from fieldwork.writeback.fields import FIELDS

#: Decimals that we write; an org that keeps fewer would round, and the rounded value would look like a person's edit.
DECIMALS: Final = 2


def preflight(client: SalesforceClient, options: Options, writing: Writing, kind: str) -> None:
    """Raises ConfigError that lists the fields which the org lacks or does not let us write."""
    answer = client.call("GET", f"{options.base}/sobjects/{writing.object}/describe")
    if answer.status == 404:
        raise _to_deploy(f"this org has no object {writing.object}")
    if answer.status != 200:
        raise problems.refused(problems.problem(answer), f"the description of {writing.object}")
    described = {field["name"]: field for field in document(answer.body).get("fields", [])}
    wrong = list(_shortcomings(writing, kind, described))
    if wrong:
        raise _to_deploy(f"{writing.object} is not ready to be written: {'; '.join(wrong)}")


def _shortcomings(writing: Writing, kind: str, described: dict[str, dict[str, Any]]) -> Iterator[str]:
    key = described.get(writing.key)
    if key is None:
        yield f"{writing.key} is missing"
    elif not (key.get("externalId") or key.get("idLookup")):
        yield f"{writing.key} is no external id"
    marks = {"write_key": writing.write_key} if writing.write_key else {}
    for name, field in {**writing.fields, **marks}.items():
        here = described.get(field)
        if here is None:
            yield f"{field} is missing"
        elif not here.get("updateable") or (not writing.by_id and not here.get("createable")):
            yield f"{field} may not be written"
        elif FIELDS[kind].get(name) in (NUMBER, MONEY) and here.get("scale", DECIMALS) < DECIMALS:
            yield f"{field} keeps fewer than {DECIMALS} decimals"


def _to_deploy(happened: str) -> ConfigError:
    return ConfigError(
        f"Salesforce: {happened}.",
        todo=f"Deploy the metadata in {METADATA} and give its permission set to the Run As user.",
    )
