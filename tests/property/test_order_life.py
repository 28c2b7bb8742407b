"""An order's life: reports in any order and any number end in the same state, by legal moves only."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Price, Qty
from core.domain.order import OPEN, TERMINAL, TRANSITIONS, Order, Pending, apply_report, is_legal
from core.domain.terms import OrderTerms, OrdStatus, Side
from core.ids import ClOrdId, ExecId, OrderId
from tests.builders import NOON, terms

ENDINGS = {
    OrdStatus.CANCELED: ExecType.CANCELED,
    OrdStatus.EXPIRED: ExecType.EXPIRED,
    OrdStatus.REPLACED: ExecType.REPLACED,
}


@dataclass(frozen=True)
class Life:
    """An order as it was sent, and what a broker said of it, in the order in which it happened."""

    sent: Order
    reports: tuple[ExecutionReport, ...]


def _report(body: OrderTerms, number: int, exec_type: ExecType, status: OrdStatus, cum: int, **more):
    return ExecutionReport(
        exec_id=ExecId(f"X-{number}"),
        exec_type=exec_type,
        cl_ord_id=ClOrdId("IQ-1"),
        order_id=None if status is OrdStatus.REJECTED else OrderId("O-1"),
        terms=body,
        ord_status=status,
        cum_qty=Qty(cum),
        leaves_qty=Qty(0 if status in TERMINAL else body.order_qty - cum),
        avg_px=Price("100") + cum if cum else None,
        transact_time=NOON + timedelta(seconds=number),
        **more,
    )


@st.composite
def lives(draw: st.DrawFn) -> Life:
    body = terms(draw(st.sampled_from(Side)), draw(st.integers(1, 50)), "100.00")
    sent = Order(
        ClOrdId("IQ-1"),
        body,
        NOON,
        NOON,
        pending=draw(st.sampled_from((None, *Pending))),
        unknown=draw(st.booleans()),
    )
    if draw(st.integers(0, 9)) == 0:
        return Life(sent, (_report(body, 0, ExecType.REJECTED, OrdStatus.REJECTED, 0, text="no"),))
    reports = [_report(body, 0, ExecType.NEW, OrdStatus.NEW, 0)]
    cum, working = 0, OrdStatus.NEW
    for qty in draw(st.lists(st.integers(1, 20), max_size=6)):
        if draw(st.booleans()):
            refusal = draw(st.sampled_from((ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED)))
            reports.append(_report(body, len(reports), refusal, working, cum))
        last = min(qty, int(body.order_qty) - cum)
        cum += last
        working = OrdStatus.FILLED if cum == body.order_qty else OrdStatus.PARTIALLY_FILLED
        last_px = Price("100")
        reports.append(
            _report(body, len(reports), ExecType.TRADE, working, cum, last_qty=Qty(last), last_px=last_px)
        )
        if working is OrdStatus.FILLED:
            return Life(sent, tuple(reports))
    ending = draw(st.sampled_from((None, *ENDINGS)))
    if ending is not None:
        reports.append(_report(body, len(reports), ENDINGS[ending], ending, cum))
    if draw(st.booleans()):
        last_word = replace(reports[-1], exec_id=ExecId("S-1"), exec_type=ExecType.ORDER_STATUS)
        reports.append(last_word)
    return Life(sent, tuple(reports))


def _fold(order: Order, reports) -> list[Order]:
    states = [order]
    for number, report in enumerate(reports):
        states.append(apply_report(states[-1], report, NOON + timedelta(minutes=number)))
    return states


def _facts(order: Order) -> tuple[object, ...]:
    return (
        order.ord_status, order.cum_qty, order.avg_px, order.leaves_qty, order.order_id, order.acked,
        order.ended, order.pending, order.unknown, order.is_open,
    )  # fmt: skip


@given(lives(), st.data())
def test_reports_in_any_order_and_with_duplicates_end_in_the_same_state(life: Life, data) -> None:
    again = data.draw(st.lists(st.sampled_from(life.reports), max_size=5))
    shuffled = data.draw(st.permutations([*life.reports, *again]))

    straight, mixed = _fold(life.sent, life.reports)[-1], _fold(life.sent, shuffled)[-1]

    assert _facts(straight) == _facts(mixed)


@given(lives(), st.data())
def test_every_move_is_in_the_table_whatever_the_order_of_arrival(life: Life, data) -> None:
    states = _fold(life.sent, data.draw(st.permutations(life.reports)))

    for before, after in pairwise(states):
        assert is_legal(before.ord_status, after.ord_status)


@given(lives(), st.data())
def test_open_quantity_and_filled_quantity_add_up_while_an_order_is_open(life: Life, data) -> None:
    for state in _fold(life.sent, data.draw(st.permutations(life.reports))):
        if state.is_open:
            assert state.cum_qty + state.leaves_qty == state.order_qty
        else:
            assert state.leaves_qty == 0


@given(lives(), st.data())
def test_filled_quantity_never_falls(life: Life, data) -> None:
    states = _fold(life.sent, data.draw(st.permutations(life.reports)))

    filled = [state.cum_qty for state in states]

    assert filled == sorted(filled)
    assert filled[-1] == max(report.cum_qty for report in life.reports)


@given(lives())
def test_an_order_ends_as_the_broker_last_said(life: Life) -> None:
    end = _fold(life.sent, life.reports)[-1]

    last = life.reports[-1]
    if last.ord_status in TERMINAL:
        assert end.ord_status is last.ord_status
    else:
        assert end.ord_status in (last.ord_status, OrdStatus.PENDING_CANCEL, OrdStatus.PENDING_REPLACE)


@given(lives())
def test_an_order_that_was_given_up_comes_back_once_the_broker_shows_it(life: Life) -> None:
    lost = replace(life.sent, ended=OrdStatus.REJECTED, gave_up=True, pending=None, unknown=False)

    states = _fold(lost, life.reports)

    proven = any(report.proves_acceptance for report in life.reports)
    assert states[-1].gave_up is not proven
    assert (states[-1].ord_status is OrdStatus.REJECTED) is not proven
    for before, after in pairwise(states):
        assert is_legal(before.ord_status, after.ord_status)


def test_the_table_of_moves_is_complete() -> None:
    assert set(TRANSITIONS) == set(OrdStatus)
    assert set(OrdStatus) == OPEN | TERMINAL
    for before, after in TRANSITIONS.items():
        assert before not in after


def test_a_fill_beyond_the_order_is_never_clipped() -> None:
    order = Order(ClOrdId("IQ-1"), terms(qty=10), NOON, NOON)

    beyond = apply_report(
        order, _report(order.terms, 1, ExecType.TRADE, OrdStatus.FILLED, 12, last_qty=Qty(12)), NOON
    )

    assert beyond.is_overfilled
    assert beyond.cum_qty == Decimal(12)
    assert beyond.ord_status is OrdStatus.FILLED
