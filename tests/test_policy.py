"""The answer policy: who answers what, and how soon."""

from __future__ import annotations

import pytest

from config.errors import ConfigRefused
from config.policy import FAMILIES, Policy


@pytest.fixture
def policy_file(tmp_path):
    def write(text):
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("kind", "severity", "minutes", "owner"),
    [
        ("inventory.oversold", "high", 10, "warehouse"),
        ("payment.amount_mismatch", "medium", 30, "finance"),
        ("logistics.overdue", "medium", 60, "logistics"),
        ("information.anything", "low", 120, "customer_service"),
        ("promotion.stacking", "critical", 5, "promotions"),
        ("price.typo", "high", 15, "risk"),
        ("volume.surge", "medium", 30, "operations"),
    ],
)
def test_each_family_has_its_default_answer(kind, severity, minutes, owner):
    answer = Policy.load().answer(kind)
    assert (answer.severity, answer.respond_within_minutes, answer.owner) == (severity, minutes, owner)


def test_every_family_of_the_contract_is_answered_and_says_what_to_do():
    policy = Policy.load()
    assert all(policy.answer(f"{family}.anything").recommended_action.endswith(".") for family in FAMILIES)


def test_an_exact_kind_goes_before_its_family_and_takes_the_rest_from_it(policy_file):
    policy = Policy.load(policy_file("promotion.depth: {severity: high, cooldown_seconds: 60}"))
    depth, stacking = policy.answer("promotion.depth"), policy.answer("promotion.stacking")
    assert (depth.severity, depth.cooldown_seconds, depth.owner) == ("high", 60, "promotions")
    assert (stacking.severity, stacking.cooldown_seconds) == ("critical", None)


def test_a_kind_follows_a_change_of_its_family(policy_file):
    policy = Policy.load(policy_file("promotion.depth: {severity: low}\npromotion: {owner: marketing}"))
    assert policy.answer("promotion.depth").owner == "marketing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("promotion.stacking: {severity: urgent}", ["promotion.stacking", "'urgent'", "'critical'"]),
        ("promotion: {ownr: risk}", ["'ownr'", "did you mean 'owner'?"]),
        ("promo.stacking: {severity: low}", ["unknown family 'promo'", "did you mean 'promotion'?"]),
        ("promotion: high", ["promotion", "mapping"]),
        ("promotion: {respond_within_minutes: 0}", ["respond_within_minutes = 0", "greater"]),
        ("promotion: {cooldown_seconds: -1}", ["cooldown_seconds = -1"]),
        ("promotion: {owner: ''}", ["owner", "at least 1 character"]),
    ],
)
def test_what_is_wrong_is_named_in_one_line(policy_file, text, words):
    path = policy_file(text)
    with pytest.raises(ConfigRefused) as caught:
        Policy.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in [str(path), *words] if word not in message] == []


def test_a_kind_of_no_family_has_no_answer():
    with pytest.raises(ConfigRefused, match="unknown family 'weather'"):
        Policy.load().answer("weather.storm")
