"""The same file through a broker and a worker: what `stream.replay` does in process, done over the wire."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from stream.embedded import embedded_services
from stream.engine.worker import on_embedded, run_worker, without_checkpoints
from stream.pipeline import Pipeline
from stream.produce import produce
from stream.replay import ReplaySummary, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from config.promotions import PromotionRegister
    from config.settings import Settings
    from stream.alert import Alert


def replay_via_kafka(
    lines: Iterable[bytes],
    settings: Settings,
    promotions: PromotionRegister | None = None,
    on_alert: Callable[[Alert], None] = lambda _: None,
) -> ReplaySummary:
    """Send `lines` through an embedded broker and one worker, until the worker has read them all.

    Gives the alerts, ids included, that `stream.replay.replay` gives.
    """
    tally = Tally(on_alert)
    with embedded_services() as services:
        settings = without_checkpoints(on_embedded(settings, services))
        asyncio.run(produce(lines, settings))
        pipeline = Pipeline(settings, promotions=promotions)
        done = run_worker(settings, pipeline, until_caught_up=True, on_alert=tally.add_alert)
    return dataclasses.replace(
        tally.summary(pipeline.held_back, pipeline.warming_up),
        events=done.events,
        invalid=done.dead_letters,
        duplicates=done.duplicates,
        late=done.late,
    )
