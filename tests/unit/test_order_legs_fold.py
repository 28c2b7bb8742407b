"""The fold of reports about legs, busts and cash orders, in whatever order they come."""

from dataclasses import replace

from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Money, Price, Qty
from core.domain.order import Order, apply_report
from core.domain.terms import OrdStatus
from core.ids import ClOrdId, ExecId, OrderId
from tests.builders import NOON, terms

ID = ClOrdId("LEG-1")


def report(exec_type: ExecType, status: OrdStatus, cum: int = 0, leaves: int = 0) -> ExecutionReport:
    return ExecutionReport(
        exec_id=ExecId(f"{exec_type}-{status}-{cum}"),
        exec_type=exec_type,
        cl_ord_id=ID,
        order_id=OrderId("O-1"),
        terms=terms(qty=10),
        ord_status=status,
        cum_qty=Qty(cum),
        leaves_qty=Qty(leaves),
        avg_px=Price(10) if cum else None,
        transact_time=NOON,
        list_id=ClOrdId("IQ-entry"),
    )


HELD = report(ExecType.SUSPENDED, OrdStatus.SUSPENDED)
BEGUN = report(ExecType.RESTATED, OrdStatus.NEW)


def fold(order: Order, *reports: ExecutionReport) -> Order:
    for each in reports:
        order = apply_report(order, each, NOON)
    return order


def leg(**facts: object) -> Order:
    return replace(Order(ID, terms(qty=10), NOON, NOON, external=True), **facts)


def test_leg_of_an_order_of_ours_is_ours():
    order = fold(leg(), HELD)

    assert not order.external
    assert order.list_id == "IQ-entry"
    assert order.ord_status is OrdStatus.SUSPENDED


def test_late_word_that_a_leg_is_held_does_not_hold_it_again():
    assert fold(leg(), HELD, BEGUN) == fold(leg(), BEGUN, HELD)
    assert fold(leg(), BEGUN, HELD).ord_status is OrdStatus.NEW


def test_status_that_a_leg_is_held_is_the_broker_s_newest_word():
    asked = report(ExecType.ORDER_STATUS, OrdStatus.SUSPENDED)

    assert fold(leg(), BEGUN, asked).ord_status is OrdStatus.SUSPENDED


def test_bust_of_a_filled_order_takes_its_shares_back_and_does_not_work_again():
    filled = fold(leg(), report(ExecType.TRADE, OrdStatus.FILLED, 10))

    busted = fold(filled, report(ExecType.TRADE_CANCEL, OrdStatus.CANCELED, 4))

    assert (filled.ord_status, busted.ord_status) == (OrdStatus.FILLED, OrdStatus.CANCELED)
    assert (busted.cum_qty, busted.leaves_qty) == (4, 0)


def test_bust_of_a_filled_cash_order_ends_it_as_canceled():
    order = leg(terms=replace(terms(qty=10), cash_order_qty=Money(100)))
    filled = fold(order, report(ExecType.TRADE, OrdStatus.FILLED, 3))

    busted = fold(filled, report(ExecType.TRADE_CANCEL, OrdStatus.CANCELED))

    assert (filled.ord_status, busted.ord_status) == (OrdStatus.FILLED, OrdStatus.CANCELED)


def test_cash_order_is_filled_when_the_broker_says_so_and_never_overfilled():
    order = leg(terms=replace(terms(qty=10), cash_order_qty=Money(100), order_qty=Qty(2)))

    partly = fold(order, report(ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, 3, 1))

    assert partly.ord_status is OrdStatus.PARTIALLY_FILLED
    assert not partly.is_overfilled
    assert partly.leaves_qty == 0


def test_bust_of_a_replaced_order_leaves_it_replaced():
    replaced = fold(leg(), report(ExecType.REPLACED, OrdStatus.REPLACED, 4))

    assert fold(replaced, report(ExecType.TRADE_CANCEL, OrdStatus.REPLACED)).ord_status is OrdStatus.REPLACED


def test_bust_while_the_order_works_lets_the_rest_work():
    order = fold(leg(), report(ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, 4, 6))

    busted = fold(order, report(ExecType.TRADE_CANCEL, OrdStatus.NEW, 0, 10))

    assert (busted.ord_status, busted.cum_qty, busted.leaves_qty) == (OrdStatus.NEW, 0, 10)
