"""The errors of a batch that is stopped: which rule, how many, of what, and what to do; never a value of a row."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from fieldwork.errors import BatchRuleFailed, EmptyStream, FieldworkError, TooManyBadRows
from fieldwork.warehouse import ledger

from . import breaker
from .acceptance import Acceptance
from .outcome import RuleOutcome


def of_batch(
    batch: ledger.Batch, outcomes: Sequence[RuleOutcome], told: Mapping[str, Any], acceptance: Acceptance
) -> FieldworkError | None:
    """The error for what stops this batch and was not accepted; None when its rows can be judged one by one."""
    stops = [o for o in outcomes if o.stops and not acceptance.covers(o)]
    tripped = [o for o in outcomes if breaker.is_tripped(o) and not acceptance.covers(o)]
    counted = any(o.rule == f"{batch.stream}.row_count" for o in stops)
    if counted and stops[0].total == 0:
        return EmptyStream(
            f"{batch.system} gave no {batch.stream} ({_span(batch)}, batch {batch.batch_id}),"
            f" where at least {told['min_rows']} should be ({stops[0].rule}).",
            todo=f"Check that our login may read {batch.stream} there and that the days are right. For days off"
            f" raise quality.suspicious_person_days. {_go_on(batch.run_id, [o.rule for o in stops])}",
        )
    if stops:
        named = ", ".join(o.rule for o in stops)
        where = f"{_span(batch)}, batch {batch.batch_id}"
        where += f"; {told['min_rows']} to {told['max_rows']} rows are plausible" if counted else ""
        return BatchRuleFailed(
            f"{named} failed for {stops[0].total} rows of {batch.stream} ({where}).",
            todo=f"{_look(batch, stops[0].rule)} Mend the source and start the run again."
            f" {_go_on(batch.run_id, [o.rule for o in stops])}",
        )
    if tripped:
        return TooManyBadRows(
            f"{_too_many(tripped)} (of {batch.stream}, {_span(batch)}, batch {batch.batch_id}): {_worst(outcomes)}.",
            todo=f"{_look(batch, tripped[0].rule)} Mend the source, or the rule in expectations/{batch.stream}.json."
            f" {_go_on(batch.run_id, [o.rule for o in tripped])}",
        )
    return None


def of_whole(run_id: str, stopped: Mapping[str, Sequence[str]], diff: Sequence[str]) -> BatchRuleFailed:
    """The error for days or fields that stop a run: which, by rule, and as ``diff`` what changed of fields."""
    named = "; ".join(f"{rule}: {', '.join(where)}" for rule, where in stopped.items())
    changes = f" What changed: {'; '.join(diff)}." if diff else ""
    show = f"`fieldwork checks show --run {shlex.quote(run_id)} --rule {next(iter(stopped))}`"
    return BatchRuleFailed(
        f"Rules about whole batches failed: {named}.{changes}",
        todo=f"Nothing was loaded and the staged rows are kept. Look: {show}. Ask who looks after the source."
        f" {_go_on(run_id, list(stopped))}",
    )


def _span(batch: ledger.Batch) -> str:
    begin = f"{batch.window.start:%F %T} to " if batch.window.start else "until "
    return f"{begin}{batch.window.end:%F %T} UTC"


def _look(batch: ledger.Batch, rule: str) -> str:
    command = f"fieldwork checks show --batch {batch.batch_id} --rule {rule}"
    return f"Nothing was loaded and the staged rows are kept. Look at them: `{command}`."


def _go_on(run_id: str, rules: Sequence[str]) -> str:
    accepted = " ".join(f"--accept {rule}" for rule in rules)
    command = f"fieldwork step check --run-id {shlex.quote(run_id)} {accepted} --why …"
    return f"If it is right as it is: `{command}`, then go on."


def _too_many(tripped: Sequence[RuleOutcome]) -> str:
    words = {breaker.BAD: "are bad", breaker.HELD: "have an unknown owner or customer"}
    said = [
        f"{o.failing:,} of {o.total:,} rows ({(o.failing or 0) / (o.total or 1):.1%})"
        f" {words[o.rule.rpartition('.')[2]]} ({o.rule})"
        for o in tripped
    ]
    return f"At least {' and '.join(said)}"


def _worst(outcomes: Sequence[RuleOutcome]) -> str:
    broken = [o for o in outcomes if o.severity == "critical" and o.outcome == "failed" and not breaker.is_tripped(o)]
    worst = sorted(broken, key=lambda o: -(o.failing or 0))[:5]
    return ", ".join(f"{o.rule} {o.failing:,}" for o in worst)
