from __future__ import annotations

import pytest

from stream.simulator import Label, score_run
from stream.simulator.wire import rfc3339

NOON_MS = 1_772_510_400_000
MINUTE_MS = 60_000

STACKING = Label(
    incident="promotion_stacking",
    kinds=("promotion.exclusive_pair",),
    also=("price", "volume"),
    entity="promotion_pair/P1+P2",
    starts_at_ms=NOON_MS,
    ends_at_ms=NOON_MS + 60 * MINUTE_MS,
    order_ids=tuple(f"A{i}" for i in range(61)),
    shows_ms=tuple(NOON_MS + i * MINUTE_MS for i in range(61)),
)
DROP = Label("silent_drop", ("volume.drop",), (), "channel/web", NOON_MS, NOON_MS + 30 * MINUTE_MS)


def alert(kind, minutes, entity="order/Z1", orders=(), status="firing", fingerprint=None, since=None):
    """An alert's CloudEvent, `minutes` after noon."""
    entity_type, _, key = entity.partition("/")
    time = rfc3339(NOON_MS + round(minutes * MINUTE_MS))
    return {
        "id": f"{kind}@{minutes}",
        "time": time,
        "data": {
            "kind": kind,
            "status": status,
            "fingerprint": fingerprint or f"{kind}/{entity}",
            "startsAt": rfc3339(NOON_MS + since * MINUTE_MS) if since is not None else time,
            "entity": {"type": entity_type, "key": key},
            "order_ids": list(orders),
        },
    }


def test_an_incident_is_caught_by_an_alert_of_its_family_that_names_one_of_its_orders():
    (finding,) = score_run([STACKING], [alert("promotion.stacking", 4.5, orders=["A3", "B9"])]).findings
    assert finding.caught
    assert finding.kind == "promotion.stacking"
    assert finding.delay_seconds == 270.0
    assert finding.delay_orders == 5
    assert finding.notifications == 1


def test_the_first_alert_counts_for_the_delay_whatever_the_order_they_are_given_in():
    late, early = (alert("promotion.stacking", m, "promotion_pair/P1+P2") for m in (20, 2))
    (finding,) = score_run([STACKING], [late, early]).findings
    assert (finding.alert_id, finding.notifications) == (early["id"], 2)


def test_without_an_alert_an_incident_is_missed():
    card = score_run([STACKING, DROP], [])
    assert (card.caught, card.missed, card.false_alerts) == (0, 2, ())
    assert card.findings[0].delay_seconds is None


@pytest.mark.parametrize("status", ["resolved", "updated"])
def test_only_firing_alerts_count(status):
    card = score_run([STACKING], [alert("promotion.stacking", 1, orders=["A1"], status=status)])
    assert (card.caught, card.false_alerts) == (0, ())


def test_an_alert_about_a_channel_catches_what_happens_in_its_time():
    (finding,) = score_run([DROP], [alert("volume.drop", 10, "channel/web", since=2)]).findings
    assert finding.caught
    assert finding.delay_orders is None


def test_an_alert_may_come_within_the_grace_but_not_after_it():
    after = DROP.ends_at_ms // MINUTE_MS - NOON_MS // MINUTE_MS
    assert score_run([DROP], [alert("volume.drop", after + 15, "channel/web")]).caught == 1
    late = score_run([DROP], [alert("volume.drop", after + 16, "channel/web")])
    assert (late.caught, late.false_by_family()) == (0, {"volume": 1})
    assert score_run([DROP], [alert("volume.drop", after + 16, "channel/web")], grace_seconds=960).caught == 1


def test_an_alert_before_the_incident_is_false():
    card = score_run([DROP], [alert("volume.drop", -1, "channel/web")])
    assert (card.caught, len(card.false_alerts)) == (0, 1)


def test_an_alert_on_another_product_is_false_although_it_falls_into_the_time():
    ends_ms = NOON_MS + MINUTE_MS
    typo = Label("price_typo", ("price.outlier",), (), "product/p7", NOON_MS, ends_ms, ("A1",), (NOON_MS,))
    card = score_run([typo], [alert("price.outlier", 1, "product/p8", orders=["B1"])])
    assert card.caught == 0
    assert [(a.kind, a.entity) for a in card.false_alerts] == [("price.outlier", "product/p8")]
    assert score_run([typo], [alert("price.outlier", 1, "product/p7")]).caught == 1


def test_a_consequence_of_an_incident_neither_catches_it_nor_is_false():
    consequences = [
        alert("price.below_cost", 3, "product/p1", orders=["A2"]),
        alert("volume.surge", 3, "channel/app"),
    ]
    card = score_run([STACKING], consequences)
    assert (card.caught, card.false_alerts) == (0, ())


def test_a_family_that_no_incident_expects_is_false_even_in_its_time():
    assert score_run([DROP], [alert("latency.slow_route", 5, "route/SF")]).false_by_family() == {"latency": 1}


def test_a_false_condition_that_fires_again_counts_once():
    again = [alert("volume.surge", m, "channel/pos", fingerprint="f1") for m in (100, 200, 300)]
    card = score_run([DROP], again)
    assert [a.time_ms for a in card.false_alerts] == [NOON_MS + 100 * MINUTE_MS]
