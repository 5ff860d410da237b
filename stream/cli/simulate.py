"""`orderwatch simulate`: events of a shop that does not exist, with incidents whose truth is known."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.ending import reader_may_leave
from stream.cli.lines import STANDARD, open_output
from stream.cli.options import ConfigFiles, settings_from

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.simulator import Label, Simulation, SimulatorSettings

_SECONDS_PER_HOUR = 3_600.0


def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where events go; -: standard output.")] = STANDARD,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="Write what was injected, one label a line."),
    ] = None,
    register: Annotated[
        Path | None, typer.Option("--register", metavar="FILE", help="Write the shop's promotion register.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    hours: Annotated[float | None, typer.Option(help="Simulated hours.")] = None,
    rate: Annotated[float | None, typer.Option(help="Orders per second, mean over a week.")] = None,
    start: Annotated[str | None, typer.Option(help="First event time: RFC 3339 with zone, or now.")] = None,
    incident: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME@HOUR", help="Inject one, at an hour of the run; may be repeated."),
    ] = None,
    produce: Annotated[bool, typer.Option("--produce", help="Send to the Kafka of the settings.")] = False,
    speed: Annotated[
        float, typer.Option(min=0, help="Times as quick as the simulated clock; 0: as quick as it goes.")
    ] = 0.0,
    config: ConfigFiles = None,
) -> None:
    """Write the events of a simulated shop.

    Without --hours, --rate and --incident: the demo's two days, with every incident.
    """
    from stream.simulator import simulate as run

    shop = _shop(seed, hours, rate, start, incident)
    if register is not None:
        _write_register(register, shop)
    simulation = run(shop)
    if produce:
        _produce(simulation, speed, config)
    else:
        with reader_may_leave(), open_output(out) as target:
            asyncio.run(_write(simulation, speed, target))
    if labels is not None:
        _write_labels(labels, simulation.labels)


async def _write(simulation: Simulation, speed: float, target: IO[bytes]) -> None:
    from stream.pace import on_time

    async for due in on_time(simulation, speed):
        target.writelines(line for event in due for line in (event.value, b"\n"))
        target.flush()


def _shop(
    seed: int, hours: float | None, rate: float | None, start: str | None, incidents: list[str] | None
) -> SimulatorSettings:
    from dataclasses import replace

    from stream.simulator import SimulatorSettings, demo_scenario

    chosen: dict[str, Any] = {}
    if hours is not None:
        chosen["duration_seconds"] = hours * _SECONDS_PER_HOUR
    if rate is not None:
        chosen["orders_per_second"] = rate
    if start is not None:
        chosen["start"] = _instant(start)
    if hours is None and rate is None and not incidents:
        return replace(demo_scenario(seed), **chosen)
    return SimulatorSettings(seed=seed, incidents=tuple(map(_incident, incidents or ())), **chosen)


def _instant(text: str) -> datetime:
    try:
        return datetime.now(UTC) if text == "now" else datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither now nor a time such as 2026-03-02T16:00:00Z") from error


def _incident(text: str) -> Any:
    from stream.simulator.incidents import make

    name, at, hour = text.partition("@")
    try:
        after = float(hour) if at else 0.0
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not NAME@HOUR, such as price_typo@1.5") from error
    return make(name, after_seconds=after * _SECONDS_PER_HOUR)


def _produce(simulation: Simulation, speed: float, config: list[Path] | None) -> None:
    settings = settings_from(config)
    sent = asyncio.run(_send(simulation, speed, settings))
    typer.echo(f"{sent:,} events sent to {settings.kafka.orders_topic} at {settings.kafka.brokers}", err=True)


async def _send(simulation: Simulation, speed: float, settings: Settings) -> int:
    from stream.pace import on_time
    from stream.produce import orders_producer

    sent = 0
    async with orders_producer(settings) as send:
        async for due in on_time(simulation, speed):
            await send([event.value for event in due])
            sent += len(due)
    return sent


def _write_register(path: Path, shop: SimulatorSettings) -> None:
    import msgspec

    from stream.simulator import promotions_of

    with open_output(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(promotions_of(shop))) + b"\n")


def _write_labels(path: Path, labels: list[Label]) -> None:
    import msgspec

    with open_output(path) as file:
        for label in labels:
            file.write(msgspec.json.encode(label) + b"\n")
