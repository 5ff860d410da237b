"""`orderwatch demo`: a simulated shop, its incidents, the alerts as they come, and what was caught."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    from rich.console import Console

    from stream.demo import DemoResult
    from stream.simulator.scorecard import Finding

_CONFIG = Path(__file__).resolve().parents[2] / "config"
_INTERRUPTED = 130  # 128 + SIGINT, as a shell has it


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another shop.")] = 7,
    speed: Annotated[
        float, typer.Option(min=0, help="Times as quick as the shop's clock; 0: as quick as it goes.")
    ] = 2_400.0,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Simulate a shop and watch it, with nothing else needed.

    Starts a broker and a Redis of its own, sends two simulated days of orders with one incident after
    another, shows the alerts as they come, and ends with what was caught, missed and false.
    """
    files = [_CONFIG / "demo.yaml", *(config or ())]
    settings = settings_from(files, alerts={"policy_file": _CONFIG / "demo_policy.yaml"})
    typer.echo("starting a broker, a Redis and a worker of our own …", err=True)
    from stream.cli.demo_view import DemoView
    from stream.cli.terminal import messages, output
    from stream.demo import Progress, run_demo

    progress = Progress()
    view = DemoView(messages if as_json else output, progress)
    with nullcontext() if as_json else view:
        result = run_demo(settings, seed=seed, speed=speed, on_alert=view.add, progress=progress)
    if as_json:
        typer.echo(json.dumps(_for_programs(result)))
    else:
        _show(output, result)
    if not result.complete:
        raise typer.Exit(_INTERRUPTED)


def _for_programs(result: DemoResult) -> dict[str, object]:
    card = result.scorecard
    return {
        "caught": card.caught,
        "missed": card.missed,
        "false": len(card.false_alerts),
        "complete": result.complete,
        "worker": asdict(result.worker),
        "incidents": [
            {"incident": found.label.incident, "entity": found.label.entity, "caught": found.caught}
            | {"kind": found.kind, "delay_seconds": found.delay_seconds, "delay_orders": found.delay_orders}
            for found in card.findings
        ],
        "false_alerts": [asdict(alert) for alert in card.false_alerts],
    }


def _show(console: Console, result: DemoResult) -> None:
    from rich.table import Table

    card, done = result.scorecard, result.worker
    table = Table(title="What was injected, and what was caught", title_justify="left", box=None, pad_edge=False)
    for heading in ("incident", "where", "", "first alert", "after"):
        table.add_column(heading, no_wrap=True)
    for found in card.findings:
        verdict = "[green]caught[/]" if found.caught else "[bold red]missed[/]"
        where = found.label.entity.partition("/")[2]
        table.add_row(found.label.incident, where, verdict, found.kind or "", _delay(found))
    console.print("", table, "")
    false = ", ".join(f"{family} {count}" for family, count in card.false_by_family().items())
    console.print(
        f"[bold]{card.caught} caught, {card.missed} missed, {len(card.false_alerts)} false[/]"
        f"{f' ({false})' if false else ''}  ·  {done.events:,} events, {done.dead_letters:,} dead letters, "
        f"{done.delivered:,} alerts delivered to Redis in {done.seconds:.0f} s",
        soft_wrap=True,
    )


def _delay(found: Finding) -> str:
    """How late the first alert was: in orders where some are touched, else in minutes of the shop's clock."""
    if found.delay_orders is not None:
        return f"{found.delay_orders:,} orders" if found.delay_orders != 1 else "1 order"
    return "" if found.delay_seconds is None else f"{found.delay_seconds / 60:,.0f} minutes"
