"""Workers that share the log, live: the alerts of one that judged it alone, also where one of them is killed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Sequence
from itertools import chain

import pytest

from stream.engine.worker import run_worker
from stream.shuffle.judge import SharedJudge
from tests.parts.sharing_worker import Member
from tests.parts.traffic import committed, delivered
from tests.small_shop import PARTITIONS, REGISTER, log, reference
from tests.small_shop_worker import QUICK, changed, elsewhere, fill, pipeline

pytestmark = pytest.mark.timeout(400)  # several processes that import, compile and rebalance: minutes on a busy machine


@pytest.fixture
def settings(settings):
    """Small batches, a checkpoint after each few of them, and no clock of ours that closes anything."""
    return changed(
        settings,
        kafka=QUICK,
        time={"idle_source_seconds": 1000.0},
        checkpoint={"on": True, "interval_seconds": 0.1},
        shuffle={"on": True},
    )


def assert_like_one_alone(settings) -> None:
    told = [entry.data for entry in delivered(settings)]
    assert sorted(json.loads(data)["id"] for data in told) == sorted(json.loads(data)["id"] for data in reference())
    alone = changed(elsewhere(settings, "alone"), shuffle={"on": False})
    run_worker(alone, pipeline(alone), until_caught_up=True)
    assert sorted(entry.data for entry in delivered(alone)) == sorted(told)


def wait_until_shared(members: Sequence[Member], seconds: float = 100.0) -> None:
    """All judge, each partition with one of them."""
    until = time.monotonic() + seconds
    while not are_sharing(shares := [member.partitions for member in members]):
        assert time.monotonic() < until, shares
        time.sleep(0.01)


def are_sharing(shares: Sequence[frozenset[int]]) -> bool:
    return all(shares) and sorted(chain.from_iterable(shares)) == list(range(PARTITIONS))


def wait_until_all_is_told(settings, seconds: float = 100.0) -> None:
    """All orders are committed, and no alert has come for a while."""
    ends = {number: len(part) for number, part in enumerate(log())}
    until = time.monotonic() + seconds
    while committed(settings) != ends or len(delivered(settings)) < len(reference()):
        assert time.monotonic() < until, (committed(settings), len(delivered(settings)))
        time.sleep(0.2)
    time.sleep(1.0)


@pytest.mark.real
def test_a_worker_that_shares_with_nobody(settings):
    fill(settings)
    run_worker(settings, SharedJudge(settings, REGISTER), until_caught_up=True)
    assert committed(settings) == {number: len(part) for number, part in enumerate(log())}
    assert_like_one_alone(settings)


@pytest.mark.parametrize(
    "dies",
    [
        "who merges",
        pytest.param("who does not", marks=pytest.mark.real),
        pytest.param("nobody", marks=pytest.mark.real),
    ],
)
def test_two_workers_share(settings, dies):
    fill(settings)
    one, other = Member(settings), Member(settings)
    try:
        wait_until_shared((one, other))
        merging, helping = (one, other) if 0 in one.partitions else (other, one)
        if dies != "nobody":
            victim = merging if dies == "who merges" else helping
            assert victim.kill() == -signal.SIGKILL
            assert sum(committed(settings).values()) < sum(map(len, log()))
        wait_until_all_is_told(settings)
    finally:
        for member in (one, other):
            member.kill()
    assert_like_one_alone(settings)


def test_four_workers_share(settings):
    fill(settings)
    members = [Member(settings, pause_seconds=0.1) for _ in range(4)]  # the log lasts until the last one is here
    try:
        wait_until_shared(members)
        assert sum(committed(settings).values()) < sum(map(len, log()))
        for member in members:
            member.hurry()
        wait_until_all_is_told(settings)
    finally:
        for member in members:
            member.kill()
    assert_like_one_alone(settings)
