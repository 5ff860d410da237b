"""The registry: every kind of place, every change of stage, and what versions differ in."""

from __future__ import annotations

import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models.package import ModelRefused, Package
from stream.model_registry.difference import differences
from stream.model_registry.registry import Registry
from stream.model_registry.store import open_store
from tests.parts.object_store import ObjectStore
from tests.trained_models import FEATURES, package

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture(scope="module")
def object_store():
    with ObjectStore() as store:
        yield store


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.parts)])
def place(request, tmp_path):
    """The address of an empty place for a registry, and what fsspec needs to reach it."""
    if request.param == "folder":
        return str(tmp_path / "models"), {}
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}", {}
    store = request.getfixturevalue("object_store")
    return store.address(uuid.uuid4().hex), store.options


# --- places ------------------------------------------------------------------------------------------


def test_a_file_is_created_once_and_whole_in_every_kind_of_place(place):
    address, options = place
    store, other = open_store(address, **options), open_store(address, **options)
    store.create("a/files/1.json", b"first")
    with pytest.raises(FileExistsError):
        other.create("a/files/1.json", b"second")
    assert other.read("a/files/1.json") == b"first"
    assert (store.names(""), store.names("a"), store.names("a/files"), store.names("b")) == (
        ["a"],
        ["files"],
        ["1.json"],
        [],
    )
    with pytest.raises(FileNotFoundError):
        store.read("a/files/2.json")


def test_a_model_goes_from_challenger_to_champion_and_back_in_every_kind_of_place(place):
    address, options = place
    registry = Registry.open(address, **options)
    first, second = (registry.add("baskets", package(seed), author="ann") for seed in (1, 2))
    assert (first.label, second.label, registry.names()) == ("baskets@1", "baskets@2", ["baskets"])
    with pytest.raises(ModelRefused, match=r"baskets has no champion .* its versions: 1, 2"):
        registry.load("baskets")
    registry.promote("baskets", 1, author="ann")
    registry.promote("baskets", 2, author="bob", note="steadier")
    assert registry.load("baskets")[0] == second
    registry.rollback("baskets", author="bob", note="was not")
    standing = registry.standing("baskets")
    assert [standing.stage_of(version) for version in (1, 2)] == ["champion", "retired"]
    assert [(one.action, one.version, one.author) for one in registry.history("baskets")] == [
        ("promote", 1, "ann"),
        ("promote", 2, "bob"),
        ("rollback", 1, "bob"),
    ]


def test_an_address_where_two_could_both_be_first_is_refused():
    with pytest.raises(ModelRefused, match="ftp cannot say which of two promotions was first; use a folder or one of"):
        Registry.open("ftp://models.example/shop")


# --- stages ------------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_refused_in_words(two):
    with pytest.raises(ModelRefused, match="baskets@1 is the champion already"):
        two.promote("baskets", 1, author="ann")
    with pytest.raises(ModelRefused, match="no champion before 1 to go back to"):
        two.rollback("baskets", author="ann")
    with pytest.raises(ModelRefused, match="baskets@1 is champion: only a challenger is put aside"):
        two.retire("baskets", 1, author="ann")
    with pytest.raises(ModelRefused, match=r"baskets@9 is not in .*; its versions are 1, 2"):
        two.load("baskets@9")
    with pytest.raises(ModelRefused, match=r"bskets@1 is not in .*; models there are baskets"):
        two.load("bskets@1")
    for name in ("../baskets", "baskets@0", "Baskets", "", "a/b"):
        with pytest.raises(ModelRefused, match="is no"):
            two.load(name)
        with pytest.raises(ModelRefused, match="is no"):
            two.add(name, package(), author="ann")


@given(steps=st.lists(st.tuples(st.sampled_from(["promote", "rollback", "retire"]), st.integers(1, 4)), max_size=12))
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_changes_of_stage_leave_one_champion_and_a_way_back(steps):
    registry = Registry.open(f"memory://{uuid.uuid4().hex}")
    for _ in range(4):
        registry.add("baskets", Package("half_space_trees", {}, FEATURES, {}), author="ann")
    line, retired, done = [], set(), 0
    for action, version in steps:
        with suppress(ModelRefused):
            if action == "rollback":
                registry.rollback("baskets", author="ann")
                retired = retired - {line[-2]} | {line.pop()}
            elif action == "promote":
                registry.promote("baskets", version, author="ann")
                retired = retired - {version} | set(line[-1:])
                line.append(version)
            else:
                registry.retire("baskets", version, author="ann")
                retired.add(version)
            done += 1
        standing = registry.standing("baskets")
        assert (standing.champion, standing.retired) == (line[-1] if line else None, retired)
        assert [registry.standing("baskets").stage_of(v) for v in range(1, 5)].count("champion") == bool(line)
    assert len(registry.history("baskets")) == done


def test_versions_that_differ_in_nothing_else_have_no_differences(two):
    one = two.manifest("baskets", 1)
    assert differences(one, one) == []
    assert differences(one, two.manifest("baskets", 2))[0].what == "params.seed"
