"""The bridge between the threads: three lanes up, commands down."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from core.domain.access import Mode, TradingState
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.market import Quote
from core.domain.messages import (
    AckMeasured,
    BackupMoved,
    CancelOrders,
    Command,
    Event,
    HaltTrading,
    InOrder,
    InstrumentsKnown,
    LoadSnapshot,
    Notice,
    PositionMark,
    PositionMarked,
    QuotesChanged,
    Severity,
    SubmitOrder,
    TradingStateChanged,
)
from core.domain.money import Price, Qty
from core.domain.records import TradingStateRecord
from core.domain.risk import Verdict
from core.domain.terms import OrderDraft, OrderTerms, OrdType, Side, TimeInForce
from core.errors import RefusalCode, Refused
from core.ids import IdempotencyKey, Symbol
from tests.guards import ExpectedLog
from ui import bridge as bridge_module
from ui.bridge import Bridge
from ui.stalls import StallGauge

NOW = datetime(2026, 11, 20, 19, 32, tzinfo=UTC)
AAPL = Symbol("AAPL")
STATE = TradingStateRecord(TradingState.HALTED, "test", "demo", NOW)
TERMS = OrderTerms(AAPL, Side.BUY, OrdType.MARKET, TimeInForce.DAY, Qty(1))


class Core:
    """Takes commands and keeps their futures; a test settles them."""

    def __init__(self) -> None:
        self.sent: list[tuple[Command[Any], Future[Any]]] = []

    def send(self, command: Command[Any]) -> "Future[Any]":
        future: Future[Any] = Future()
        self.sent.append((command, future))
        return future

    def settle(self, kind: type[Command[Any]], result: object) -> None:
        for command, future in self.sent:
            if isinstance(command, kind) and not future.done():
                future.set_result(result)
                return
        raise AssertionError(f"no open {kind.__name__}")


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def bridge(core: Core, qtbot: QtBot) -> Iterator[Bridge]:
    made = Bridge(core.send)
    yield made
    made.stop()
    made.deleteLater()


def quote(last: str) -> Quote:
    price = Price(last)
    return Quote(AAPL, price, price, Qty(1), Qty(1), price, price, Qty(1), False, NOW, 0.0)


def mark(symbol: str, qty: str) -> PositionMarked:
    none = None
    value = PositionMark(
        Symbol(symbol), Decimal(qty), none, none, none, none, none, none, none, Decimal(0), none, none
    )
    return PositionMarked(value)


def draft() -> SubmitOrder:
    return SubmitOrder(
        OrderDraft("AAPL", Side.BUY, OrdType.MARKET, TimeInForce.DAY, "1"), IdempotencyKey("k-1")
    )


def notice(number: int) -> Notice:
    return Notice(Severity.FACT, str(number))


def request(ttl_s: float = 60.0) -> ConfirmationRequest:
    return ConfirmationRequest("d1", Mode.LIVE, "Account", TERMS, Verdict(()), None, ttl_s, False)


def in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def publish_in_thread(bridge: Bridge, events: Iterable[Event]) -> None:
    def work() -> None:
        for event in events:
            bridge.publish(event)

    in_thread(work)


def collect(bridge: Bridge) -> list[InOrder]:
    seen: list[InOrder] = []
    bridge.in_order.connect(seen.append)
    return seen


def test_frame_takes_newest_quote_of_each_symbol(bridge: Bridge) -> None:
    seen: list[list[Quote]] = []
    bridge.quotes_changed.connect(seen.append)

    publish_in_thread(bridge, [QuotesChanged((quote(price),)) for price in ("1", "2", "3")])
    bridge.take_frame()
    bridge.take_frame()

    assert [[each.last for each in batch] for batch in seen] == [[Price("3")]]


def test_frame_takes_newest_mark_of_each_symbol(bridge: Bridge) -> None:
    seen: list[list[PositionMark]] = []
    bridge.marks_changed.connect(seen.append)

    for event in (mark("AAPL", "1"), mark("XOM", "5"), mark("AAPL", "2")):
        bridge.publish(event)
    bridge.take_frame()

    assert [(str(each.symbol), str(each.qty)) for each in seen[0]] == [("AAPL", "2"), ("XOM", "5")]


def test_frame_brings_other_latest_values(bridge: Bridge) -> None:
    seen: list[AckMeasured] = []
    bridge.ack_measured.connect(seen.append)

    bridge.publish(AckMeasured(12.0, 41.0))
    bridge.take_frame()

    assert seen == [AckMeasured(12.0, 41.0)]


def test_in_order_lane_wakes_the_window_without_a_frame(bridge: Bridge, qtbot: QtBot) -> None:
    seen = collect(bridge)

    publish_in_thread(bridge, [notice(number) for number in range(1200)])
    qtbot.waitUntil(lambda: len(seen) == 1200)

    assert [int(each.text) for each in seen if isinstance(each, Notice)] == list(range(1200))


def test_overflow_empties_lane_and_loads_snapshot(
    bridge: Bridge, core: Core, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, expected_log: ExpectedLog
) -> None:
    monkeypatch.setattr(bridge_module, "LANE_LIMIT", 10)
    expected_log("window.fell_behind")
    seen = collect(bridge)
    behind: list[bool] = []
    bridge.catching_up.connect(behind.append)
    for number in range(11):
        bridge.publish(notice(number))
    qtbot.waitUntil(lambda: behind == [True])

    bridge.publish(notice(99))
    core.settle(LoadSnapshot, "snapshot")
    with qtbot.waitSignal(bridge.snapshot_loaded):
        pass
    qtbot.waitUntil(lambda: bool(seen))

    assert behind == [True, False]
    assert seen == [notice(99)]


def test_notice_that_a_new_snapshot_does_not_bring_again_is_kept_in_its_place(
    bridge: Bridge, core: Core, qtbot: QtBot
) -> None:
    seen = collect(bridge)
    bridge.publish(InstrumentsKnown(()))
    for event in (notice(1), TradingStateChanged(STATE), BackupMoved(None), notice(2)):
        bridge.publish(event)
    qtbot.waitUntil(lambda: bridge.is_catching_up)

    bridge.publish(notice(3))
    core.settle(LoadSnapshot, "snapshot")
    qtbot.waitUntil(lambda: len(seen) == 4)

    assert seen == [notice(1), BackupMoved(None), notice(2), notice(3)]


def test_lane_that_the_core_empties_meanwhile_is_no_error(bridge: Bridge, core: Core) -> None:
    class Emptied(deque[InOrder]):
        def popleft(self) -> InOrder:
            self.clear()
            return super().popleft()

    bridge.lane = Emptied([notice(1)])

    bridge.request_snapshot()

    assert not bridge.lane
    assert [type(command) for command, _ in core.sent] == [LoadSnapshot]


def test_overflow_while_catching_up_asks_for_another_snapshot(
    bridge: Bridge, core: Core, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_module, "LANE_LIMIT", 10)
    bridge.request_snapshot()
    for number in range(11):
        bridge.publish(notice(number))

    core.settle(LoadSnapshot, "too old")
    qtbot.waitUntil(lambda: len(core.sent) == 2)

    assert bridge.is_catching_up


def test_opening_command_while_catching_up_is_refused(bridge: Bridge, core: Core, qtbot: QtBot) -> None:
    errors: list[Exception] = []
    bridge.failure.connect(errors.append)
    bridge.request_snapshot()

    bridge.send(draft())
    bridge.send(HaltTrading("now"))
    qtbot.waitUntil(lambda: bool(errors))

    assert isinstance(errors[0], Refused)
    assert errors[0].code is RefusalCode.NOT_READY
    assert [type(command) for command, _ in core.sent] == [LoadSnapshot, HaltTrading]


def test_result_is_delivered_in_the_gui_thread(bridge: Bridge, core: Core, qtbot: QtBot) -> None:
    threads: list[threading.Thread] = []
    bridge.send(HaltTrading("now"), lambda _: threads.append(threading.current_thread()))

    in_thread(lambda: core.settle(HaltTrading, STATE))
    qtbot.waitUntil(lambda: bool(threads))

    assert threads == [threading.main_thread()]


def test_error_without_handler_reaches_failure(bridge: Bridge, core: Core, qtbot: QtBot) -> None:
    errors: list[Exception] = []
    bridge.failure.connect(errors.append)
    bridge.send(CancelOrders())

    refusal = Refused(RefusalCode.HALTED, "no")
    core.sent[0][1].set_exception(refusal)
    qtbot.waitUntil(lambda: bool(errors))

    assert errors == [refusal]


def test_error_that_a_handler_shows_does_not_reach_failure(bridge: Bridge, core: Core, qtbot: QtBot) -> None:
    errors: list[Exception] = []
    shown: list[Exception] = []
    bridge.failure.connect(errors.append)

    def show(error: Exception) -> bool:
        shown.append(error)
        return True

    bridge.send(CancelOrders(), failed=show)
    core.sent[0][1].set_exception(Refused(RefusalCode.HALTED, "no"))
    qtbot.waitUntil(lambda: bool(shown))

    assert errors == []


def test_send_that_raises_is_a_failure_like_any_other(qtbot: QtBot) -> None:
    def send(_: Command[Any]) -> "Future[Any]":
        raise RuntimeError("the core is gone")

    bridge = Bridge(send)
    errors: list[Exception] = []
    bridge.failure.connect(errors.append)
    bridge.send(CancelOrders())
    qtbot.waitUntil(lambda: bool(errors))

    assert str(errors[0]) == "the core is gone"


def test_handler_that_raises_stops_no_other(
    bridge: Bridge, core: Core, qtbot: QtBot, expected_log: ExpectedLog
) -> None:
    expected_log("handler.failed")
    taken: list[int] = []

    def broken(_: int) -> None:
        raise RuntimeError("broken")

    bridge.send(CancelOrders(), broken)
    bridge.send(CancelOrders(), taken.append)
    core.settle(CancelOrders, 1)
    core.settle(CancelOrders, 2)
    qtbot.waitUntil(lambda: bool(taken))

    assert taken == [2]


def test_question_is_answered_once(bridge: Bridge, qtbot: QtBot) -> None:
    replies: list[Callable[[ConfirmationReply], None]] = []
    bridge.asked.connect(lambda _, reply: replies.append(reply))
    answer = bridge.ask(request())
    qtbot.waitUntil(lambda: bool(replies))

    replies[0](ConfirmationReply("d1", accepted=True))
    replies[0](ConfirmationReply("d1", accepted=False))

    assert answer.result(timeout=0) == ConfirmationReply("d1", accepted=True)


def test_question_expires_as_no(bridge: Bridge, qtbot: QtBot) -> None:
    bridge.asked.connect(lambda *_: None)

    answer = bridge.ask(request(ttl_s=0.01))
    qtbot.waitUntil(answer.done)

    assert answer.result(timeout=0) == ConfirmationReply("d1", accepted=False)


def test_question_that_nobody_shows_is_no(bridge: Bridge, qtbot: QtBot) -> None:
    answer = bridge.ask(request())
    qtbot.waitUntil(answer.done)

    assert answer.result(timeout=0) == ConfirmationReply("d1", accepted=False)


def test_stall_is_the_longest_lateness_of_the_last_minute() -> None:
    now = [0.0]
    gauge = StallGauge(lambda: now[0])
    reports: list[float] = []

    def run(frames: int, gap_s: float) -> None:
        for _ in range(frames):
            now[0] += gap_s
            report = gauge.frame()
            if report is not None:
                reports.append(round(report, 3))

    run(1, 0.116)
    run(70, 0.016)
    assert reports[-1] == 100.0
    run(4000, 0.016)

    assert reports[-1] == 0.0
