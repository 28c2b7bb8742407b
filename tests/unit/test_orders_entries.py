"""Which working orders open risk, and so end with a trip; whatever protects stays."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.clock import ManualClock
from core.domain.limits import Limits
from core.domain.money import Price
from core.domain.order import Order
from core.domain.portfolio import Position
from core.domain.terms import Contingency, Legs, OrderTerms, Side
from core.ids import ClOrdId
from core.orders.entries import entries
from core.orders.gather import LiveState
from core.portfolio.lots import position_of
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from tests.builders import NOON, terms
from tests.unit.test_portfolio_outcomes import fill

BUY, SELL = Side.BUY, Side.SELL


def held(side: Side, qty: int) -> Position:
    return position_of([fill(1, side, str(qty), "100")])


def state(position: Position | None, *orders: Order) -> LiveState:
    clock = ManualClock()
    made = LiveState(QuoteBook(clock), OrderBook(), PositionBook(), AccountState(clock), {}, Limits())
    if position is not None:
        made.positions.load([position])
    for order in orders:
        made.orders.put(order)
    return made


def order(name: str, body: OrderTerms, minute: int = 0, **changes: object) -> Order:
    at = NOON + timedelta(minutes=minute)
    return replace(Order(ClOrdId(name), body, at, at, acked=True), **changes)  # type: ignore[arg-type]


def names(found: tuple[Order, ...]) -> set[str]:
    return {each.cl_ord_id for each in found}


def test_every_order_is_an_entry_while_nothing_is_held() -> None:
    made = state(None, order("a", terms(BUY, 1, "99")), order("b", terms(SELL, 1, "101")))

    assert names(entries(made)) == {"a", "b"}


def test_what_closes_stays_as_far_as_there_are_shares() -> None:
    made = state(
        held(BUY, 100),
        order("old", terms(SELL, 60, "101"), 1),
        order("too much", terms(SELL, 60, "102"), 2),
        order("small", terms(SELL, 40, "103"), 3),
        order("more", terms(BUY, 1, "99")),
    )

    assert names(entries(made)) == {"too much", "more"}


def test_a_stop_comes_before_an_older_limit() -> None:
    made = state(
        held(BUY, 100),
        order("limit", terms(SELL, 100, "101"), 1),
        order("stop", terms(SELL, 100, stop="90"), 2),
    )

    assert names(entries(made)) == {"limit"}


def test_what_is_owed_is_protected_by_a_purchase() -> None:
    made = state(held(SELL, 10), order("stop", terms(BUY, 10, stop="110")), order("s", terms(SELL, 1, "101")))

    assert names(entries(made)) == {"s"}


def test_legs_and_orders_of_others_are_left_alone() -> None:
    made = state(
        None,
        order("leg", terms(SELL, 10, stop="90"), list_id=ClOrdId("head")),
        order("theirs", terms(BUY, 10, "99"), external=True),
    )

    assert entries(made) == ()


def test_a_replacement_counts_once_with_the_order_that_it_replaces() -> None:
    made = state(
        held(BUY, 100),
        order("old", terms(SELL, 100, "101"), 1),
        order("new", terms(SELL, 100, "102"), 2, orig_cl_ord_id=ClOrdId("old")),
    )

    assert entries(made) == ()


@pytest.mark.parametrize(("contingency", "is_entry"), [(Contingency.OCO, False), (Contingency.BRACKET, True)])
def test_a_pair_that_closes_stays_and_a_bracket_opens_anew(contingency: Contingency, is_entry: bool) -> None:
    legs = Legs(contingency, Price("110"), Price("90"))
    made = state(held(BUY, 100), order("head", replace(terms(SELL, 100, "110"), legs=legs)))

    assert bool(entries(made)) is is_entry


def test_an_order_for_an_amount_is_an_entry() -> None:
    body = replace(terms(SELL, 1), cash_order_qty=Decimal(100))

    assert names(entries(state(held(BUY, 100), order("amount", body)))) == {"amount"}
