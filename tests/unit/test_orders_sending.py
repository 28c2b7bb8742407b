"""What is called at the broker for one order, what holds it back, and what is left of it afterwards."""

from dataclasses import replace

import pytest

from core.clock import settle
from core.domain.access import Origin, TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.execution import ExecutionReport
from core.domain.messages import AckMeasured
from core.domain.money import Money, Qty
from core.domain.order import Order, Pending
from core.domain.portfolio import Position
from core.domain.risk import Unit
from core.domain.terms import NewOrderSingle, OrderCancelReplaceRequest, OrdStatus, Side
from core.errors import BrokerRejected, BrokerUnavailable, OutcomeUnknown
from core.ids import ClOrdId, OrderId
from core.orders.sending import Sending
from tests import builders
from tests.builders import AAPL
from tests.fakes.book import ACCEPTED, OLD, OURS, TERMS, Managed, sent
from tests.guards import heard

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
SALE = builders.terms(Side.SELL, 4, "101.00")
IS_HALTED = "trading was halted meanwhile"
IS_REDUCED = "positions may only be reduced now, and this order might not"
IS_BLIND = "the order stream was lost meanwhile, and nothing is opened without it"
IS_PAUSED = "the way that it came is paused: Too many rejects."


class Wire:
    """A broker that answers each call with what it is told to."""

    def __init__(self, managed: Managed) -> None:
        self.managed = managed
        self.calls: list[object] = []
        self.fate: Exception | None = None

    async def submit(self, order: NewOrderSingle) -> ExecutionReport:
        self._meet(order)
        return ACCEPTED

    async def replace(self, request: OrderCancelReplaceRequest) -> None:
        self._meet(request)

    def _meet(self, call: object) -> None:
        self.calls.append(call)
        self.managed.clock.turn(0.25)
        if self.fate is not None:
            raise self.fate


class Setup(Managed):
    """A book with ten shares held, an active desk, and the door out."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire(self)
        self.errors: list[Exception] = []
        self.held_back: list[ClOrdId] = []
        self.state.trading_state, self.state.ready = ACTIVE, True
        self.state.positions.put(Position(AAPL, Qty(10), Money(1_000), Money(0), Money(0), ()))
        wire: object = self.wire
        self.sending = Sending(self.state, wire, self.oms, self.clock, self.bus, self.tasks)  # type: ignore[arg-type]
        self.sending.on_error = self.errors.append
        self.sending.on_held_back = self.held_back.append


@pytest.fixture
def setup() -> Setup:
    return Setup()


def trip(name: BreakerName, source: str = "") -> BreakerRecord:
    words, at = "Too many rejects.", builders.NOON
    tripped = BreakerState.TRIPPED
    return BreakerRecord(name, tripped, source, words, None, None, Unit.COUNT, "desk", "admin", "", at)


WINDOW = trip(BreakerName.REJECT_RATE, "window")


@pytest.mark.parametrize(
    ("terms", "facts", "reason"),
    [
        (TERMS, {}, ""),
        (TERMS, {"trading_state": None}, IS_HALTED),
        (TERMS, {"trading_state": HALTED}, IS_HALTED),
        (SALE, {"trading_state": HALTED}, IS_HALTED),
        (TERMS, {"trading_state": REDUCING}, IS_REDUCED),
        (SALE, {"trading_state": REDUCING}, ""),
        (builders.terms(Side.SELL, 11, "101.00"), {"trading_state": REDUCING}, IS_REDUCED),
        (TERMS, {"is_locked": True}, IS_REDUCED),
        (TERMS, {"ready": False}, IS_BLIND),
        (SALE, {"ready": False}, ""),
        (TERMS, {"tripped": (trip(BreakerName.LOSING_STREAK), WINDOW)}, IS_PAUSED),
        (SALE, {"tripped": (WINDOW,)}, ""),
        (TERMS, {"tripped": (trip(BreakerName.REJECT_RATE, "api"), trip(BreakerName.DRAWDOWN))}, ""),
        (TERMS, {"tripped": (WINDOW,), "trading_state": REDUCING}, IS_PAUSED),
    ],
)
async def test_the_last_moment_lets_an_order_out_or_says_why_not(setup, terms, facts, reason) -> None:
    order = setup.put(sent(terms=terms, origin=Origin.WINDOW))
    for name, value in facts.items():
        setattr(setup.state, name, value)

    after = await setup.sending.carry_out(order)

    assert len(setup.wire.calls) == (not reason)
    assert setup.held_back == ([OURS] if reason else [])
    assert [str(each) for each in setup.errors] == ([reason] if reason else [])
    assert after is setup.order(OURS)
    assert (after.ord_status, after.text) == (
        (OrdStatus.REJECTED, f"Not sent: {reason}") if reason else (OrdStatus.NEW, "")
    )


async def test_a_breaker_pauses_no_order_whose_way_in_is_not_known(setup) -> None:
    order = setup.put(sent())
    setup.state.tripped = (WINDOW,)

    await setup.sending.carry_out(order)

    assert setup.wire.calls == [NewOrderSingle(OURS, TERMS)]


@pytest.mark.parametrize(("terms", "leaves"), [(SALE, True), (TERMS, False)])
async def test_a_halt_lets_what_closes_pass_once_and_only_while_it_lessens(setup, terms, leaves) -> None:
    order = setup.put(sent(terms=terms))
    setup.state.trading_state = HALTED

    await setup.sending.carry_out(order, closes=True)
    calls = len(setup.wire.calls)
    setup.put(order)
    await setup.sending.carry_out(order)

    assert (calls, len(setup.wire.calls)) == (int(leaves), int(leaves))


async def test_an_order_is_in_flight_until_its_answer_is_booked_and_leaves_nothing_behind(setup) -> None:
    order = setup.put(sent())
    setup.book.open.clear()

    sending = setup.tasks.spawn(setup.sending.carry_out(order), "waiter")
    await settle()
    waiting = setup.tasks.spawn(setup.sending.wait_for(OURS), "wait")
    await settle()
    on_its_way = (set(setup.state.in_flight), waiting.done(), sending.done())
    setup.book.open.set()
    await settle()

    assert on_its_way == ({OURS}, False, False)
    assert (waiting.result(), sending.result().ord_status) == (True, OrdStatus.NEW)
    assert setup.state.in_flight == set()
    assert await setup.sending.wait_for(OURS) is False


async def test_who_stops_waiting_does_not_stop_the_sending(setup) -> None:
    order = setup.put(sent())
    setup.book.open.clear()
    waiter = setup.tasks.spawn(setup.sending.carry_out(order), "waiter")
    await settle()

    waiter.cancel()
    setup.book.open.set()
    await settle()

    assert waiter.cancelled()
    assert setup.order(OURS).ord_status is OrdStatus.NEW


async def test_the_time_to_the_answer_is_told_in_milliseconds(setup) -> None:
    await setup.sending.carry_out(setup.put(sent()))

    assert setup.of(AckMeasured) == [AckMeasured(250.0, 250.0)]


@pytest.mark.parametrize(
    ("error", "status", "text", "told"),
    [
        (BrokerRejected("no such stock"), OrdStatus.REJECTED, "no such stock", False),
        (BrokerUnavailable("no route"), OrdStatus.REJECTED, "Not sent: no route", True),
        (OutcomeUnknown("no answer"), OrdStatus.UNKNOWN, "no answer", False),
        (ZeroDivisionError("by zero"), OrdStatus.UNKNOWN, "by zero", False),
    ],
)
async def test_what_the_call_met_is_what_becomes_of_the_order(setup, error, status, text, told) -> None:
    setup.wire.fate = error

    after = await setup.sending.carry_out(setup.put(sent()))

    assert (after.ord_status, after.text) == (status, text)
    assert setup.errors == ([error] if told else [])
    assert setup.held_back == []
    assert setup.of(AckMeasured) == []
    if status is OrdStatus.REJECTED:
        (report,) = setup.book.reports.values()
        assert (report.exec_id, report.transact_time) == (f"refused:{OURS}", setup.clock.now())


@pytest.mark.parametrize(
    ("error", "text", "told"),
    [
        (BrokerRejected("taken"), "Refused when sent again: taken", False),
        (BrokerUnavailable("no route"), "Not sent again: no route", True),
    ],
)
async def test_what_is_sent_again_in_vain_is_unknown_still(setup, error, text, told) -> None:
    unknown = sent(unknown=True)
    setup.put(replace(unknown, unknown=False))
    setup.wire.fate = error

    after = await setup.sending.carry_out(unknown)

    assert (after.ord_status, after.text) == (OrdStatus.UNKNOWN, text)
    assert setup.errors == ([error] if told else [])


@pytest.mark.parametrize("order_id", [OrderId("B-1"), None])
async def test_a_replacement_marks_its_order_and_names_it_to_the_broker(setup, order_id) -> None:
    setup.put(sent(OLD, acked=True, order_id=order_id))
    order = setup.put(sent(orig_cl_ord_id=OLD))

    await setup.sending.carry_out(order)

    assert setup.wire.calls == [OrderCancelReplaceRequest(OURS, OLD, order_id, TERMS)]
    assert setup.order(OLD).pending is Pending.REPLACE
    assert setup.book.stored[OLD].pending is Pending.REPLACE
    assert setup.of(AckMeasured) == []


async def test_a_replacement_of_what_is_not_known_names_no_order_of_the_broker(setup) -> None:
    order = setup.put(sent(orig_cl_ord_id=OLD))

    await setup.sending.carry_out(order)

    assert setup.wire.calls == [OrderCancelReplaceRequest(OURS, OLD, None, TERMS)]


async def test_an_ended_order_is_not_marked_by_its_replacement(setup) -> None:
    old = setup.put(sent(OLD, ended=OrdStatus.CANCELED))
    order = setup.put(sent(orig_cl_ord_id=OLD))

    await setup.sending.carry_out(order)

    assert setup.order(OLD) is old


async def test_a_mark_that_cannot_be_written_holds_in_memory(setup, expected_log) -> None:
    expected_log("replace.unwritable")
    setup.put(sent(OLD, acked=True))
    order = setup.put(sent(orig_cl_ord_id=OLD))
    setup.book.refusals = 1
    setup.clock.turn(7)
    now = setup.clock.now()

    await setup.sending.carry_out(order)

    assert (setup.order(OLD).pending, setup.order(OLD).updated_at) == (Pending.REPLACE, now)
    assert setup.book.stored[OLD].pending is None
    assert len(setup.wire.calls) == 1
    assert heard() == [("replace.unwritable", {"cl_ord_id": OLD, "reason": "the disk is full"})]


async def test_a_halt_while_the_mark_is_written_holds_the_replacement_back(setup) -> None:
    setup.put(sent(OLD, acked=True))
    order = setup.put(sent(orig_cl_ord_id=OLD))
    setup.book.open.clear()
    sending = setup.tasks.spawn(setup.sending.carry_out(order), "waiter")
    await settle()

    setup.state.trading_state = HALTED
    setup.book.open.set()
    await settle()

    assert setup.wire.calls == []
    assert sending.result().text == f"Not sent: {IS_HALTED}"


async def test_nobody_need_listen(setup) -> None:
    wire: object = setup.wire
    alone = Sending(setup.state, wire, setup.oms, setup.clock, setup.bus, setup.tasks)  # type: ignore[arg-type]
    setup.state.ready = False

    after = await alone.send(setup.put(sent()))

    assert isinstance(after, Order)
    assert after.text == f"Not sent: {IS_BLIND}"


async def test_what_is_seen_through_answers_and_goes_on_without_its_waiter(setup) -> None:
    done: list[str] = []

    async def work() -> str:
        await settle(3)
        done.append("done")
        return "answer"

    answer = await setup.sending.see_through(work(), "work")
    waiter = setup.tasks.spawn(setup.sending.see_through(work(), "work"), "waiter")
    await settle(1)
    waiter.cancel()
    await settle()

    assert answer == "answer"
    assert done == ["done", "done"]
