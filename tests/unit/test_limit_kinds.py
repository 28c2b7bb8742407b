"""The table of risk parameters: complete, and reading what it writes."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.limit_kinds import AGENTS, KINDS, Looser, contradiction, read, written
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.money import Qty
from core.domain.risk import Unit
from core.ids import Symbol


def test_every_limit_stands_in_the_table_once() -> None:
    assert list(KINDS) == [name for name in KINDS if KINDS[name].name == name]
    assert set(KINDS) == {each.name for each in fields(Limits)}


@pytest.mark.parametrize("limits", [Limits(), AGENT_LIMITS], ids=["all", "agent"])
def test_the_first_values_are_allowed_and_read_back_as_they_are(limits: Limits) -> None:
    for name, kind in KINDS.items():
        value = getattr(limits, name)

        again = read(kind, written(value))

        assert again == value
        assert type(again) is type(value)
    assert contradiction(limits, KINDS) is None


def test_what_the_agent_has_of_its_own_is_all_that_differs_from_everybody() -> None:
    differs = {
        each.name
        for each in fields(Limits)
        if getattr(AGENT_LIMITS, each.name) != getattr(Limits(), each.name)
    }

    assert differs <= AGENTS


@pytest.mark.parametrize("text", [
    "-1", "+1", "", " ", "nan", "NaN", "Infinity", "-inf", "1e308", "1e2", "1_000", "0x10", "1,5", "1.", ".5",
    "0", "0.00", "100.01", "101", "9" * 19, "9" * 400, "1.0000000001", "\u0663", "three", "true", "3;", "3 4",
])  # fmt: skip
def test_what_is_no_percentage_of_equity_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a number from 0\.01 to 100, found") as caught:
        read(KINDS["position_pct"], text)

    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.most])
def test_the_bounds_of_a_number_hold_at_below_and_above(name: str) -> None:
    kind = KINDS[name]
    step = Decimal(1) if kind.is_whole else Decimal("0.001")

    assert written(read(kind, str(kind.least))) == str(kind.least)
    assert written(read(kind, str(kind.most))) == f"{kind.most:f}"
    for beyond in (kind.least - step, kind.most + step):
        with pytest.raises(ValueError, match="expected"):
            read(kind, str(beyond))


def test_a_count_has_no_parts() -> None:
    with pytest.raises(ValueError, match=r"expected a whole number from 1 to 1000, found 1\.5"):
        read(KINDS["burst"], "1.5")
    assert read(KINDS["burst"], "2.0") == 2
    assert type(read(KINDS["order_qty_soft"], " 100 ")) is Qty


def test_what_was_stored_is_read_without_the_bounds_of_today() -> None:
    assert read(KINDS["burst"], "1000000", bounded=False) == 1_000_000
    with pytest.raises(ValueError, match="expected"):
        read(KINDS["burst"], "-1", bounded=False)


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("restricted", "aapl, MSFT BRK.B", frozenset({"AAPL", "MSFT", "BRK.B"})),
    ("restricted", "-", frozenset()),
    ("allowed", "*", None),
    ("allowed", "ALL", frozenset({"ALL"})),
    ("allowed", "-", frozenset()),
])  # fmt: skip
def test_symbols_are_read_as_a_list(name: str, text: str, expected: object) -> None:
    assert read(KINDS[name], text) == expected


@pytest.mark.parametrize(("name", "text"), [
    ("restricted", "*"), ("restricted", ""), ("restricted", "AAPL,"), ("restricted", "1"),
    ("restricted", "A=B"),
    ("allowed", "A" * 17), ("allowed", " ".join(["A"] * 2001)), ("allowed", "AAPL\u0000"),
])  # fmt: skip
def test_what_is_no_symbol_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="expected symbols"):
        read(KINDS[name], text)


@pytest.mark.parametrize("text", ["", "yes", "True", "1", "on"])
def test_a_switch_is_true_or_false(text: str) -> None:
    with pytest.raises(ValueError, match="expected true or false, found"):
        read(KINDS["strict"], text)


@pytest.mark.parametrize(
    ("low", "high"), [(kind.name, kind.at_most) for kind in KINDS.values() if kind.at_most]
)
def test_a_limit_above_the_one_it_goes_with_is_a_contradiction(low: str, high: str) -> None:
    usual = Limits()
    top = getattr(usual, high)
    over = top + type(top)(1)

    assert contradiction(replace(usual, **{low: top}), KINDS) is None
    assert contradiction(replace(usual, **{low: over}), KINDS) == (low, high)
    assert contradiction(replace(usual, **{low: over}), [low]) is None


def test_a_symbol_both_restricted_and_allowed_is_a_contradiction() -> None:
    both = replace(
        Limits(), restricted=frozenset({Symbol("A")}), allowed=frozenset({Symbol("A"), Symbol("B")})
    )

    assert contradiction(both, KINDS) == ("allowed", "restricted")
    assert contradiction(replace(both, allowed=frozenset({Symbol("B")})), KINDS) is None


@given(st.data())
def test_any_allowed_value_is_written_as_it_is_read(data: st.DataObject) -> None:
    kind = KINDS[data.draw(st.sampled_from(sorted(KINDS)))]
    if kind.most:
        places = 0 if kind.is_whole else 3
        text = str(data.draw(st.decimals(kind.least, kind.most, places=places)))
    elif kind.looser in (Looser.ON, Looser.OFF):
        text = data.draw(st.sampled_from(["true", "false"]))
    else:
        text = " ".join(data.draw(st.lists(st.from_regex(r"[A-Z][A-Z0-9.]{0,5}", fullmatch=True)))) or "-"

    value = read(kind, text)

    assert read(kind, written(value)) == value
    assert written(read(kind, written(value))) == written(value)


def test_each_parameter_has_a_unit_unless_it_is_a_switch_or_a_list() -> None:
    assert {name for name, kind in KINDS.items() if kind.unit is Unit.NONE} == {
        "short_sales", "regular_hours_only", "strict", "restricted", "allowed"
    }  # fmt: skip
