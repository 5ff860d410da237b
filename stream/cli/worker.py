"""`orderwatch worker`: one worker of the group, until it is told to stop."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from stream.cli.options import ConfigFiles, Embedded, PromotionsFile, promotions_from, settings_from

if TYPE_CHECKING:
    from stream.embedded import Services


def worker(
    embedded: Embedded = False,
    promotions: PromotionsFile = None,
    config: ConfigFiles = None,
    forget_state: Annotated[
        bool, typer.Option("--forget-state", help="Learn anew instead of going on from the state saved last.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more of what happens inside.")] = False,
) -> None:
    """Judge live orders until told to stop.

    Reads the Kafka of the settings and delivers alerts to their Redis, until Ctrl-C or SIGTERM.
    """
    settings = settings_from(config)
    register = promotions_from(promotions, settings)
    from stream.log_lines import configure

    configure(settings.log, verbose=verbose)
    from stream.engine.worker import run_worker
    from stream.pipeline import Pipeline
    from stream.shuffle.judge import SharedJudge

    shares = settings.shuffle.on and not embedded  # whose servers end with it has nobody to share with
    judge = SharedJudge(settings, register) if shares else Pipeline(settings, promotions=register)
    done = run_worker(settings, judge, embedded=embedded, on_ready=_say_where, forget_state=forget_state)
    typer.echo(
        f"stopped after {done.seconds:.0f} s: {done.events:,} events, {done.dead_letters:,} dead letters, "
        f"{done.alerts:,} alerts",
        err=True,
    )
    _end()


def _end() -> NoReturn:
    """End the process at once: all is stopped, committed and said.

    Python would take another second or two to free what was learned, and the thread of a client whose broker has gone
    away would write tracebacks about the end of its loop.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _say_where(services: Services) -> None:
    typer.echo(f"orderwatch reads Kafka at {services.kafka_brokers} and writes to {services.redis_url}", err=True)
