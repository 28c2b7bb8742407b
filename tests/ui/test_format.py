"""What a person reads: signs, zeros, dashes, decimals, ages, zones."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.access import TradingState
from core.domain.money import Price, Qty
from core.domain.terms import OrdStatus, OrdType, Side, TimeInForce
from ui import format as fmt

NOON = datetime(2026, 11, 20, 19, 32, 7, 4_900, tzinfo=UTC)


@pytest.fixture(autouse=True)
def exchange_time() -> Iterator[None]:
    fmt.set_zone(fmt.Zone.ET)
    yield
    fmt.set_zone(fmt.Zone.ET)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("189.4", "189.40"),
        ("1", "1.00"),
        ("0.9999", "0.9999"),
        ("0.5", "0.5000"),
        ("0", "0.00"),
        ("1234.5", "1,234.50"),
    ],
)
def test_price_has_two_decimals_from_a_dollar_and_four_below(value: str, text: str) -> None:
    assert fmt.price(Price(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("100", "100"),
        ("1234567", "1,234,567"),
        ("0.500000000", "0.5"),
        ("1000.25", "1,000.25"),
        ("-60", "\u221260"),
    ],
)
def test_qty_has_separators_and_a_trimmed_fraction(value: str, text: str) -> None:
    assert fmt.qty(Qty(value)) == text


@pytest.mark.parametrize(
    ("value", "text", "sign"),
    [
        ("56", "+56.00", 1),
        ("-1120.5", "\u22121,120.50", -1),
        ("0", "0.00", 0),
        ("-0.001", "0.00", 0),
        ("0.004", "0.00", 0),
    ],
)
def test_pnl_has_a_sign_unless_it_is_written_as_zero(value: str, text: str, sign: int) -> None:
    amount = Decimal(value)

    assert (fmt.pnl(amount), fmt.sign(amount)) == (text, sign)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_pnl_of_any_amount_agrees_with_its_sign(amount: Decimal) -> None:
    text = fmt.pnl(amount)

    assert text[0] in {1: "+", -1: "\u2212", 0: "0"}[fmt.sign(amount)]
    assert "-" not in text


def test_unknown_is_a_dash_and_zero_is_not() -> None:
    dashes = [
        fmt.price(None),
        fmt.qty(None),
        fmt.money(None),
        fmt.pnl(None),
        fmt.percent(None),
        fmt.age(None),
    ]

    assert dashes == ["\u2014"] * 6
    assert fmt.money(Decimal(0)) == "0.00"


def test_percent_has_a_thin_space() -> None:
    assert fmt.percent(Decimal("15.24")) == "15.2\u2009%"
    assert fmt.signed_percent(Decimal("-0.31")) == "\u22120.31\u2009%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0.2"),
        (41.0, "41.0"),
        (-0.3, "0.0"),
        (250, "250"),
        (1200, "20 m"),
        (18_000, "5 h"),
        (90_000, "1 d"),
    ],
)
def test_age_grows_from_tenths_to_days(seconds: float, text: str) -> None:
    assert fmt.age(seconds) == text


def test_long_span_writes_hours_and_minutes() -> None:
    assert (fmt.long_span(5_220), fmt.long_span(300), fmt.long_span(9)) == ("1 h 27 m", "5 m", "9 s")


def test_clock_is_exchange_time_with_its_name() -> None:
    assert fmt.clock_zone(NOON) == "14:32:07 ET"
    assert fmt.clock_ms(NOON) == "14:32:07.004"


def test_clock_after_the_switch_is_utc() -> None:
    fmt.set_zone(fmt.Zone.UTC)

    assert fmt.clock_zone(NOON) == "19:32:07 UTC"


def test_clock_of_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        fmt.clock(NOON.replace(tzinfo=None))


@pytest.mark.parametrize("enum", [Side, OrdType, TimeInForce, OrdStatus, TradingState])
def test_word_of_every_value_is_for_people(enum: type[Side]) -> None:
    for value in enum:
        assert fmt.word(value)
        assert "_" not in fmt.word(value)


def test_word_tells_enums_of_equal_value_apart() -> None:
    assert fmt.word(OrdStatus.CANCELED) == "Cancelled"
    assert fmt.word(OrdType.STOP_LIMIT) == "Stop limit"
