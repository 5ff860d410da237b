"""The live engine: Faust gives the consumer group, the agent and the commits; we give it whole batches."""

from __future__ import annotations
