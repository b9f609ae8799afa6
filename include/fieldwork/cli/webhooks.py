"""Commands of the webhooks: how they stand, send, dead letters, replay, a test call, a new secret."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
import typer
from rich import box
from rich.table import Table

from fieldwork import failpoint
from fieldwork.connectors.webhook import signature
from fieldwork.connectors.webhook.base import Event
from fieldwork.errors import ConfigError, SourceUnavailable
from fieldwork.settings import Settings
from fieldwork.steps.webhooks import send_webhooks
from fieldwork.writeback.statements import read
from fieldwork.writeback.webhooks import endpoints, queue

from .console import bars, err, out
from .warehouse import open_warehouse

if TYPE_CHECKING:
    from fieldwork.connectors.webhook.target import Webhook

app = typer.Typer(
    help="Signed events for Zapier, Workato, n8n or an ESB: what waits, what failed, send, replay, test.",
    epilog="Set one up: docs/webhooks.md. The daily run sends by itself; `send` in between is for cron.",
    no_args_is_help=True,
)

Only = Annotated[str, typer.Option("--endpoint", help="This endpoint alone. Default: all that are configured.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")]
Name = Annotated[str, typer.Argument(help="The endpoint's name in the configuration.")]


@app.command()
def status(as_json: AsJson = False) -> None:
    """Every endpoint: is it on, what waits, since when, what became a dead letter, what was wrong last."""
    engine, settings = open_warehouse()
    hosts = {one.name: one.endpoint.host for one in _open(settings)}
    with engine.connect() as connection:
        known = {row.endpoint: dict(row._mapping) for row in connection.execute(sa.text(read("webhooks/status")))}
    rows = [
        {"endpoint": name, "host": hosts.get(name, "(not configured)"), **known.get(name, {"state": "never used"})}
        for name in sorted(hosts.keys() | known.keys())
    ]
    columns = ("endpoint", "host", "state", "waiting", "oldest", "delivered", "dead", "delivered_at", "problem")
    _show("Webhooks", columns, rows, as_json, "No endpoint is configured: docs/webhooks.md tells how.")


@app.command()
def send(
    only: Only = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would become events; send nothing.")] = False,
    accept_mass_change: Annotated[
        bool, typer.Option("--accept-mass-change", help="Send though it is more than [webhooks] most_events.")
    ] = False,
) -> None:
    """Send what changed and what waits, as the daily run does. What fails for now waits for the next time."""
    engine, settings = open_warehouse()
    failpoint.arm(settings.failpoint)
    run_id = f"webhooks-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    with bars() as progress:
        found = send_webhooks(
            engine, settings, _chosen(settings, only), run_id=run_id, dry_run=dry_run,
            accept_mass_change=accept_mass_change, progress=progress,
        )  # fmt: skip
    rows = [{"endpoint": name, **counts} for name, counts in found.items()]
    columns = ("endpoint", "events") if dry_run else ("endpoint", "events", "delivered", "dead", "failed", "waiting")
    _show("Would become events" if dry_run else "Sent", columns, rows, False, "No endpoint is configured.")


@app.command()
def dead(only: Only = "", as_json: AsJson = False, limit: Annotated[int, typer.Option(min=1)] = 50) -> None:
    """Dead letters: events that were refused for good, or failed too often. Newest first."""
    engine, _ = open_warehouse()
    with engine.connect() as connection:
        found = connection.execute(sa.text(read("webhooks/dead")), {"endpoint": only or None, "limit": limit})
        rows = [dict(row) for row in found.mappings()]
    columns = ("event_id", "endpoint", "kind", "key", "attempts", "problem", "settled_at", "overtaken")
    _show("Dead letters", columns, rows, as_json, "There is no dead letter.")


@app.command()
def replay(
    name: Name,
    ids: Annotated[
        list[int] | None, typer.Argument(help="Events by id, delivered ones too. Default: all its dead letters.")
    ] = None,
    overtaken: Annotated[
        bool,
        typer.Option(
            "--overtaken", help="Also those with a later event about the same record: the receiver goes back."
        ),
    ] = False,
) -> None:
    """Put dead letters back in line, under their old webhook-id; the next send delivers them."""
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        again, left_out = queue.replay(connection, name, ids or None, overtaken=overtaken)
    out.print(f"{again:,} events of {name} wait again; `fieldwork webhooks send` sends them now.")
    if left_out:
        err.print(f"{left_out:,} were left out: a later event about the same record has gone or waits (--overtaken).")


@app.command()
def enable(name: Name) -> None:
    """Send again to an endpoint that is off (it answered 410 Gone) or rests, without waiting."""
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        if not endpoints.enable(connection, name):
            raise ConfigError(f"No endpoint {name} was ever used.", todo="See `fieldwork webhooks status`.")
    out.print(f"{name} is on.")


@app.command()
def test(name: Name) -> None:
    """One signed test event, at once; nothing is noted. Shows what the endpoint answered."""
    _, settings = open_warehouse()
    (target,) = _chosen(settings, name)
    event = Event(
        number=0, id=str(uuid.uuid4()), kind="test", key=name, person="", occurred_at=datetime.now(UTC),
        content={"text": "A test of Fieldwork's webhooks. 外勤"},
    )  # fmt: skip
    found = target.deliver(event)
    if found.fate != "delivered":
        raise SourceUnavailable(
            f"Webhook {name} at {target.endpoint.host}: {found.problem}.",
            todo="Nothing was noted. Mend the endpoint or its connection, then test again.",
        )
    out.print(f"{name} at {target.endpoint.host} took the event {event.id} (HTTP {found.status}).")


@app.command()
def secret(
    pair: Annotated[bool, typer.Option("--pair", help="A key pair (v1a): the receiver holds the public half.")] = False,
) -> None:
    """A fresh secret, for the connection's password and for the receiver. It is kept nowhere."""
    if pair:
        private, public = signature.new_pair()
        typer.echo(f"ours:     {private}\ntheirs:   {public}")
    else:
        typer.echo(signature.new_secret())


def _chosen(settings: Settings, only: str) -> list[Webhook]:
    found = [one for one in _open(settings) if only in ("", one.name)]
    if only and not found:
        raise ConfigError(f"No endpoint {only} is configured.", todo="See `fieldwork webhooks status`.")
    return found


def _open(settings: Settings) -> list[Webhook]:
    from fieldwork.orchestration.environment import prepare_environment
    from fieldwork.orchestration.webhooks import open_webhooks

    prepare_environment(settings)
    return open_webhooks(settings)


def _show(title: str, columns: tuple[str, ...], rows: list[dict[str, Any]], as_json: bool, nothing: str) -> None:
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=1, ensure_ascii=False))
        return
    if not rows:
        out.print(nothing)
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:,}" if isinstance(value, int) else str(value)
