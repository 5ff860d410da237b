"""Trials in the simulated shop: two ordinary days, then every incident of the catalogue, six a day, then half a day.

Which incident plays when, on which product, channel, carrier and payment method is drawn from the seed, so two seeds
share neither the honest orders nor what befalls them. Nights are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

import config
from config.promotions import PromotionRegister
from config.settings import Settings, load
from models.verdict import family_of
from stream.evaluation.trial import DAY_MS, Purpose, Trial
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.catalogue import MAX_RANK
from stream.simulator.difficulty import Difficulty, parameters_at
from stream.simulator.incident import Incident
from stream.simulator.incidents import known, make
from stream.simulator.market import CARRIERS, CHANNELS

SOURCE: Final = "simulator"
WARM_UP_DAYS: Final = 2
TUNE_START: Final = datetime(2026, 3, 2, 16, tzinfo=UTC)  # a Tuesday, 00:00 in Shanghai
REPORT_START: Final = datetime(2026, 9, 7, 16, tzinfo=UTC)

_HOUR: Final = 3_600.0
_A_DAY: Final = 6
_FIRST_HOUR, _SLOT_HOURS = 7.0, 2.7
_TAIL_DAYS: Final = 0.5  # deadlines of the last incidents pass
_CONFIG: Final = Path(config.__file__).parent
_VARIANTS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "price_typo": ({"factor": 10.0}, {"factor": 0.1}, {"factor": 0.01}),
    "flash_surge": ({}, {"rank": 0}),
    "margin_squeeze": ({}, {"rank": None}),
}
_ANY_OF: Final[Mapping[str, Sequence[Any]]] = {
    "rank": range(MAX_RANK + 1),
    "channel": CHANNELS[:3],  # the shops' tills sell too little to be missed within the hour
    "carrier": [carrier.name for carrier in CARRIERS],
    "method": ["alipay", "wechat_pay"],
}


def settings_of(budget: int, overlays: Sequence[Path] = ()) -> Settings:
    """The demo's settings, under a budget; the shop is watched for too short a time to know a new product else."""
    return load(
        _CONFIG / "demo.yaml",
        *overlays,
        alerts={"policy_file": _CONFIG / "demo_policy.yaml", "budget_per_day": budget},
        features={"product_age": {"on": True, "params": {"warm_up_days": 1.5}}},
    )


def trial(
    seed: int, difficulty: Difficulty, purpose: Purpose, settings: Settings, families: Sequence[str] = ()
) -> Trial:
    """Make one trial, of the incidents that the `families` can catch; of all by default."""
    shop = _shop(seed, difficulty, purpose, families)
    run = simulate(shop)
    lines = [event.value for event in run]
    return Trial(
        source=SOURCE,
        level=difficulty,
        seed=seed,
        purpose=purpose,
        lines=lines,
        labels=run.labels,
        settings=settings,
        register=PromotionRegister.parse(promotions_of(shop)),
        begins_ms=shop.start_ms,
        reports_from_ms=shop.start_ms + WARM_UP_DAYS * DAY_MS,
        ends_ms=shop.end_ms,
    )


def _shop(seed: int, difficulty: Difficulty, purpose: Purpose, families: Sequence[str]) -> SimulatorSettings:
    incidents = _programme(seed, difficulty, families)
    days = WARM_UP_DAYS - (-len(incidents) // _A_DAY) + _TAIL_DAYS
    return SimulatorSettings(
        seed=seed,
        start=TUNE_START if purpose == "tune" else REPORT_START,
        duration_seconds=days * 24 * _HOUR,
        orders_per_second=0.14,
        incidents=tuple(incidents),
        latency_scale=1.0 / 240.0,
        promise_sigmas=3.0,
        products=300,
        customers=60_000,
    )


def _programme(seed: int, difficulty: Difficulty, families: Sequence[str]) -> list[Incident]:
    rng = np.random.default_rng([seed, len(difficulty)])
    chosen = [
        (name, dict(variant))
        for name, incident in known().items()
        if incident.shows_in_replay
        if not families or any(family_of(kind) in families for kind in incident.kinds)
        for variant in _VARIANTS.get(name, ({},))
    ]
    rng.shuffle(chosen)
    return [_planned(place, *entry, difficulty, rng) for place, entry in enumerate(chosen)]


def _planned(
    place: int, name: str, variant: dict[str, Any], difficulty: Difficulty, rng: np.random.Generator
) -> Incident:
    day, slot = divmod(place, _A_DAY)
    hour = (WARM_UP_DAYS + day) * 24 + _FIRST_HOUR + slot * _SLOT_HOURS + rng.uniform(0.0, 0.4)
    drawn = _somewhere(known()[name], variant, rng)
    parameters = variant | drawn | parameters_at(difficulty, name)
    return make(name, after_seconds=round(hour * _HOUR), **parameters)


def _somewhere(incident: type[Incident], variant: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Where it plays, of what it lets one choose; a `rank` of none is a choice, too."""
    fields = incident.__dataclass_fields__
    drawn = {name: options[int(rng.integers(len(options)))] for name, options in _ANY_OF.items() if name in fields}
    if "rank" in drawn and variant.get("rank", fields["rank"].default) is None:
        del drawn["rank"]
    return drawn
