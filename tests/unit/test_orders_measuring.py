"""Orders as numbers: each state counts once, a cancel is timed, and what is remembered is bounded."""

from dataclasses import replace

import pytest

from core.bus import Bus
from core.clock import ManualClock
from core.domain.limits import Limits
from core.domain.messages import OrderChanged
from core.domain.order import Order, Pending
from core.domain.terms import OrdStatus
from core.ids import ClOrdId
from core.orders import measuring
from core.orders.gather import LiveState
from core.orders.measuring import OrderNumbers
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from tests.builders import NOON, terms


class Counted:
    """The numbers of orders, fed by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bus = Bus()
        state = LiveState(
            QuoteBook(self.clock), OrderBook(), PositionBook(), AccountState(self.clock), {}, Limits()
        )
        self._numbers = OrderNumbers(state, self.clock)
        self._numbers.follow(self.bus)

    def tell(self, order: Order) -> Order:
        self.bus.publish(OrderChanged(order))
        return order

    def states(self) -> dict[str, float]:
        samples = self._numbers.instruments[0].family().samples
        return {each.labels[0]: each.value for each in samples if each.value}

    def cancels(self) -> tuple[int, float]:
        (spread,) = self._numbers.instruments[4].family().spreads
        return spread.counts[-1], spread.total


@pytest.fixture
def counted() -> Counted:
    return Counted()


def working(number: int = 1) -> Order:
    return Order(ClOrdId(f"IQ-{number}"), terms(qty=10, price="99.00"), NOON, NOON, acked=True)


def cancelled(order: Order) -> Order:
    return replace(order, pending=None, ended=OrdStatus.CANCELED)


def test_change_that_leaves_the_state_as_it_was_counts_no_second_time(counted: Counted) -> None:
    order = counted.tell(working())

    counted.tell(replace(order, text="a word of the broker"))

    assert counted.states() == {"NEW": 1.0}


def test_state_that_comes_back_counts_again(counted: Counted) -> None:
    order = counted.tell(working())
    counted.tell(replace(order, pending=Pending.REPLACE))

    counted.tell(order)

    assert counted.states() == {"NEW": 2.0, "PENDING_REPLACE": 1.0}


def test_cancel_is_timed_from_the_first_wish(counted: Counted) -> None:
    order = counted.tell(working())
    counted.tell(replace(order, pending=Pending.CANCEL))
    counted.clock.turn(1.5)

    counted.tell(cancelled(order))

    assert counted.cancels() == (1, 1.5)


def test_cancel_that_was_refused_is_no_cancel(counted: Counted) -> None:
    order = counted.tell(working())
    counted.tell(replace(order, pending=Pending.CANCEL))
    counted.tell(order)
    counted.clock.turn(60.0)

    counted.tell(cancelled(order))

    assert counted.cancels() == (0, 0.0)


def test_only_so_many_orders_are_remembered(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_MOST_ORDERS", 2)
    first = counted.tell(replace(working(1), pending=Pending.CANCEL))
    for number in (2, 3):
        counted.tell(working(number))

    counted.tell(cancelled(first))

    assert counted.cancels() == (0, 0.0)
    assert len(counted._numbers._last) == 2
    assert not counted._numbers._cancels
