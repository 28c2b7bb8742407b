"""The bridge when the core is far faster than the window."""

from concurrent.futures import Future
from datetime import UTC, datetime

from pytestqt.qtbot import QtBot

from core.domain.access import TradingState
from core.domain.messages import TradingStateChanged
from core.domain.records import TradingStateRecord
from tests.guards import ExpectedLog
from ui.bridge import LANE_LIMIT, Bridge

STATE = TradingStateRecord(TradingState.HALTED, "test", "demo", datetime(2026, 11, 20, 19, 32, tzinfo=UTC))


def test_a_lane_that_overflows_while_the_window_takes_from_it_breaks_nothing(
    qtbot: QtBot, expected_log: ExpectedLog
) -> None:
    expected_log("window.fell_behind")
    bridge = Bridge(lambda _: Future())
    event = TradingStateChanged(STATE)
    taken: list[object] = []

    def flood(taken_now: object) -> None:
        taken.append(taken_now)
        for _ in range(LANE_LIMIT):
            bridge.publish(event)

    bridge.in_order.connect(flood)
    bridge.publish(event)
    bridge.publish(event)

    with qtbot.captureExceptions() as caught:
        qtbot.waitUntil(lambda: bridge.is_catching_up, timeout=5000)

    assert caught == []
    assert len(taken) == 1
