"""The live books in memory: orders, positions, account and quotes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.clock import ManualClock
from core.domain.market import Quote
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import Account, Position
from core.domain.terms import OrdStatus, Side
from core.ids import ClOrdId, Symbol
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from tests.builders import AAPL, NOON, terms

MSFT = Symbol("MSFT")


def order(number: int, side: Side = Side.BUY, qty: int = 10, symbol: str = AAPL, **more) -> Order:
    at = NOON + timedelta(seconds=number)
    return Order(ClOrdId(f"IQ-{number}"), terms(side, qty, "99.00", symbol=symbol), at, at, **more)


def ended(one: Order) -> Order:
    return replace(one, ended=OrdStatus.CANCELED)


def position(qty: int, symbol: str = AAPL) -> Position:
    return Position(Symbol(symbol), Qty(qty), Money(qty * 100), Money(0), Money(0), ())


def account(cash: int) -> Account:
    return Account("SIM", Money(cash), Money(cash), Money(cash), Money(cash))


def quote(symbol: str, seconds: int, last: str = "100.00", received: float = 0.0) -> Quote:
    return Quote(
        Symbol(symbol), Price("99.99"), Price("100.01"), Qty(1), Qty(1), Price(last), None, Qty(0),
        halted=False, time=NOON + timedelta(seconds=seconds), received=received,
    )  # fmt: skip


def test_an_order_is_open_until_it_ends_and_is_found_afterwards() -> None:
    book = OrderBook()
    book.put(order(1))
    book.put(order(2, symbol=MSFT))

    book.put(ended(order(1)))

    assert [each.cl_ord_id for each in book.open()] == ["IQ-2"]
    assert book.open(AAPL) == ()
    assert book.get(ClOrdId("IQ-1")).ord_status is OrdStatus.CANCELED
    assert book.get(ClOrdId("IQ-9")) is None


def test_an_order_that_comes_back_is_open_again() -> None:
    book = OrderBook()
    book.put(ended(order(1)))

    book.put(order(1))

    assert [each.ord_status for each in book.recent()] == [OrdStatus.PENDING_NEW]


def test_recent_orders_are_newest_first_and_ended_ones_are_forgotten_in_time() -> None:
    book = OrderBook()
    for number in range(600):
        book.put(ended(order(number)))
    book.put(order(1000))

    recent = book.recent()

    assert len(recent) == 501
    assert recent[0].cl_ord_id == "IQ-1000"
    assert recent[1].cl_ord_id == "IQ-599"
    assert book.get(ClOrdId("IQ-99")) is None


def test_working_shares_count_unknown_orders_and_reservations_of_the_symbol() -> None:
    book = OrderBook()
    book.put(order(1, qty=10, cum_qty=Qty(4)))
    book.put(order(2, qty=7, unknown=True))
    book.put(order(3, Side.SELL, 5))
    book.put(order(4, qty=100, symbol=MSFT))
    buy = book.reserve(terms(qty=20))
    book.reserve(terms(Side.SELL, 3))
    book.reserve(terms(qty=50, symbol=MSFT))

    counted = book.working(AAPL)
    without = book.working(AAPL, ClOrdId("IQ-2"))
    book.release(buy)

    assert (counted.buy_qty, counted.sell_qty) == (33, 8)
    assert without.buy_qty == 26
    assert book.working(AAPL).buy_qty == 13
    assert len(book.reserved()) == 2


def test_positions_are_valued_at_the_last_price_and_unknown_without_one() -> None:
    book = PositionBook()
    book.load([position(10), position(-5, MSFT)])
    unknown = (book.gross, book.net)
    book.price(AAPL, Decimal(100))

    held = book.price(MSFT, Decimal(20))

    assert unknown == (None, None)
    assert held
    assert (book.gross, book.net) == (1100, 900)
    assert book.last(AAPL) == 100


def test_positions_are_summed_by_sector_whatever_comes_first() -> None:
    book = PositionBook()
    book.load([position(10), position(-5, MSFT)])
    book.classify(AAPL, "Technology")
    book.price(AAPL, Decimal(100))
    unknown = book.of_sector("Technology")
    book.price(MSFT, Decimal(20))

    book.classify(MSFT, "Technology")
    both = book.of_sector("Technology")
    book.classify(MSFT, "Energy")
    book.price(AAPL, Decimal(90))
    book.put(position(-10, MSFT))

    assert (unknown, both) == (None, 1100)
    assert (book.of_sector("Technology"), book.of_sector("Energy"), book.of_sector("Utilities")) == (
        900,
        200,
        0,
    )


def test_a_position_that_is_closed_is_worth_nothing() -> None:
    book = PositionBook()
    book.put(position(10))
    book.price(AAPL, Decimal(100))

    book.put(position(0))

    assert (book.gross, book.net) == (0, 0)
    assert not book.price(AAPL, Decimal(101))
    assert book.held() == ()
    assert len(book.all()) == 1
    assert book.qty(MSFT) == 0
    assert book.get(MSFT) is None


def test_the_account_is_unknown_until_the_broker_has_spoken() -> None:
    state = AccountState(ManualClock())

    assert (state.account, state.cash, state.age_s) == (None, None, None)


def test_fills_since_the_last_answer_are_added_to_the_cash() -> None:
    clock = ManualClock()
    state = AccountState(clock)
    state.confirm(account(1000), state.epoch)

    state.book(Decimal("-99.50"))
    clock.turn(7)

    assert state.cash == Decimal("900.50")
    assert state.age_s == 7


def test_an_answer_that_was_asked_for_before_a_fill_is_not_taken() -> None:
    state = AccountState(ManualClock())
    asked_in = state.epoch
    state.book(Decimal(-100))

    taken = state.confirm(account(1000), asked_in)

    assert not taken
    assert state.account is None
    assert state.confirm(account(900), state.epoch)
    assert state.cash == 900


def test_the_newest_quote_of_each_symbol_is_kept_and_an_older_one_dropped() -> None:
    clock = ManualClock()
    book = QuoteBook(clock)

    kept = book.apply([quote(AAPL, 5, "101.00"), quote(AAPL, 3, "99.00"), quote(MSFT, 1)])
    clock.turn(4)

    assert [each.symbol for each in kept] == [AAPL, MSFT]
    assert book.get(AAPL).last == Decimal("101.00")
    assert book.age_s(AAPL) == 4
    assert book.age_s(Symbol("ZZZ")) is None
    assert len(book.all()) == 2


@pytest.mark.parametrize("seconds", [5, 6])
def test_a_quote_of_the_same_moment_or_later_replaces_the_one_before(seconds: int) -> None:
    book = QuoteBook(ManualClock())
    book.apply([quote(AAPL, 5, "101.00")])

    book.apply([quote(AAPL, seconds, "102.00")])

    assert book.get(AAPL).last == Decimal("102.00")
