"""The command `orderwatch`: one file a command. What is heavy is imported when a command runs, not before."""

from __future__ import annotations

import logging
import sys

import typer

from stream.cli import (
    alerts,
    archive,
    backtest,
    config,
    demo,
    dlq,
    drift,
    evaluate,
    feedback,
    health,
    import_,
    models,
    parity,
    parts,
    replay,
    simulate,
    worker,
)
from stream.cli.ending import ending_of

app = typer.Typer(
    name="orderwatch",
    help="Watches a live stream of orders and says, with reasons, which of them are abnormal.",
    epilog="Settings: config/default.yaml, then $ORDERWATCH_CONFIG, then ORDERWATCH_<SECTION>__<KEY>.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help answers in a quarter of the time
)
app.command("demo")(demo.demo)
app.command("worker")(worker.worker)
app.command("replay")(replay.replay)
app.command("backtest")(backtest.backtest)
app.command("simulate")(simulate.simulate)
app.command("import")(import_.import_)
app.command("archive")(archive.archive)
app.command("drift")(drift.drift)
app.command("evaluate")(evaluate.evaluate)
app.command("health")(health.health)
app.command("parity")(parity.parity)
app.command("parts")(parts.parts)

_config = typer.Typer(help="Look at the settings.", no_args_is_help=True, rich_markup_mode=None)
_config.command("check")(config.check)
app.add_typer(_config, name="config")
app.add_typer(alerts.app, name="alerts")
app.add_typer(dlq.app, name="dlq")
app.add_typer(models.app, name="models")
app.add_typer(feedback.app, name="feedback")


def main() -> None:
    """Run the command line. Ends with 0 when all was done, 2 on unusable arguments or files, 1 on failure."""
    # an error of Kafka ends the command with one line; the client would write its own beside it
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        app()
    except Exception as error:
        ending = ending_of(error)
        if ending is None:
            raise  # a mistake of ours: the traceback is what its finder needs
        sys.stderr.write(f"orderwatch: {ending.line}\n")
        sys.exit(ending.code)
