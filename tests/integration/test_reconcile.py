"""Our book against the broker's: what is found, what is inferred, what is taken back, what is taken over."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.simulator.faults import Call
from core.clock import ManualClock, settle
from core.domain.access import TradingState
from core.domain.audit import AuditAction
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.market import SessionPhase
from core.domain.messages import (
    CancelOrder,
    Difference,
    DifferenceKind,
    ExplainPosition,
    FillBooked,
    LinkState,
    LoadSnapshot,
    Notice,
    Part,
    Reconcile,
    Reconciled,
    Reconnect,
    ReplaceOrder,
    SubmitOrder,
)
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import BrokerPosition
from core.domain.records import AuditQuery
from core.domain.terms import OrdStatus, Side
from core.errors import (
    BrokerUnavailable,
    ConnectionLimit,
    CredentialsRefused,
    RefusalCode,
    Refused,
    StorageUnwritable,
)
from core.failpoints import arm, disarm_all
from core.ids import ExecId
from core.orders.drift import Persistence, adjustment, compare
from core.portfolio.provenance import readds
from core.state.account import AccountState
from tests import builders
from tests.builders import AAPL
from tests.fakes.rig import EVERY_RULE, Rig, draft

RESTING = "99.90"


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    disarm_all()
    await made.stop()


async def apply(rig: Rig, report: ExecutionReport) -> Order:
    await rig.core.oms.apply(report)
    await rig.quiet()
    return rig.order(report.cl_ord_id)


def told(
    order: Order, exec_id: str, exec_type: ExecType, cum: str, avg: str | None, **more
) -> ExecutionReport:
    cum_qty = Qty(cum)
    status = OrdStatus.FILLED if cum_qty >= order.order_qty else OrdStatus.PARTIALLY_FILLED
    return ExecutionReport(
        exec_id=ExecId(exec_id), exec_type=exec_type, cl_ord_id=order.cl_ord_id, order_id=order.order_id,
        terms=order.terms, ord_status=more.pop("status", status), cum_qty=cum_qty,
        leaves_qty=Qty(max(order.order_qty - cum_qty, Decimal(0))),
        avg_px=None if avg is None else Price(avg), transact_time=builders.NOON, **more,
    )  # fmt: skip


def trade(
    order: Order, exec_id: str, qty: str, px: str, cum: str, avg: str, fee: str = "0"
) -> ExecutionReport:
    more = {"last_qty": Qty(qty), "last_px": Price(px), "fee": Money(fee)}
    return told(order, exec_id, ExecType.TRADE, cum, avg, **more)


def status(order: Order, cum: str, avg: str) -> ExecutionReport:
    return told(order, f"S-{cum}", ExecType.ORDER_STATUS, cum, avg)


async def fills(rig: Rig) -> tuple[Fill, ...]:
    return await rig.store.read(lambda reader: reader.fills())


async def proven(rig: Rig) -> bool:
    return readds(await rig.do(ExplainPosition(AAPL)))


class Told:
    """A broker whose activities and positions say what the test says."""

    def __init__(self, rig: Rig) -> None:
        self.activities: list[ExecutionReport] = []
        self.asked: list[object] = []
        self.positions: tuple[BrokerPosition, ...] = ()
        broker = rig.market.broker
        broker.activities = self._activities
        broker.positions = self._positions
        broker.open_orders = self._nothing

    async def _activities(self, since) -> tuple[ExecutionReport, ...]:
        self.asked.append(since)
        return tuple(self.activities)

    async def _positions(self) -> tuple[BrokerPosition, ...]:
        return self.positions

    async def _nothing(self) -> tuple[()]:
        return ()

    def hold(self, qty: str, avg: str = "100") -> None:
        self.positions = (BrokerPosition(AAPL, Qty(qty), Price(avg)),)


@pytest.fixture
def broker(rig: Rig) -> Told:
    return Told(rig)


async def test_a_status_that_no_fill_explains_is_booked_as_one_inferred_fill(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, status(order, "10", "99.875"))
    broker.hold("10")

    await rig.do(Reconcile())

    (inferred,) = await fills(rig)
    assert inferred.exec_id == f"inferred:{order.cl_ord_id}:10"
    assert (inferred.last_qty, inferred.last_px, inferred.inferred) == (10, Decimal("99.875"), True)
    assert rig.core.state.positions.qty(AAPL) == 10
    assert rig.core.state.behind == set()
    assert await proven(rig)


async def test_what_is_missing_of_a_partly_known_order_is_inferred_at_its_exact_price(
    rig: Rig, broker: Told
) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-4", "4", "100.00", "4", "100.00"))
    await apply(rig, status(order, "10", "100.03"))
    broker.hold("10")

    await rig.do(Reconcile())

    assert [(each.last_qty, each.last_px) for each in await fills(rig)] == [(4, 100), (6, Decimal("100.05"))]


@pytest.mark.parametrize(("avg", "why"), [("100.0033", "rounded"), ("80.00", "negative")])
async def test_a_price_that_cannot_be_told_exactly_is_refused_with_an_alarm(
    rig: Rig, broker: Told, avg: str, why: str
) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-7", "7", "120.00", "7", "120.00"))
    await apply(rig, status(order, "10", avg))
    broker.hold("7")

    await rig.do(Reconcile())

    assert len(await fills(rig)) == 1
    assert any("cannot be told exactly" in text for text in rig.alarms())
    with pytest.raises(Refused):
        await rig.submit(draft())


async def test_a_status_without_an_average_price_infers_nothing(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, replace(status(order, "10", "1"), avg_px=None))

    await rig.do(Reconcile())

    assert await fills(rig) == ()
    assert rig.core.state.behind == {order.cl_ord_id}


async def test_real_fills_that_come_later_take_the_inferred_one_back(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, status(order, "10", "99.90"))
    broker.hold("10")
    await rig.do(Reconcile())

    broker.activities = [
        trade(order, "T-4", "4", "99.90", "4", "99.90", "0.02"),
        trade(order, "T-10", "6", "99.90", "10", "99.90", "0.03"),
    ]
    await rig.do(Reconcile())
    after = await fills(rig)

    assert [(each.exec_id, each.signed_qty) for each in after] == [
        (f"inferred:{order.cl_ord_id}:10", 10),
        (f"inferred:{order.cl_ord_id}:10:back", -10),
        ("T-4", 4),
        ("T-10", 6),
    ]
    position = rig.core.state.positions.get(AAPL)
    assert (position.qty, position.cost, position.fees) == (10, 999, Decimal("0.05"))
    assert rig.core.state.behind == rig.core.oms.tally.inferred == set()
    assert await proven(rig)


async def test_a_part_of_the_real_fills_leaves_the_rest_inferred(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, status(order, "10", "99.90"))
    broker.hold("10")
    await rig.do(Reconcile())

    broker.activities = [trade(order, "T-4", "4", "99.90", "4", "99.90")]
    await rig.do(Reconcile())

    living = {each.exec_id: each.signed_qty for each in (await fills(rig))[2:]}
    assert living == {"T-4": 4, f"inferred:{order.cl_ord_id}:10:1": 6}
    assert rig.core.state.positions.qty(AAPL) == 10
    assert await proven(rig)


async def test_what_is_inferred_is_asked_for_again_after_a_restart(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, status(order, "10", "99.90"))
    broker.hold("10")
    await rig.do(Reconcile())

    await rig.kill()
    again = Told(rig)
    again.hold("10")
    await rig.start()

    assert rig.core.oms.tally.inferred == {order.cl_ord_id}
    assert rig.core.state.positions.qty(AAPL) == 10
    assert len(await fills(rig)) == 1


async def test_a_gap_between_two_fills_shuts_the_door_until_it_is_filled(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    broker.activities = [trade(order, "T-4", "4", "99.90", "4", "99.90")]

    await apply(rig, trade(order, "T-10", "6", "99.90", "10", "99.90"))
    during = set(rig.core.state.behind)
    rig.core.reconciler.holdings.want_account()
    await rig.quiet()

    assert during == {order.cl_ord_id}
    assert rig.core.state.behind == set()
    assert rig.core.state.positions.qty(AAPL) == 10


async def test_missing_shares_are_known_after_a_restart(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-10", "6", "99.90", "10", "99.90"))
    await rig.kill()
    broken = Told(rig)

    async def refuse(since: object) -> None:
        raise BrokerUnavailable("no")

    rig.market.broker.activities = refuse
    await rig.start()

    assert rig.core.state.behind == {order.cl_ord_id}
    assert broken.asked == []


@pytest.fixture(autouse=True)
def lost_links_may_come(expected_log, request: pytest.FixtureRequest):
    yield
    if "restart" in request.node.name:
        expected_log.records[:] = [each for each in expected_log.records if each.getMessage() != "link.lost"]


# Busts and corrections.


async def bust(rig: Rig, order: Order, ref: str, exec_id: str = "B-1", cum: str = "0") -> Order:
    report = told(
        order, exec_id, ExecType.TRADE_CANCEL, cum, None, exec_ref_id=ExecId(ref), status=OrdStatus.CANCELED
    )
    return await apply(rig, replace(report, leaves_qty=Qty(0)))


def correct(order: Order, ref: str, exec_id: str, qty: str, px: str, cum: str) -> ExecutionReport:
    more = {"last_qty": Qty(qty), "last_px": Price(px), "exec_ref_id": ExecId(ref), "fee": Money("0.01")}
    return told(order, exec_id, ExecType.TRADE_CORRECT, cum, px, **more)


async def test_a_bust_takes_its_own_lot_back_at_its_price_with_the_fee(rig: Rig) -> None:
    first = await rig.submit(draft(qty=10, price=RESTING))
    second = await rig.submit(draft(qty=5, price=RESTING))
    await apply(rig, trade(first, "T-1", "10", "99.00", "10", "99.00", "0.02"))
    await apply(rig, trade(second, "T-2", "5", "98.00", "5", "98.00"))

    after = await bust(rig, second, "T-2")

    position = rig.core.state.positions.get(AAPL)
    assert [lot.exec_id for lot in position.lots] == ["T-1"]
    assert (position.qty, position.cost, position.realised) == (10, 990, 0)
    assert after.ord_status is OrdStatus.CANCELED
    (back,) = [each for each in await fills(rig) if each.corrects]
    assert (back.exec_id, back.corrects, back.side, back.last_px) == ("B-1", "T-2", Side.SELL, 98)
    assert any("took a fill back" in text for text in rig.alarms())
    assert await proven(rig)


async def test_a_fee_is_given_back_with_its_fill(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00", "0.02"))

    await bust(rig, order, "T-1")

    position = rig.core.state.positions.get(AAPL)
    assert (position.qty, position.fees, position.realised) == (0, 0, 0)
    assert sum(each.cash_flow for each in await fills(rig)) == 0


async def test_a_bust_that_comes_twice_counts_once(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))

    await bust(rig, order, "T-1")
    await bust(rig, order, "T-1")
    await bust(rig, order, "T-1", "B-2")

    assert rig.core.state.positions.qty(AAPL) == 0
    assert len(await fills(rig)) == 2


async def test_a_bust_that_comes_before_its_fill_takes_it_back_when_it_comes(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))

    await bust(rig, order, "T-1")
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))

    assert rig.core.state.positions.qty(AAPL) == 0
    assert [each.exec_id for each in await fills(rig)] == ["T-1", "B-1"]
    assert await proven(rig)


async def test_a_fill_that_comes_after_its_bust_leaves_the_order_as_it_is(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await bust(rig, order, "T-1")

    after = await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))
    run = await rig.do(Reconcile())

    assert (after.cum_qty, after.avg_px, after.ord_status) == (0, None, OrdStatus.CANCELED)
    stored = await rig.store.read(lambda reader: reader.order(order.cl_ord_id))
    assert stored.cum_qty == 0
    assert rig.core.state.behind == set()
    assert rig.core.state.positions.qty(AAPL) == 0
    assert run.differences == ()


async def test_a_bust_without_a_reference_changes_no_shares_and_is_told(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))

    await apply(rig, told(order, "B-1", ExecType.TRADE_CANCEL, "0", None, status=OrdStatus.CANCELED))

    assert rig.core.state.positions.qty(AAPL) == 10
    assert any("took a fill back" in text for text in rig.alarms())


async def test_a_correction_takes_back_and_books_anew(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))

    after = await apply(rig, correct(order, "T-1", "C-1", "10", "99.50", "10"))

    entries = [(each.exec_id, each.signed_qty, each.last_px) for each in await fills(rig)]
    assert entries == [("T-1", 10, 99), ("C-1", -10, 99), ("C-1:c", 10, Decimal("99.50"))]
    assert after.avg_px == Decimal("99.50")
    assert rig.core.state.positions.get(AAPL).cost == 995
    assert rig.core.state.behind == set()
    assert await proven(rig)


@pytest.mark.parametrize("ref", ["T-1", "C-1"])
async def test_a_correction_of_a_correction_takes_back_what_stands(rig: Rig, ref: str) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))
    await apply(rig, correct(order, "T-1", "C-1", "10", "99.50", "10"))

    await apply(rig, correct(order, ref, "C-2", "10", "99.25", "10"))

    position = rig.core.state.positions.get(AAPL)
    assert (position.qty, position.cost) == (10, Decimal("992.50"))
    assert [each.exec_id for each in position.lots] == ["C-2:c"]
    assert await proven(rig)


async def test_a_correction_that_names_no_shares_only_takes_back(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-1", "10", "99.00", "10", "99.00"))

    report = replace(correct(order, "T-1", "C-1", "10", "99.50", "0"), last_qty=None)
    await apply(rig, report)

    assert rig.core.state.positions.qty(AAPL) == 0


def at(report: ExecutionReport, second: int) -> ExecutionReport:
    return replace(report, transact_time=builders.NOON + timedelta(seconds=second))


def taken_back(order: Order, exec_id: str) -> ExecutionReport:
    return told(order, exec_id, ExecType.TRADE_CANCEL, "0", None, exec_ref_id=ExecId("T-4"))


async def test_shares_that_fill_and_are_taken_back_again_and_again_add_up(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    filled = trade(order, "T-4", "4", "99.00", "4", "99.00", "0.01")

    held = []
    for report in (filled, taken_back(order, "B-1"), filled, taken_back(order, "B-2"), filled):
        await apply(rig, at(report, len(held)))
        held.append(rig.core.state.positions.qty(AAPL))
    await apply(rig, at(taken_back(order, "B-2"), 3))

    assert held == [4, 0, 4, 0, 4]
    assert [(each.exec_id, each.corrects) for each in await fills(rig)] == [
        ("T-4", None), ("B-1", "T-4"), ("T-4:after:B-1", None), ("B-2", "T-4:after:B-1"),
        ("T-4:after:B-2", None),
    ]  # fmt: skip
    assert rig.core.state.behind == set()
    assert await proven(rig)


async def test_a_bust_takes_back_what_was_inferred_of_the_fill_that_it_is_about(
    rig: Rig, broker: Told
) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    filled = trade(order, "T-4", "4", "99.00", "4", "99.00")
    await apply(rig, at(filled, 0))
    await apply(rig, at(taken_back(order, "B-1"), 1))
    await apply(rig, at(status(order, "4", "99.00"), 2))
    await rig.core.oms.infer(order.cl_ord_id, builders.NOON)
    inferred = rig.core.state.positions.qty(AAPL)

    after = await apply(rig, at(taken_back(order, "B-2"), 3))
    flat = rig.core.state.positions.qty(AAPL)
    missing = rig.core.state.behind | rig.core.oms.tally.inferred
    await apply(rig, at(filled, 2))  # its report was late; it is the one that the second bust is about

    assert (inferred, flat, after.cum_qty) == (4, 0, 0)
    assert rig.core.state.positions.qty(AAPL) == 0
    assert sum(each.signed_qty for each in await fills(rig)) == 0
    assert missing == rig.core.state.behind | rig.core.oms.tally.inferred == set()
    assert await proven(rig)


async def test_a_fill_that_is_seen_only_after_an_older_bust_of_its_name_stands(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, at(taken_back(order, "B-1"), 1))

    await apply(rig, at(trade(order, "T-4", "4", "99.00", "4", "99.00"), 2))

    assert rig.core.state.positions.qty(AAPL) == 4
    assert rig.core.state.behind == set()


# Positions, cash, orders.


async def test_a_position_that_differs_for_three_checks_is_taken_over_once(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    held = rig.market.broker.positions

    async def more() -> tuple[BrokerPosition, ...]:
        (theirs,) = await held()
        return (replace(theirs, qty=Qty(15), avg_px=Price("100.00")),)

    rig.market.broker.positions = more

    for _ in range(2):
        await rig.do(Reconcile())
    before = rig.core.state.positions.qty(AAPL)
    rig.clock.turn(30)
    run = await rig.do(Reconcile())
    again = await rig.do(Reconcile())

    assert before == 10
    assert run.differences == (Difference(DifferenceKind.POSITION, AAPL, "10", "15", repaired=True),)
    assert again.differences == ()
    position = rig.core.state.positions.get(AAPL)
    assert (position.qty, position.cost) == (15, 1500)
    (adjusted,) = [each for each in rig.core.state.orders.recent() if each.external]
    assert adjusted.ord_status is OrdStatus.FILLED
    assert any("taken over from the broker" in text for text in rig.alarms())
    assert await proven(rig)
    assert rig.core.state.account.cash == rig.oracle().cash


async def test_checks_that_follow_one_another_at_once_take_no_position_over(rig: Rig) -> None:
    await rig.submit(draft(qty=10))

    async def flat() -> tuple[()]:
        return ()

    rig.market.broker.positions = flat
    for _ in range(10):
        rig.clock.turn(2.9)
        run = await rig.do(Reconcile())

    assert rig.core.state.positions.qty(AAPL) == 10
    assert [each.repaired for each in run.differences] == [False]
    rig.clock.turn(5)
    assert [each.repaired for each in (await rig.do(Reconcile())).differences] == [True]
    assert rig.core.state.positions.qty(AAPL) == 0


def test_a_difference_that_changes_begins_to_last_anew() -> None:
    clock = ManualClock()
    lasting = Persistence(clock)
    (one,) = compare((), (BrokerPosition(AAPL, Qty(5), Price("10.00")),))
    (other,) = compare((), (BrokerPosition(AAPL, Qty(6), Price("10.00")),))

    found = []
    for drift in (one, one, other, other, one, one, one):
        found.append(lasting.lasting((drift,)))
        clock.turn(20)

    assert found == [(), (), (), (), (), (), (one,)]


async def test_a_position_is_not_taken_over_while_an_order_in_it_is_unproven(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.faults.lose_request(Call.SUBMIT)
    await rig.submit(draft(qty=1, price=RESTING))

    async def flat() -> tuple[()]:
        return ()

    rig.market.broker.positions = flat

    for _ in range(5):
        rig.clock.turn(10)
        await rig.do(Reconcile())

    assert rig.core.state.positions.qty(AAPL) == 10


async def test_a_position_that_the_broker_has_no_more_is_taken_over_at_its_cost(rig: Rig) -> None:
    await rig.submit(draft(qty=10))

    async def flat() -> tuple[()]:
        return ()

    rig.market.broker.positions = flat

    for _ in range(3):
        rig.clock.turn(15)
        await rig.do(Reconcile())

    position = rig.core.state.positions.get(AAPL)
    assert (position.qty, position.realised) == (0, 0)
    assert await proven(rig)


async def test_missing_fills_are_forgiven_with_the_position_that_holds_them(rig: Rig, broker: Told) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, replace(status(order, "10", "1"), avg_px=None))
    rig.core.state.behind.add("IQ-forgotten")
    broker.hold("10")

    for _ in range(3):
        rig.clock.turn(15)
        await rig.do(Reconcile())

    assert rig.core.state.behind == set()
    assert rig.core.state.positions.qty(AAPL) == 10


def test_an_adjustment_is_the_same_fact_for_the_same_difference() -> None:
    (drift,) = compare((), (BrokerPosition(AAPL, Qty(5), Price("10.00")),))

    one = adjustment(drift, None, "T-1", builders.NOON)
    same = adjustment(drift, None, "T-1", builders.NOON)
    later = adjustment(drift, None, "T-2", builders.NOON)

    assert one == same
    assert one.exec_id != later.exec_id
    assert one.last_px == 10


def test_a_position_that_never_was_ours_and_is_gone_has_some_price() -> None:
    (drift,) = compare((), (BrokerPosition(AAPL, Qty(5), Price("10.00")),))

    gone = adjustment(replace(drift, ours=Decimal(5), theirs=None), None, "", builders.NOON)

    assert gone.last_px > 0


async def test_an_adjustment_against_the_average_takes_the_brokers_price(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    position = rig.core.state.positions.get(AAPL)
    (drift,) = compare((position,), (BrokerPosition(AAPL, Qty(12), Price("1.00")),))

    assert adjustment(drift, position, "", builders.NOON).last_px == 1


async def test_one_cent_of_cash_is_reported_and_never_rounded_away(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    cash = rig.core.state.account.cash
    answer = rig.market.broker.account

    async def a_cent_less():
        account = await answer()
        return replace(account, cash=Money(account.cash - Decimal("0.01")))

    rig.market.broker.account = a_cent_less

    first = await rig.do(Reconcile())
    second = await rig.do(Reconcile())
    third = await rig.do(Reconcile())

    ours, broker = f"{cash.normalize():f}", f"{(cash - Decimal('0.01')).normalize():f}"
    assert first.differences == ()  # a fill may be on its way
    assert second.differences == (Difference(DifferenceKind.CASH, "cash", ours, broker, repaired=True),)
    assert third.differences == ()
    assert any("cash is" in event.text for event in rig.events if isinstance(event, Notice))


async def test_a_report_that_was_missed_is_named_with_what_changed(rig: Rig) -> None:
    order = await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)

    run = await rig.do(Reconcile())

    assert run.differences == (
        Difference(DifferenceKind.MISSED_REPORT, order.cl_ord_id, "NEW, 0 filled", "FILLED, 4 filled", True),
    )
    records = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(action="reconciled")))
    assert len(records) == 1
    await rig.do(Reconcile())
    assert (await rig.do(LoadSnapshot())).reconciliation.differences == ()


async def test_known_reports_cost_one_question_and_no_transaction(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.submit(draft(Side.SELL, 4))
    written: list[object] = []
    write = rig.store.write

    async def watch(work):
        written.append(work)
        return await write(work)

    rig.store.write = watch

    await rig.do(Reconcile())

    assert written == []


async def test_a_comparison_that_fails_is_told_as_such(rig: Rig) -> None:
    rig.market.faults.be_unavailable(Call.POSITIONS)

    with pytest.raises(BrokerUnavailable):
        await rig.do(Reconcile())

    runs = [event.run for event in rig.events if isinstance(event, Reconciled)]
    assert "does not answer" in runs[-1].failure
    assert rig.core.reconciler.last_run is runs[-1]


async def test_an_accepted_order_that_is_not_listed_is_a_finding(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))

    async def nothing() -> tuple[()]:
        return ()

    async def absent(cl_ord_id: object) -> None:
        return None

    rig.market.broker.open_orders = nothing
    rig.market.broker.order = absent

    run = await rig.do(Reconcile())

    (found,) = run.differences
    assert (found.kind, found.subject, found.repaired) == (DifferenceKind.NOT_LISTED, order.cl_ord_id, False)


async def test_at_most_ten_orders_are_asked_for_in_the_course_of_the_day(rig: Rig, expected_log) -> None:
    for _ in range(12):
        await rig.submit(draft(price=RESTING))
    asked: list[str] = []
    look = rig.market.broker.order

    async def nothing() -> tuple[()]:
        return ()

    async def watch(cl_ord_id):
        asked.append(cl_ord_id)
        return await look(cl_ord_id)

    rig.market.broker.open_orders, rig.market.broker.order = nothing, watch
    fresh = rig.core.tasks.spawn(rig.core.reconciler.check(), "work")
    await rig.quiet()
    while_fresh = len(asked)
    await rig.wait(5, 5)

    first = rig.core.tasks.spawn(rig.core.reconciler.check(), "work")
    await rig.clock.advance(2)
    await rig.quiet()
    second = rig.core.tasks.spawn(rig.core.reconciler.check(), "work")
    await rig.clock.advance(2)
    await rig.quiet()

    assert fresh.done()
    assert while_fresh == 0
    assert first.done()
    assert second.done()
    assert len(asked) == 20
    assert len(set(asked[:12])) == 12 or len(set(asked)) == 12


async def test_the_legs_of_our_list_are_ours_and_those_of_others_are_not(rig: Rig) -> None:
    entry = await rig.submit(draft(qty=10, price=RESTING))
    leg = builders.terms(Side.SELL, 10, "110.00")
    base = replace(told(entry, "L-1", ExecType.NEW, "0", None), terms=leg, order_id="O-9")

    ours = await apply(rig, replace(base, cl_ord_id="leg-1", list_id=entry.cl_ord_id))
    theirs = await apply(rig, replace(base, cl_ord_id="leg-2", exec_id=ExecId("L-2"), list_id="EXT-1"))

    assert not ours.external
    assert theirs.external


# Links.


async def test_the_market_close_is_compared_at_once(rig: Rig) -> None:
    await rig.wait(1, 0.5)
    before = len([event for event in rig.events if isinstance(event, Reconciled)])
    session = rig.market.feed.session
    rig.market.feed.session = lambda: replace(session(), phase=SessionPhase.POST)

    await rig.wait(1, 0.5)

    assert len([event for event in rig.events if isinstance(event, Reconciled)]) == before + 1


async def test_a_stream_that_lives_and_does_not_deliver_is_begun_again(rig: Rig, expected_log) -> None:
    expected_log("stream.suspect")
    expected_log("link.lost")
    await rig.submit(draft(qty=4, price=RESTING))
    rig.market.faults.drop_reports(1)
    rig.market.quote("99.88", "99.90", size=4)
    await rig.do(Reconcile())

    await rig.wait(4, 1)
    before = rig.core.links.states[Part.ORDERS].since
    await rig.wait(3, 1)

    assert rig.core.links.states[Part.ORDERS].since > before
    assert rig.core.state.ready


async def test_a_jump_of_the_clock_begins_every_link_again(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    await rig.wait(2, 1)
    before = {part: rig.core.links.states[part].since for part in (Part.ORDERS, Part.FEED)}

    rig.clock._now = rig.clock._now.replace(hour=20)
    await rig.wait(3, 1)

    for part, since in before.items():
        assert rig.core.links.states[part].since > since
        assert rig.core.links.states[part].state is LinkState.UP


@pytest.mark.parametrize("error", [CredentialsRefused, ConnectionLimit])
async def test_a_key_that_is_refused_in_the_middle_denies_orders_until_a_person_reconnects(
    rig: Rig, expected_log, error: type[BrokerUnavailable]
) -> None:
    expected_log("link.stopped")
    send, connects = rig.market.broker.submit, []
    connect = rig.market.broker.connect

    async def refuse(order: object) -> None:
        raise error("The key was revoked.")

    async def count() -> None:
        connects.append(1)
        await connect()

    rig.market.broker.submit, rig.market.broker.connect = refuse, count
    await rig.submit(draft(price=RESTING))
    await rig.wait(120, 5)
    stopped = rig.core.links.states[Part.ORDERS]
    with pytest.raises(Refused):
        await rig.submit(draft(price=RESTING))
    rig.market.broker.submit = send

    await rig.do(Reconnect(Part.BROKER))
    await rig.quiet()

    assert connects == [1]
    assert (stopped.state, "until you reconnect" in stopped.text) == (LinkState.DOWN, True)
    assert any("key was revoked" in text for text in rig.alarms())
    assert (await rig.submit(draft(price=RESTING))).ord_status is OrdStatus.NEW


async def test_the_feed_can_be_begun_again_and_a_database_is_no_link(rig: Rig, expected_log) -> None:
    expected_log("link.lost")

    await rig.do(Reconnect(Part.FEED))
    with pytest.raises(Refused) as caught:
        await rig.do(Reconnect(Part.DATABASE))
    await rig.wait(1, 0.5)

    assert caught.value.code is RefusalCode.NOT_FOUND
    assert rig.core.links.states[Part.FEED].state is LinkState.UP


async def test_reports_that_come_during_the_comparison_are_booked_before_the_door_opens(
    rig: Rig, expected_log
) -> None:
    expected_log("link.lost")
    order = await rig.submit(draft(qty=4, price=RESTING))
    account = rig.market.broker.account
    opened: list[tuple[bool, object]] = []
    rig.core.bus.subscribe(FillBooked, lambda _: opened.append((rig.core.state.ready, order.cl_ord_id)))

    async def fill_meanwhile():
        rig.market.quote("99.88", "99.90", size=4)
        await settle()
        return await account()

    rig.market.broker.account = fill_meanwhile
    rig.market.faults.disconnect()
    await rig.wait(1, 0.5, refresh=False)

    assert opened == [(False, order.cl_ord_id)]
    assert rig.core.state.ready


async def test_an_adapter_with_a_bug_in_its_stream_is_told_and_begun_again(rig: Rig, expected_log) -> None:
    expected_log("link.failed")
    expected_log("link.lost")
    reports = rig.market.broker.reports

    async def break_off():
        rig.market.broker.reports = reports
        raise ZeroDivisionError
        yield

    rig.market.broker.reports = break_off
    rig.market.faults.disconnect()
    await rig.wait(2, 0.5)

    assert any("ZeroDivisionError" in text for text in rig.alarms())
    assert rig.core.state.ready


async def test_a_stream_that_ends_without_a_word_is_lost(rig: Rig, expected_log) -> None:
    expected_log("link.lost")
    reports = rig.market.broker.reports

    async def end():
        rig.market.broker.reports = reports
        return
        yield

    rig.market.broker.reports = end
    rig.market.faults.disconnect()
    await rig.wait(2, 0.5)

    assert rig.core.state.ready


async def test_an_account_that_fails_once_is_asked_for_again(rig: Rig, expected_log) -> None:
    expected_log("account.unanswered")
    rig.market.faults.be_unavailable(Call.ACCOUNT)

    await rig.submit(draft(qty=4))
    await rig.wait(10, 5)

    assert rig.core.state.account.cash == rig.oracle().cash


async def test_a_bug_in_the_valuation_is_told_and_does_not_end_it(rig: Rig, expected_log) -> None:
    expected_log("valuation.failed")
    mark = rig.core.valuation.account_mark

    def fail():
        rig.core.valuation.account_mark = mark
        raise ZeroDivisionError

    rig.core.valuation.account_mark = fail
    await rig.submit(draft(qty=4))
    await rig.wait(1, 0.2)
    seen = len(rig.events)
    await rig.submit(draft(qty=4))
    await rig.wait(1, 0.2)

    assert any(type(event).__name__ == "AccountMarked" for event in rig.events[seen:])


async def test_reducing_that_comes_during_the_write_ahead_stops_what_would_open(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    arm("oms.after_intent", lambda: setattr(rig.core.state, "trading_state", TradingState.REDUCING))

    opening = await rig.begin(SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))
    await rig.quiet()
    disarm_all()
    exit_order = await rig.submit(draft(Side.SELL, 10))

    assert opening.result().order.ord_status is OrdStatus.REJECTED
    assert "only be reduced" in opening.result().order.text
    assert exit_order.ord_status is OrdStatus.FILLED or rig.oracle().position(AAPL) == 0


async def test_a_cancel_asked_while_a_report_waits_for_the_database_is_not_forgotten(
    rig: Rig, expected_log
) -> None:
    expected_log("report.unwritable")
    expected_log("cancel.unwritable")
    expected_log("cancel.unknown")

    def refuse() -> None:
        raise StorageUnwritable("the disk is full")

    order = await rig.submit(draft(qty=10, price=RESTING))
    arm("store.before_commit", refuse)
    rig.market.quote("99.88", "99.90", size=4)
    await rig.quiet()
    rig.market.faults.lose_request(Call.CANCEL)
    await rig.begin(CancelOrder(order.cl_ord_id))
    disarm_all()

    await rig.wait(2, 0.5, refresh=False)
    stored = await rig.store.read(lambda reader: reader.order(order.cl_ord_id))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.PENDING_CANCEL
    assert (stored.ord_status, stored.cum_qty) == (OrdStatus.PENDING_CANCEL, 4)
    assert AuditAction.CANCEL_REQUESTED.value in (rig.folder / "emergency.jsonl").read_text()


async def test_a_report_on_an_order_that_was_not_counted_counts_from_the_stored_fills(
    rig: Rig,
) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-4", "4", "99.90", "4", "99.90"))
    rig.core.oms.tally._own.clear()

    await apply(rig, trade(order, "T-10", "6", "99.90", "10", "99.90"))

    assert rig.core.state.behind == set()
    assert rig.core.state.positions.qty(AAPL) == 10


async def test_an_order_that_is_explained_meanwhile_infers_nothing(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    await apply(rig, trade(order, "T-10", "10", "99.90", "10", "99.90"))

    explained = await rig.core.oms.infer(order.cl_ord_id, builders.NOON)
    forgotten = await rig.core.oms.infer("IQ-none", builders.NOON)

    assert (explained, forgotten) == (True, False)
    assert len(await fills(rig)) == 1


async def test_a_position_that_is_taken_over_leaves_the_missing_fills_of_other_symbols(
    rig: Rig, broker: Told
) -> None:
    other = await rig.submit(draft(qty=10, price=RESTING, symbol="MSFT"))
    await apply(rig, replace(status(other, "10", "1"), avg_px=None))
    broker.positions = (
        BrokerPosition(AAPL, Qty(5), Price("100")),
        BrokerPosition(other.symbol, Qty(0), Price("100")),
    )

    for _ in range(3):
        rig.clock.turn(15)
        await rig.do(Reconcile())

    assert rig.core.state.behind == {other.cl_ord_id}
    assert rig.core.state.positions.qty(AAPL) == 5


async def test_an_order_on_its_way_is_not_called_unknown_by_a_look_up(rig: Rig) -> None:
    order = await rig.submit(draft(qty=10, price=RESTING))
    waiting = replace(rig.order(order.cl_ord_id), cl_ord_id="IQ-way", acked=False, order_id=None)
    rig.core.state.orders.put(waiting)
    rig.core.state.in_flight.add(waiting.cl_ord_id)

    await rig.core.reconciler._lookups.ask(waiting)
    rig.core.state.in_flight.clear()

    assert rig.order("IQ-way").ord_status is OrdStatus.PENDING_NEW


async def test_legs_of_ours_that_are_first_seen_in_the_list_are_no_finding(rig: Rig) -> None:
    entry = await rig.submit(draft(qty=10, price=RESTING))
    leg = replace(
        told(entry, "S-1", ExecType.ORDER_STATUS, "0", None, status=OrdStatus.NEW),
        cl_ord_id="leg-1", list_id=entry.cl_ord_id, order_id="O-77",
        terms=builders.terms(Side.SELL, 10, "110.00"),
    )  # fmt: skip
    listed = rig.market.broker.open_orders

    async def with_leg():
        return (*await listed(), leg)

    rig.market.broker.open_orders = with_leg

    run = await rig.do(Reconcile())

    assert run.differences == ()
    assert not rig.order("leg-1").external


def test_before_the_first_answer_there_is_no_difference_of_cash() -> None:
    assert AccountState(ManualClock()).drift is None


async def test_a_cancel_wish_that_does_not_get_through_is_repeated_by_the_comparison(
    rig: Rig, expected_log
) -> None:
    rig.market.faults.lose_request(Call.SUBMIT)
    order = await rig.submit(draft(price=RESTING))
    await rig.do(CancelOrder(order.cl_ord_id))
    rig.market.faults.be_unavailable(Call.CANCEL)
    rig.market.exchange.submit(builders.single(order.cl_ord_id, order.terms))
    await rig.quiet()
    between = rig.order(order.cl_ord_id).ord_status

    await rig.do(Reconcile())

    assert between is OrdStatus.PENDING_CANCEL
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


async def test_a_fill_that_is_booked_while_positions_are_asked_for_is_no_difference(rig: Rig) -> None:
    await rig.submit(draft(qty=10, price=RESTING))
    held = rig.market.broker.positions

    async def before_the_fill() -> tuple[BrokerPosition, ...]:
        rig.market.broker.positions = held
        answer = await held()
        rig.market.quote("99.88", "99.90", size=4)
        await settle(30)
        await rig.store.idle()
        await settle(30)
        return answer

    rig.market.broker.positions = before_the_fill

    run = await rig.do(Reconcile())

    assert rig.core.state.positions.qty(AAPL) == 4
    assert [each for each in run.differences if each.kind is DifferenceKind.POSITION] == []


async def test_a_leg_that_waits_or_begins_makes_no_suspect_of_the_stream(rig: Rig) -> None:
    entry = await rig.submit(draft(qty=10, price=RESTING))
    leg = replace(
        told(entry, "S-1", ExecType.ORDER_STATUS, "0", None, status=OrdStatus.SUSPENDED),
        cl_ord_id="leg-1", list_id=entry.cl_ord_id, order_id="O-77",
        terms=builders.terms(Side.SELL, 10, "110.00"),
    )  # fmt: skip
    listed, look = rig.market.broker.open_orders, rig.market.broker.order
    legs = [leg]

    async def with_leg():
        return (*await listed(), *legs)

    async def look_up(cl_ord_id):
        return legs[0] if cl_ord_id == "leg-1" else await look(cl_ord_id)

    rig.market.broker.open_orders, rig.market.broker.order = with_leg, look_up

    await rig.do(Reconcile())
    legs[0] = replace(leg, ord_status=OrdStatus.NEW)
    await rig.do(Reconcile())
    await rig.wait(8, 1)

    assert rig.order("leg-1").ord_status is OrdStatus.NEW
    assert rig.core.links.crosscheck.unheard() is None


async def test_a_look_up_that_tells_nothing_new_is_no_finding(rig: Rig) -> None:
    await rig.submit(draft(qty=10, price=RESTING))

    async def nothing() -> tuple[()]:
        return ()

    rig.market.broker.open_orders = nothing

    run = await rig.do(Reconcile())
    await rig.wait(8, 1)

    assert run.differences == ()
    assert rig.core.links.states[Part.ORDERS].state is LinkState.UP


async def test_a_leg_that_was_put_to_sleep_by_a_late_report_is_woken(rig: Rig) -> None:
    entry = await rig.submit(draft(qty=10, price=RESTING))
    leg = replace(
        told(entry, "S-1", ExecType.ORDER_STATUS, "0", None, status=OrdStatus.NEW),
        cl_ord_id="leg-1", list_id=entry.cl_ord_id, order_id="O-77",
        terms=builders.terms(Side.SELL, 10, "110.00"),
    )  # fmt: skip
    late = replace(leg, exec_id=ExecId("X-1"), exec_type=ExecType.SUSPENDED, ord_status=OrdStatus.SUSPENDED)
    broker = rig.market.broker
    listed, told_before, look = broker.open_orders, broker.activities, broker.order

    async def with_leg():
        return (*await listed(), leg)

    async def with_late(since):
        return (*await told_before(since), late)

    async def look_up(cl_ord_id):
        return leg if cl_ord_id == "leg-1" else await look(cl_ord_id)

    broker.open_orders, broker.activities, broker.order = with_leg, with_late, look_up

    await rig.do(Reconcile())

    assert rig.order("leg-1").ord_status is OrdStatus.NEW


async def test_a_report_that_is_being_written_when_the_link_is_begun_again_is_in_memory_too(
    rig: Rig, expected_log
) -> None:
    expected_log("link.lost")
    order = await rig.submit(draft(qty=4, price=RESTING))
    write, go_on = rig.store.write, asyncio.Event()

    async def slowly(work):
        answer = await write(work)
        await go_on.wait()
        return answer

    rig.store.write = slowly
    rig.market.quote("99.88", "99.90", size=4)
    await rig.quiet()
    await rig.do(Reconnect(Part.ORDERS))
    rig.store.write = write
    go_on.set()
    await rig.wait(2, 0.5)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 4
    assert rig.core.state.account.cash == rig.oracle().cash


async def test_a_replacement_counts_the_fills_of_the_orders_before_it(rig: Rig) -> None:
    first = await rig.submit(draft(qty=20, price=RESTING))
    rig.market.quote("99.88", "99.90", size=2)
    await rig.quiet()
    rig.market.quote("100.00", "100.02")
    second = await rig.do(ReplaceOrder(first.cl_ord_id, rig.key(), "21", RESTING, "", EVERY_RULE))
    third = await rig.do(ReplaceOrder(second.order.cl_ord_id, rig.key(), "22", RESTING, "", EVERY_RULE))
    rig.market.quote("99.88", "99.90", size=1)
    await rig.quiet()
    before = (set(rig.core.state.behind), rig.order(third.order.cl_ord_id).cum_qty)
    await rig.do(Reconcile())
    await rig.kill()

    await rig.start()

    assert before == (set(), 3)
    assert rig.core.state.behind == set()
    assert not [each for each in await fills(rig) if each.inferred]
    assert rig.core.state.positions.qty(AAPL) == rig.oracle().position(AAPL) == 3


async def test_what_is_missing_of_a_replacement_is_inferred_without_what_it_inherited(
    rig: Rig, broker: Told
) -> None:
    first = await rig.submit(draft(qty=20, price=RESTING))
    await apply(rig, trade(first, "T-2", "2", "99.00", "2", "99.00"))
    heir = replace(rig.order(first.cl_ord_id), cl_ord_id="IQ-heir", orig_cl_ord_id=first.cl_ord_id)
    heir = replace(heir, cum_qty=Qty(0), avg_px=None, order_id="O-99")
    await rig.core.journal.write(lambda uow, _: uow.insert_order(heir, "{}", "{}"))
    rig.core.state.orders.put(heir)
    await apply(rig, status(heir, "5", "99.60"))
    broker.hold("5")

    task = await rig.begin(Reconcile())
    await rig.clock.advance(1)  # two look-ups, with a pause in between
    await rig.quiet()
    task.result()

    entries = await fills(rig)
    assert [(each.last_qty, each.last_px) for each in entries] == [(2, 99), (3, 100)]
    assert rig.core.state.behind == set()


async def test_a_fill_that_was_never_told_is_in_the_book_within_ten_seconds(rig: Rig) -> None:
    rig.market.faults.drop_reports(5)
    order = await rig.submit(draft(qty=10))
    before = rig.core.state.positions.qty(AAPL)

    for _ in range(11):
        await rig.clock.advance(1)
        await rig.quiet()

    assert before == 0
    assert rig.core.state.positions.qty(AAPL) == 10
    assert rig.core.state.orders.get(order.cl_ord_id).ord_status is OrdStatus.FILLED


async def test_cash_that_no_fill_explains_is_looked_into_once(rig: Rig) -> None:
    asked = 0
    usual, activities = rig.core.outside.broker.account, rig.core.outside.broker.activities

    async def richer():
        found = await usual()
        return replace(found, cash=Money(found.cash + 100))

    async def counted(since):
        nonlocal asked
        asked += 1
        return await activities(since)

    rig.core.outside.broker.account, rig.core.outside.broker.activities = richer, counted
    await rig.core.reconciler.holdings.watch_account()
    await rig.core.reconciler.holdings.watch_account()
    await rig.core.reconciler.holdings.watch_account()

    assert asked == 1
