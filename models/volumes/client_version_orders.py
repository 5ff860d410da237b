"""Orders a minute by client version."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming, mixed
from models.volume_series import NO_KEY, VolumeSeries, every_order


@dataclass(config=STRICT)
class ClientVersionOrders(VolumeSeries):
    """Orders placed with one version of a channel's client; a release moves them, so it is off by default."""

    entity_type: ClassVar[str] = "client_version"
    is_seasonal: ClassVar[bool] = True

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every order, under its channel and version; one without a version under no name."""
        channel, version = batch.created.channel, batch.created.client_version
        bits = mixed(channel.hash, version.hash)
        bits[version.length == 0] = 0
        return every_order(
            batch, Composed(bits, lambda i: f"{channel[i]}/{version[i]}" if version.length[i] else NO_KEY)
        )
