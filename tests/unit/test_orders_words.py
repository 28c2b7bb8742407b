"""The values an order is made of: sides, exact numbers, instruments, quotes and worst prices."""

import copy
import pickle
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.domain.audit import payload_of
from core.domain.instrument import Instrument
from core.domain.lanes import Latest
from core.domain.market import Bar, Quote, Timeframe
from core.domain.meanings import REFUSALS
from core.domain.messages import AccountMarked, AckMeasured, BarChanged, PositionMarked, SessionTicked
from core.domain.money import Money, Price, Qty, normal, notional, plain
from core.domain.order import Order, worst_price
from core.domain.terms import Contingency, Legs, OrderTerms, Side, canonical
from core.errors import RefusalCode
from core.ids import ClOrdId
from core.orders.bodies import draft_in_words, in_words
from tests.builders import AAPL, NOON, terms
from tests.fakes.rig import draft

DAY = date(2026, 11, 20)


def order(body: OrderTerms) -> Order:
    return Order(ClOrdId("IQ-1"), body, NOON, NOON)


def test_the_other_side_of_a_purchase_is_a_sale() -> None:
    assert [side.opposite for side in Side] == [Side.SELL, Side.BUY]
    assert [side.sign for side in Side] == [1, -1]


@pytest.mark.parametrize("value", [1.5, True, None, b"1"])
def test_a_number_that_is_not_exact_is_refused(value) -> None:
    with pytest.raises(TypeError):
        Price(value)


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "sNaN", "", "1,5", "1e18", Decimal("-1e18")]
)
def test_a_number_that_is_none_is_refused(value) -> None:
    with pytest.raises(ValueError, match="Qty"):
        Qty(value)


def test_an_exact_value_is_the_same_after_copying_and_pickling() -> None:
    value = Price("189.40")

    copies = [Price(value), copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))]

    assert all(type(each) is Price and str(each) == "189.40" for each in copies)


def test_arithmetic_gives_a_plain_decimal_and_a_product_is_exact() -> None:
    assert type(Price("1.10") + Price("2")) is Decimal
    assert notional(Decimal("0.000000001"), Decimal("123456.789")) == Money("0.000123456789")


@pytest.mark.parametrize(
    ("value", "text"), [("10.00", "10"), ("1E+3", "1000"), ("0.000", "0"), ("-0.10", "-0.1"), ("7", "7")]
)
def test_equal_numbers_have_one_spelling(value: str, text: str) -> None:
    assert plain(normal(Decimal(value))) == text


def test_equal_orders_have_one_canonical_text_and_different_ones_differ() -> None:
    assert canonical(terms(qty="10.0", price="1.10")) == canonical(terms(qty=10, price="1.1"))
    assert canonical(terms(qty=10, price="1.10")) != canonical(terms(qty=10, stop="1.10"))


def test_an_order_is_said_in_the_words_that_people_search_for() -> None:
    assert in_words(terms(Side.SELL, 20, "189.40", stop="190")) == "AAPL sell 20 stop limit 190.00 189.40"
    assert draft_in_words(draft(qty="1" * 99)) == f"AAPL buy {'1' * 40} market"


def test_prices_stand_on_the_tick_of_their_size() -> None:
    apple = Instrument(AAPL, "Apple", "NASDAQ")

    assert apple.is_on_tick(Decimal("0.9999"), DAY)
    assert not apple.is_on_tick(Decimal("1.0001"), DAY)
    assert apple.nearest_prices(Decimal("1.005"), DAY) == (Price("1.00"), Price("1.01"))
    assert apple.nearest_prices(Decimal("1.01"), DAY) == (Price("1.01"), Price("1.01"))
    with pytest.raises(ValueError, match="no tick"):
        apple.tick_at(Decimal(1), date(1960, 1, 1))


def test_the_change_of_a_quote_is_unknown_without_a_close_to_compare_with() -> None:
    quote = Quote(
        AAPL, Price("10"), Price("12"), Qty(1), Qty(1), Price("11"), Price("10"), Qty(0), halted=False,
        time=NOON, received=0.0,
    )  # fmt: skip

    assert (quote.change, quote.change_pct) == (1, 10)
    assert replace(quote, last=None).change is None
    assert replace(quote, prev_close=None).change_pct is None
    assert replace(quote, prev_close=Price(0)).change_pct is None


@pytest.mark.parametrize(
    ("body", "reference", "worst"),
    [
        (terms(price="9"), "10", "9"),
        (terms(), "10", "10"),
        (terms(), None, None),
        (terms(stop="11"), "10", "11"),
        (terms(stop="11"), "12", "12"),
        (terms(Side.SELL, stop="9"), "10", "9"),
        (terms(Side.SELL, stop="9"), "8", "8"),
        (terms(stop="11"), None, "11"),
    ],
)
def test_the_worst_price_is_the_limit_or_what_nothing_bounds(body, reference, worst) -> None:
    found = worst_price(order(body), None if reference is None else Decimal(reference))

    assert found == (None if worst is None else Decimal(worst))


def test_the_newest_value_of_a_lane_replaces_the_one_before() -> None:
    bar = Bar(AAPL, NOON, Price(1), Price(1), Price(1), Price(1), Qty(1))

    changed = BarChanged(Timeframe.M1, bar)

    assert changed.lane_key == ("bar", f"AAPL/{Timeframe.M1}/{NOON.isoformat()}")
    assert AckMeasured(1.0, 2.0).lane_key == ("ack", "")
    with pytest.raises(NotImplementedError):
        _ = Latest().lane_key
    assert {kind.__name__ for kind in (AccountMarked, PositionMarked, SessionTicked)} < {
        kind.__name__ for kind in Latest.__subclasses__()
    }


def test_every_refusal_has_a_meaning() -> None:
    assert set(REFUSALS) == set(RefusalCode)


def test_facts_are_written_in_one_spelling_and_a_decimal_is_refused() -> None:
    assert payload_of({"b": 1, "a": None}) == '{"a":null,"b":1}'
    with pytest.raises(TypeError):
        payload_of({"a": Decimal(1)})


def test_the_legs_of_an_order_are_said_with_it() -> None:
    legs = Legs(Contingency.BRACKET, Price("110"), Price("95"))
    limited = replace(legs, stop_limit=Price("94.5"))

    plain_words = in_words(replace(terms(qty=5, price="100"), legs=legs))
    with_limit = in_words(replace(terms(qty=5, price="100"), legs=limited))

    assert plain_words == "AAPL buy 5 limit 100.00 bracket take profit 110.00 stop loss 95.00"
    assert with_limit == f"{plain_words} limit 94.50"
