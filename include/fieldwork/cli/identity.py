"""Commands about who is who: ``identity review``, ``link``, ``unlink``, ``show``, ``team``, ``left``."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Annotated

import typer

from fieldwork.errors import ConfigError
from fieldwork.steps import decide, lookup, posting, review

from .identity_tables import show_decision, show_known, show_questions
from .warehouse import open_warehouse

DAY = "%Y-%m-%d"

app = typer.Typer(
    no_args_is_help=True,
    help="Who is who: whose an id of the attendance system or the CRM is, and in which team somebody was.\n\n"
    "Rules link ids to people by themselves. What they cannot decide waits in `review`; rows of such an id are held "
    "and go through when you `link` it. Ids are shown, never names, unless you ask with --names, which is noted.",
)

System = Annotated[str, typer.Argument(help="The outside system, e.g. dingtalk or salesforce.")]
ExternalId = Annotated[str, typer.Argument(help="The id there.")]
Employee = Annotated[str, typer.Argument(help="The person's employee id, as in report.performance_day.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=[DAY], help="First day.")]
Until = Annotated[datetime | None, typer.Option("--until", formats=[DAY], help="First day not included.")]
Purpose = Annotated[str | None, typer.Option(help="Why; stands in ops.audit_log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")]
Ahead = Annotated[bool, typer.Option("--ahead", help="The id has not been met yet, and is right.")]
Names = Annotated[bool, typer.Option("--names", help="Show names too; that you looked is noted in ops.audit_log.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON instead of tables.")]


@app.command(name="review")
def review_command(
    everything: Annotated[
        bool, typer.Option("--all", help="Answered questions too, and CRM users who have no rows yet.")
    ] = False,
    names: Names = False,
    purpose: Purpose = None,
    as_json: AsJson = False,
) -> None:
    """What waits for a person's decision: the id, why, who it may be, rows held, since when.

    Answer with `fieldwork identity link`, or with `unlink` when it is nobody.
    """
    engine, settings = open_warehouse()
    with engine.begin() as connection:
        found = review.questions(connection, settings, settled=everything)
        if not everything:
            found = [question for question in found if question.matters]
        ids = [one for question in found for one in (question.external_id, *question.candidates)]
        known = lookup.names(connection, ids, _who(), purpose) if names else {}
    show_questions(found, known, as_json=as_json)


@app.command()
def link(
    system: System,
    external_id: ExternalId,
    employee: Employee,
    since: Since = None,
    until: Until = None,
    ahead: Ahead = False,
    purpose: Purpose = None,
    dry_run: DryRun = False,
) -> None:
    """Say that an id is this person, on these days (default: all).

    Rows that waited for it go through, rows that were somebody else's move; only their person-days are computed again,
    by the next run. If the id was already somebody's, say --from.
    """
    _decide(system, external_id, employee, since, until, ahead, purpose, dry_run)


@app.command()
def unlink(
    system: System,
    external_id: ExternalId,
    since: Since = None,
    until: Until = None,
    ahead: Ahead = False,
    purpose: Purpose = None,
    dry_run: DryRun = False,
) -> None:
    """Say that an id is nobody, on these days (default: all): no rule links it again, its rows are held.

    To take it back, link the id.
    """
    _decide(system, external_id, None, since, until, ahead, purpose, dry_run)


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="An employee id, an employee number or an outside id.")],
    names: Names = False,
    purpose: Purpose = None,
    as_json: AsJson = False,
) -> None:
    """What is known of a person or an id: links with the rule that made them, posts, and who decided what."""
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        known = lookup.look_up(connection, what)
        people = {row["employee_id"] for row in [*known.links, *known.posts] if row["employee_id"]}
        named = lookup.names(connection, people, _who(), purpose) if names else {}
    show_known(known, named, as_json=as_json)


@app.command()
def team(
    employee: Employee,
    name: Annotated[str | None, typer.Argument(metavar="[TEAM]", help="The team; none: set the manager.")] = None,
    manager: Annotated[str | None, typer.Option(help="The manager's employee id.")] = None,
    since: Since = None,
    until: Until = None,
    new: Annotated[bool, typer.Option("--new", help="The team's name has not been met yet, and is right.")] = False,
    purpose: Purpose = None,
    dry_run: DryRun = False,
) -> None:
    """Set right in which team, or under whom, somebody was from a day on.

    A transfer that the source tells late counts from the day on which it was read: this dates it. Without --until it
    holds until the source names another team.
    """
    if since is None:
        raise ConfigError("From which day?", todo="Say --from DATE.")
    engine, settings = open_warehouse()
    first, last = since.date(), until.date() if until else None
    done = posting.set_post(
        engine, settings, employee, team=name, manager=manager, since=first, until=last, new_team=new,
        who=_who(), purpose=purpose, dry_run=dry_run,
    )  # fmt: skip
    show_decision(done, dry_run=dry_run)


@app.command()
def left(
    employee: Employee,
    last_day: Annotated[datetime, typer.Argument(formats=[DAY], help="The last day of employment.")],
    purpose: Purpose = None,
    dry_run: DryRun = False,
) -> None:
    """Say when somebody left whom the attendance system no longer lists: days after it are taken out."""
    engine, settings = open_warehouse()
    done = posting.set_last_day(
        engine, settings, employee, last_day.date(), who=_who(), purpose=purpose, dry_run=dry_run
    )
    show_decision(done, dry_run=dry_run)


def _decide(
    system: str,
    external_id: str,
    employee: str | None,
    since: datetime | None,
    until: datetime | None,
    ahead: bool,
    purpose: str | None,
    dry_run: bool,
) -> None:
    engine, settings = open_warehouse()
    first, last = (moment.date() if moment else None for moment in (since, until))
    done = decide.link(
        engine, settings, system, external_id, employee, since=first, until=last, ahead=ahead, who=_who(),
        purpose=purpose, dry_run=dry_run,
    )  # fmt: skip
    show_decision(done, dry_run=dry_run)


def _who() -> str:
    """The login of whoever gives the command."""
    return getpass.getuser()
