"""The systems that are compared: ours, the peers, and the limit."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.river_statistics import CHANNEL
from tests.benchmarks.system import System

_OURS_CHANNEL = "orderwatch:alerts:live"

OURS: Final = System("orderwatch, everything on", "worker_under_test", _OURS_CHANNEL)
TABLE: Final = System("textbook Faust, windowed Table", "peer_textbook_faust", CHANNEL, "table")
NO_TABLE: Final = System("textbook Faust, no Table", "peer_textbook_faust", CHANNEL, "rolling")
NO_TABLE_WEIGHTED: Final = System("  the same, EW statistics", "peer_textbook_faust", CHANNEL, "weighted")
PLAIN: Final = System("confluent-kafka + river, EW", "peer_confluent_river", CHANNEL, "weighted")
LIMIT: Final = System("aiokafka getmany + orjson", "peer_raw_aiokafka", CHANNEL)
