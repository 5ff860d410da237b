"""Discovery of parts: one file, one class, one name."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod

import pytest
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from config.errors import ConfigRefused
from config.registry import build, discover
from config.sections import WeightedPartSettings

GOOD = """
from __future__ import annotations
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from {home} import Part

@dataclass(config=ConfigDict(extra="forbid"))
class {name}(Part):
    limit_minor: int = 10

    def judge(self):
        return self.limit_minor
"""


class Part(ABC):
    @abstractmethod
    def judge(self):
        """Say something."""


@dataclass(config=ConfigDict(extra="forbid"))
class PriceFloor(Part):
    floor_minor: int = 10
    share: float = 0.5

    def judge(self):
        return self.floor_minor


PARTS = {"price_floor": PriceFloor}


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """A folder of parts under a name of its own, so that no test sees the modules of another."""
    name = f"parts_{abs(hash(request.node.name))}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, f"{name}_home", sys.modules[__name__])

    def add(stem, text):
        (folder / f"{stem}.py").write_text(text)
        return name

    yield add
    for module in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
        del sys.modules[module]


def good(package_name, class_name):
    return GOOD.format(home=f"{package_name}_home", name=class_name)


def test_a_part_is_found_by_its_file(package):
    name = package("_shared", "")
    package("price_floor", good(name, "PriceFloor"))
    package("amount_cap", good(name, "AmountCap"))
    assert {stem: part.__name__ for stem, part in discover(name, Part).items()} == {
        "amount_cap": "AmountCap",
        "price_floor": "PriceFloor",
    }


def test_a_file_without_the_class_of_its_name_is_refused(package):
    name = package("price_floor", "class PriceFlor: ...")
    with pytest.raises(ConfigRefused, match=r"price_floor.*PriceFloor"):
        discover(name, Part)


def test_a_class_of_another_kind_is_refused(package):
    name = package("price_floor", "class PriceFloor: ...")
    with pytest.raises(ConfigRefused, match="PriceFloor must be a Part"):
        discover(name, Part)


def test_a_part_under_two_names_is_refused(package):
    name = package("_shared", "")
    package("floor", good(name, "PriceFloor") + "\nPriceFloor.__name__\n")
    package("price_floor", f"from {name}.floor import PriceFloor")
    package("floor", good(name, "Floor") + "\nPriceFloor = Floor\n")
    with pytest.raises(ConfigRefused, match="a second time"):
        discover(name, Part)


def test_a_part_that_lacks_a_method_is_refused(package):
    name = package("_shared", "")
    package("price_floor", f"from {name}_home import Part\nclass PriceFloor(Part): ...")
    with pytest.raises(ConfigRefused, match="lacks judge"):
        discover(name, Part)


def test_only_parts_that_are_on_are_built_with_their_parameters():
    section = {"price_floor": WeightedPartSettings(on=True, params={"floor_minor": 3})}
    assert build(PARTS, section)["price_floor"].judge() == 3
    assert build(PARTS, {"price_floor": WeightedPartSettings(on=False)}) == {}
    assert build(PARTS, {}) == {}


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        (
            "price_flor",
            {},
            ["unknown rule 'price_flor'", "did you mean 'price_floor'?", "known: price_floor"],
        ),
        (
            "price_floor",
            {"flor_minor": 3},
            ["rules.price_floor.params", "'flor_minor'", "floor_minor, share"],
        ),
        (
            "price_floor",
            {"floor_minor": "low"},
            ["floor_minor = 'low'", "integer", "known: floor_minor, share"],
        ),
    ],
)
def test_what_is_wrong_with_a_part_is_named_in_one_line(name, params, words):
    with pytest.raises(ConfigRefused) as caught:
        build(PARTS, {name: WeightedPartSettings(on=True, params=params)})
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_part_that_is_off_must_still_exist():
    with pytest.raises(ConfigRefused, match="unknown detector 'forest'"):
        build(PARTS, {"forest": WeightedPartSettings(on=False)}, what="detector")
