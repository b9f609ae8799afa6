"""The suites: every rule fails on a bad example of its own, none on a good row, and GX itself reads the files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.quality import batch_day, batch_field, joined, runner, suites
from fieldwork.quality.runner import RuleOutcome
from fieldwork.quality.suites import ABOUT_BATCHES, DATASETS
from fieldwork.settings import ROOT
from fieldwork.streams import STREAMS
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import mart

from .examples import BAD, GOOD, KEY, PARAMETERS, Row

EXPECTATIONS = ROOT / "expectations"
#: Suites that are told how many rows there should be.
COUNTED = {dataset for dataset in DATASETS if dataset not in ABOUT_BATCHES}


def _table(dataset: str) -> sa.Table:
    """What the suite looks at, with no constraint of its own: the suite must find every fault by itself."""
    if dataset in STREAMS:
        return staging.table(STREAMS[dataset], 1)
    about = {"days": batch_day, "fields": batch_field}
    seen = about[dataset].judged([]) if dataset in about else joined.rows_of(mart.BUILD[dataset])
    derived = joined.DERIVED.get(dataset, {})
    columns = [sa.Column(c.name, c.type) for c in seen.selected_columns if c.name not in derived]
    columns += [sa.Column(name, sa.Double, sa.Computed(how, persisted=True)) for name, how in derived.items()]
    return sa.Table("b1", sa.MetaData(), sa.Column("seq", sa.BigInteger, sa.Identity()), *columns, schema="staging")


def _judge(engine: sa.Engine, dataset: str, rows: list[Row]) -> dict[str, RuleOutcome]:
    table = _table(dataset)
    with engine.begin() as connection:
        table.create(connection)
        for row in rows:  # in order: the n-th row has seq n
            connection.execute(table.insert().values(row))
    suite = suites.read(EXPECTATIONS, dataset)
    key = "seq" if dataset in STREAMS else None
    outcomes = runner.run(engine.url, suite, table="b1", rows=len(rows), parameters=PARAMETERS, key=key)
    return {o.rule.removeprefix(f"{dataset}."): o for o in outcomes}


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_rule_fails_on_its_own_bad_rows_and_on_no_others(warehouse: sa.Engine, dataset: str) -> None:
    rows = [{**GOOD[dataset], **_different(dataset, n), **change} for n, (change, _) in enumerate(BAD[dataset])]
    outcomes = _judge(warehouse, dataset, [*rows, GOOD[dataset]])
    expected = Counter(rule for _, rules in BAD[dataset] for rule in rules)
    without = {"row_count"} if dataset in COUNTED else set()
    assert set(outcomes) - set(expected) == without, "a rule without a bad example"
    assert {rule: o.failing for rule, o in outcomes.items() if o.outcome == "failed"} == dict(expected)
    for rule, outcome in outcomes.items():
        broken = [n for n, (_, rules) in enumerate(BAD[dataset], start=1) if rule in rules]
        moves = dataset in STREAMS and outcome.severity == "critical"
        assert sorted(outcome.keys) == (broken if moves else []), rule


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_good_row_passes_every_rule(warehouse: sa.Engine, dataset: str) -> None:
    outcomes = _judge(warehouse, dataset, [GOOD[dataset]])
    assert {o.outcome for o in outcomes.values()} == {"passed"}


def _different(dataset: str, n: int) -> Row:
    """What keeps copies of the good row apart where a rule asks for uniqueness."""
    apart: Row = {KEY[dataset]: f"k{n}"} if dataset in KEY else {}
    if dataset in {"employees", "crm_users"}:
        apart["employee_no"] = f"n{n}"
    if dataset == "visit_check":
        apart["record_id"] = f"r{n}"
    return apart


@pytest.mark.parametrize("dataset", DATASETS)
def test_great_expectations_reads_the_file_itself(dataset: str) -> None:
    import great_expectations as gx  # noqa: TID251 - proves that the files are GX's own

    document = json.loads((EXPECTATIONS / f"{dataset}.json").read_text(encoding="utf-8"))
    suite = gx.ExpectationSuite(**document)
    assert suite.name == dataset
    assert len(suite.expectations) == len(document["expectations"])


def test_there_is_one_suite_for_every_dataset_and_no_other() -> None:
    assert sorted(path.stem for path in EXPECTATIONS.glob("*.json")) == sorted(DATASETS)


def test_rule_ids_are_unique_and_begin_with_their_dataset() -> None:
    rules = [(dataset, rule.id) for dataset in DATASETS for rule in suites.read(EXPECTATIONS, dataset).rules]
    assert all(rule_id.startswith(f"{dataset}.") for dataset, rule_id in rules)
    assert len({rule_id for _, rule_id in rules}) == len(rules) > 150


def test_only_an_unknown_owner_or_customer_is_held() -> None:
    held = {rule.id for dataset in DATASETS for rule in suites.read(EXPECTATIONS, dataset).rules if rule.held}
    owners = {f"{name}.owner_known" for name in ("punches", "leave", "visits", "tasks", "opportunities")}
    assert held == owners | {"visits.account_known"}


RULE = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "kind"}, "severity": "critical"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not a suite"),
        ("[]", "is not a suite"),
        ('{"expectations": []}', "no expectations"),
        (json.dumps({"expectations": [RULE]}), "Expectation 1 of .* has no meta.rule"),
        (json.dumps({"expectations": [7]}), "has no meta.rule"),
        (json.dumps({"expectations": [RULE | {"meta": {"rule": "a"}, "severity": "fatal"}]}), "no known severity"),
        (json.dumps({"expectations": [RULE | {"meta": {"rule": "a"}}] * 2}), "two rules a"),
    ],
)
def test_a_broken_suite_is_a_config_error_that_names_the_fault(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "punches.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        suites.read(tmp_path, "punches")


def test_a_missing_suite_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no suite .*punches\.json"):
        suites.read(tmp_path, "punches")
