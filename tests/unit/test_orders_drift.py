"""Positions that differ: how they are compared, how long they last, what takes one over, what is counted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.bus import Bus
from core.clock import ManualClock
from core.domain.breakers import BreakerName
from core.domain.execution import ExecType, Fill
from core.domain.messages import Difference, DifferenceKind, Reconciled, ReconciliationRun
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import BrokerPosition, Position
from core.domain.terms import OrdStatus, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.drift import CHECKS, LASTING_S, Drift, Persistence, adjustment, compare, counterpart
from core.orders.drift_watch import DriftWatch
from core.portfolio.lots import position_of
from core.state.orders import OrderBook
from tests.builders import AAPL, NOON, terms

IBM, MSFT = Symbol("IBM"), Symbol("MSFT")


def held(qty: int, px: str = "100", symbol: Symbol = AAPL) -> Position:
    side = Side.BUY if qty > 0 else Side.SELL
    name = ExecId("X")
    fill = Fill(name, ClOrdId("o"), symbol, side, Qty(abs(qty)), Price(px), Money(0), NOON)
    return position_of([fill])


def theirs(qty: str, px: str = "100", symbol: Symbol = AAPL) -> BrokerPosition:
    return BrokerPosition(symbol, Qty(qty), Price(px))


def drift(ours: str, broker: str | None, px: str = "100", symbol: Symbol = AAPL) -> Drift:
    return Drift(symbol, Decimal(ours), None if broker is None else theirs(broker, px, symbol))


# Comparing.


def test_what_differs_is_listed_by_symbol_and_what_is_the_same_is_not() -> None:
    ours = (held(5, symbol=MSFT), held(3), held(7, symbol=IBM))
    broker = (theirs("7", symbol=IBM), theirs("4"), theirs("2", symbol=Symbol("ZZZ")))

    found = compare(ours, broker)

    assert found == (
        Drift(AAPL, Decimal(3), broker[1]), Drift(MSFT, Decimal(5), None),
        Drift(Symbol("ZZZ"), Decimal(0), broker[2]),
    )  # fmt: skip
    assert [(each.broker, each.missing) for each in found] == [(4, 1), (0, -5), (2, 2)]


@pytest.mark.parametrize("repaired", [True, False])
def test_a_difference_is_said_in_plain_numbers(repaired: bool) -> None:
    found = drift("5.50", "7.00").difference(repaired=repaired)

    assert found == Difference(DifferenceKind.POSITION, AAPL, "5.5", "7", repaired)


def test_a_counterpart_lacks_the_same_shares_and_is_the_only_one() -> None:
    more, less, other = drift("0", "5"), drift("9", "4", symbol=IBM), drift("9", "3", symbol=MSFT)

    assert counterpart(more, (more, less, other)) is less
    assert counterpart(other, (more, less, other)) is None
    assert counterpart(more, (more, less, drift("5", None, symbol=MSFT))) is None


# Lasting.


def test_a_difference_lasts_after_so_many_checks_and_so_many_seconds() -> None:
    clock = ManualClock()
    lasting = Persistence(clock)
    one, other = drift("1", "2"), drift("1", "2", symbol=IBM)
    found = [lasting.lasting((one,))]
    both = (other, one)
    for seconds, drifts in ((10, (one, other)), (LASTING_S - 11, both), (1, both), (10, both)):
        clock.turn(seconds)
        found.append(lasting.lasting(drifts))

    assert CHECKS == 3
    assert found == [(), (), (), (one,), (other, one)]


@pytest.mark.parametrize("changed", [drift("2", "2"), drift("1", "3"), None])
def test_one_that_changes_or_goes_away_begins_anew(changed: Drift | None) -> None:
    clock = ManualClock()
    lasting = Persistence(clock)
    one = drift("1", "2")
    for _ in range(2):
        lasting.lasting((one,))
        clock.turn(20)
    is_known = (lasting.is_new(one), lasting.is_new(drift("1", "3")), lasting.is_new(drift("0", "2")))
    lasting.lasting(() if changed is None else (changed,))
    is_new = lasting.is_new(one)

    assert (is_known, is_new) == ((False, True, True), True)
    for seconds in (0, 20):
        clock.turn(seconds)
        assert lasting.lasting((one,)) == ()


def test_cash_must_differ_by_the_same_at_two_checks() -> None:
    lasting = Persistence(ManualClock())

    found = [lasting.cash(Decimal(each)) for each in ("0", "0", "0.01", "0.01", "0.02", "0", "0.02", "0.02")]

    assert found == [False, False, False, True, False, False, False, True]


# Taking over.


def test_an_adjustment_is_a_whole_external_order_that_is_filled() -> None:
    found = adjustment(drift("5", "12", "110"), held(5), "T-1", NOON)

    assert found.exec_id == found.cl_ord_id
    assert found.exec_id.startswith("adjusted:AAPL:")
    assert len(found.exec_id) == len("adjusted:AAPL:") + 16
    assert (found.exec_type, found.ord_status, found.order_id) == (ExecType.TRADE, OrdStatus.FILLED, None)
    assert (found.terms.symbol, found.terms.side, found.terms.order_qty) == (AAPL, Side.BUY, 7)
    assert (found.terms.ord_type, found.terms.time_in_force) == (OrdType.MARKET, TimeInForce.DAY)
    assert (found.cum_qty, found.leaves_qty, found.last_qty) == (7, 0, 7)
    # 12 at 110 are 1,320 dollars, of which 500 are paid.
    assert found.last_px == found.avg_px == Decimal("117.1429")
    assert found.transact_time == NOON
    assert found.text == "the broker's position was taken over; no fill explains the difference"


def test_an_adjustment_is_named_after_all_that_it_is_about() -> None:
    usual = drift("5", "12")
    names = {
        adjustment(each, held(5), newest, NOON).exec_id
        for each, newest in (
            (usual, "T-1"), (usual, "T-2"), (drift("6", "12"), "T-1"), (drift("5", "13"), "T-1"),
            (drift("5", "12", symbol=IBM), "T-1"),
        )
    }  # fmt: skip

    assert len(names) == 5
    assert adjustment(usual, held(5), "T-1", NOON + timedelta(days=1)).exec_id in names


@pytest.mark.parametrize(("found", "ours", "side", "qty", "px"), [
    (drift("0", "5", "10"), None, Side.BUY, 5, "10"),
    (drift("0", "-5", "10"), None, Side.SELL, 5, "10"),
    (drift("5", None), held(5, "33.33335"), Side.SELL, 5, "33.3334"),
    (drift("-5", None), held(-5, "20"), Side.BUY, 5, "20"),
    (drift("5", None), None, Side.SELL, 5, "0.0001"),
    # What is taken over would cost less than nothing.
    (drift("10", "12", "1"), held(10), Side.BUY, 2, "1"),
    # The broker's cost is ours: the shares were free, but in no simple ratio.
    (drift("997", "1000", "99.7"), held(997), Side.BUY, 3, "0"),
])  # fmt: skip
def test_an_adjustment_has_the_price_at_which_the_cost_becomes_the_brokers(
    found: Drift, ours: Position | None, side: Side, qty: int, px: str
) -> None:
    made = adjustment(found, ours, "", NOON)

    assert (made.terms.side, made.last_qty, made.last_px) == (side, qty, Decimal(px))
    assert made.exec_id.startswith("adjusted:AAPL:")


def test_a_split_is_called_one() -> None:
    made = adjustment(drift("10", "20", "50"), held(10), "", NOON)

    assert made.exec_id.startswith("adjusted:split:AAPL:")
    assert made.text == "a split, 2 for 1: every lot has other numbers and the same cost"
    assert (made.last_qty, made.last_px) == (10, 0)


# The breaker's figure.


class Watched:
    """A watch over comparisons, with the orders that it asks about."""

    def __init__(self) -> None:
        self.clock, self.bus, self.orders = ManualClock(), Bus(), OrderBook()
        state: Any = SimpleNamespace(orders=self.orders)
        self.watch = DriftWatch(state, self.clock, self.bus)

    def compared(self, *found: Difference, failure: str = "") -> None:
        now = self.clock.now()
        self.bus.publish(Reconciled(ReconciliationRun(now, now, found, failure)))

    @property
    def figure(self) -> tuple[Decimal | None, str]:
        (reading,) = self.watch.readings()
        assert (reading.name, reading.source) == (BreakerName.DRIFT, "")
        return reading.figure, reading.text

    def order(self, *, symbol: str = AAPL, ended_s: float | None = None) -> None:
        now = self.clock.now()
        order = Order(ClOrdId("IQ-1"), terms(symbol=symbol), now, now)
        if ended_s is not None:
            then = now - timedelta(seconds=ended_s)
            order = replace(order, ended=OrdStatus.CANCELED, updated_at=then)
        self.orders.put(order)


def position(symbol: str, ours: str, broker: str) -> Difference:
    return Difference(DifferenceKind.POSITION, symbol, ours, broker, repaired=False)


def test_shares_that_differ_are_added_up_and_the_first_is_named() -> None:
    watched = Watched()
    before = watched.figure
    cash = Difference(DifferenceKind.CASH, "cash", "1", "99", repaired=True)
    watched.compared(cash, position("AAPL", "5", "2.5"), position("IBM", "0", "4"))
    found = watched.figure
    watched.compared(failure="the broker is down")
    still = watched.figure
    watched.compared(cash)

    assert before == (None, "")
    assert found == (Decimal("6.5"), "AAPL: our book said 5 shares, the broker 2.5.")
    assert still == found
    assert watched.figure == (0, "")


@pytest.mark.parametrize(("symbol", "ended_s", "counts"), [
    (AAPL, None, False), (AAPL, 0, False), (AAPL, 60, False), (AAPL, 60.5, True), (IBM, None, True),
])  # fmt: skip
def test_a_symbol_of_which_an_order_works_or_ended_lately_waits_for_the_next_comparison(
    symbol: str, ended_s: float | None, counts: bool
) -> None:
    watched = Watched()
    watched.order(symbol=symbol, ended_s=ended_s)
    figures = []
    for times in (1, 1, 0, 1):
        watched.compared(*[position("AAPL", "0", "5")] * times)
        figures.append(watched.figure[0])

    assert figures == [5 if counts else 0, 5, 0, 5 if counts else 0]


def test_a_difference_that_was_seen_before_counts_though_another_one_failed_between() -> None:
    watched = Watched()
    watched.order()
    watched.compared(position("AAPL", "0", "5"))
    watched.compared(failure="the broker is down")
    watched.compared(position("AAPL", "0", "5"), position("IBM", "1", "2"))

    assert watched.figure == (6, "AAPL: our book said 0 shares, the broker 5.")
