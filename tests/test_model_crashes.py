"""The registry under crashes and races: nothing is lost, nobody is overwritten."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import pytest

from stream.model_registry.registry import PromotionConflict, Registry
from tests.trained_models import package

pytestmark = pytest.mark.usefixtures("bare_environment")


KILLED = -signal.SIGKILL


def in_a_child(act, before_call=None):
    """Run `act` in a fork; `before_call` : SIGKILL it before that many calls to the file system. Its exit code."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            if before_call is not None:
                left = [before_call]

                def count(event, _):
                    if event in {"open", "os.link", "os.remove", "os.mkdir"}:
                        left[0] -= 1
                        if left[0] < 0:
                            os.kill(os.getpid(), signal.SIGKILL)

                sys.addaudithook(count)
            os._exit(act())
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_everywhere(act):
    """Run `act` killed before its first call to the file system, its second, and so on, until it is through."""
    for calls in range(200):
        code = in_a_child(act, calls)
        if code == 0:
            return
        assert code == KILLED
        yield calls
    raise AssertionError("never came to its end")


def test_a_promotion_that_is_killed_anywhere_leaves_the_old_champion_or_the_new_one(two):
    def promote():
        if two.standing("baskets").champion == 1:
            two.promote("baskets", 2, author="bob")
        return 0

    seen = [two.load("baskets")[0].version for _ in killed_everywhere(promote) if two.standing("baskets").number < 2]
    assert len(seen) > 5
    assert set(seen) == {1}
    assert two.load("baskets")[0].version == 2
    assert len(two.history("baskets")) == 2


def test_an_addition_that_is_killed_anywhere_leaves_no_half_version(two):
    def add():
        two.add("baskets", package(3), author="bob")
        return 0

    for _ in killed_everywhere(add):
        for version in two.versions("baskets"):
            two.load(f"baskets@{version}")
        assert two.load("baskets")[0].version == 1
    assert two.load(f"baskets@{two.versions('baskets')[-1]}")[1].files == package(3).files


def test_of_promoters_who_start_together_one_is_first_and_the_others_are_told(two):
    for _ in range(3):
        two.add("baskets", package(7), author="ann")
    number = two.standing("baskets").number
    ready, go = os.pipe()
    children = []
    for version in (2, 3, 4, 5):
        child = os.fork()
        if child == 0:
            code = 99
            with suppress(BaseException):
                try:
                    two.promote("baskets", version, author=f"p{version}", check=lambda *_: os.read(ready, 1) and None)
                    code = 0
                except PromotionConflict as conflict:
                    code = 7 if "another change came first (promote of " in str(conflict) else 98
            os._exit(code)
        children.append(child)
    os.write(go, b"1234")
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(ready)
    os.close(go)
    # who looked after the first had written saw its champion, and followed it: in order, and nobody overwritten
    assert set(codes) <= {0, 7}
    assert codes.count(0) == two.standing("baskets").number - number >= 1
    assert len(two.history("baskets")) == two.standing("baskets").number


def test_who_looked_before_another_promoted_is_refused(two):
    two.add("baskets", package(3), author="ann")

    def meanwhile(*_):
        Registry.open(two.address).promote("baskets", 3, author="cid")

    with pytest.raises(PromotionConflict, match=r"\(promote of 3 by cid\); champion is 3"):
        two.promote("baskets", 2, author="bob", check=meanwhile)
    assert two.standing("baskets").champion == 3


def test_who_adds_at_the_same_time_gets_another_version(registry):
    children = []
    for seed in range(6):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os._exit(registry.add("baskets", package(seed % 2), author=f"a{seed}").version)
            os._exit(99)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [1, 2, 3, 4, 5, 6] == registry.versions("baskets")
