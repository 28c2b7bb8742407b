"""The risk panel: limits, the state with its reason, halting at once, cancelling, resuming with a reason."""

from dataclasses import replace
from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.access import TradingState
from core.domain.messages import (
    AccountMark,
    AccountMarked,
    CancelOrders,
    HaltTrading,
    OrderChanged,
    ResumeTrading,
    TradingStateChanged,
)
from core.domain.terms import OrdStatus
from core.errors import RefusalCode, Refused, StorageError
from tests.builders import terms
from tests.ui.ticket_desk import ACTIVE, HALTED, MARK, FakeDesk, order, snapshot
from ui.models.columns import Mark
from ui.panels.risk import RiskPanel

ORDERS = tuple(order(terms(price="100"), f"IQ-{number}") for number in range(3))


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def panel(qtbot, desk):
    made = RiskPanel(desk.bridge)
    qtbot.addWidget(made)
    made.resize(360, 355)
    made.show()
    made.apply_snapshot(snapshot(orders=ORDERS))
    return made


@pytest.fixture
def halted(panel):
    panel.set_trading_state(HALTED)
    return panel


def test_limits_are_shown_as_used_of_and_room(panel):
    rows = panel.limits.texts()

    assert ["Gross exposure", "54.6", "80\u2009%", "25,386"] in rows
    assert ["Orders today", "9", "500", "491"] in rows


def test_a_limit_used_above_nine_tenths_has_a_triangle_and_no_other(panel):
    marked = [
        line.spans[0].text
        for line in panel.limits.lines
        if any(each.mark is Mark.WARN for each in line.glyphs)
    ]

    assert marked == ["AAPL weight"]


def test_an_unknown_use_is_a_dash_without_a_bar(panel):
    line = next(each for each in panel.limits.lines if each.spans[0].text == "Orders a minute")

    assert [span.text for span in line.spans[1:]] == ["—", "60", "—"]
    assert line.bars == ()


def test_newer_figures_take_the_place_of_the_old_ones(panel, desk):
    uses = (replace(MARK.uses[0], used=Decimal("4.8")),)
    desk.bridge.publish(AccountMarked(replace(MARK, uses=uses)))

    desk.bridge.take_frame()

    assert panel.limits.texts()[1][:2] == ["Daily loss", "4.8"]
    assert len(panel.limits.lines) == 2


def test_an_account_that_is_not_known_shows_no_equity(panel):
    panel.set_account(AccountMark(None, None, None, None, None, ()))

    assert panel.head._note.endswith("—")


def test_halt_sends_at_once_and_only_one(panel, desk):
    QTest.mouseClick(panel.halt_button, Qt.MouseButton.LeftButton)
    panel.press_halt()

    assert desk.sent == [HaltTrading("with the button")]
    assert not panel.halt_button.isEnabled()


def test_a_halt_that_failed_says_so_and_can_be_pressed_again(panel, desk, qtbot):
    panel.press_halt()
    desk.fail(StorageError("the disk is full"))
    qtbot.waitUntil(panel.halt_button.isEnabled)
    assert panel.saying.words().startswith("Not halted")

    panel.press_halt()

    assert desk.sent == [HaltTrading("with Ctrl+Shift+H")] * 2


def test_a_halt_shows_by_whom_why_and_since_when(panel, desk, qtbot):
    desk.tell(TradingStateChanged(HALTED))

    qtbot.waitUntil(panel.block.isVisible)

    assert panel.block.words.text() == "By you, with Ctrl+Shift+H. 3 orders still work at the broker."
    assert "since 14:32:07 ET" in panel.block.accessibleName()


def test_a_halt_by_a_breaker_names_it(panel):
    panel.set_trading_state(replace(HALTED, actor="desk", reason="daily loss above 5 %."))

    assert panel.block.words.text().startswith("By desk, daily loss above 5 %. ")


def test_the_second_press_of_halt_asks_for_the_end_of_all_orders(halted, desk, qtbot):
    assert halted.cancel_button.text() == "Cancel 3 orders"

    halted.press_halt()
    desk.answer(3)

    assert desk.sent == [CancelOrders(None)]
    qtbot.waitUntil(lambda: halted.saying.words() == "Asked for the end of 3 orders")


def test_the_number_of_orders_follows_the_orders(halted, desk, qtbot):
    for each in ORDERS[:2]:
        desk.tell(OrderChanged(replace(each, ended=OrdStatus.CANCELED)))

    qtbot.waitUntil(lambda: halted.cancel_button.text() == "Cancel 1 order")

    assert "1 order still works at the broker." in halted.block.words.text()


def test_without_a_working_order_the_second_press_sends_nothing(panel, desk):
    panel.apply_snapshot(snapshot(state=HALTED))

    panel.press_halt()

    assert desk.sent == []
    assert not panel.cancel_button.isVisible()


def test_resuming_asks_for_a_reason_and_sends_it(halted, desk, qtbot):
    QTest.mouseClick(halted.resume_button, Qt.MouseButton.LeftButton)
    QTest.keyClicks(halted.question.field, "The feed is back")
    QTest.keyClick(halted.question.field, Qt.Key.Key_Return)
    desk.answer(ACTIVE)
    qtbot.waitUntil(panel_is_active(halted))

    assert desk.sent == [ResumeTrading("The feed is back")]
    assert not halted.block.isVisible()
    assert halted.halt_button.isVisible()


def panel_is_active(panel):
    return lambda: not panel.block.isVisible() and not panel.question.isVisible()


def test_a_refusal_to_resume_is_said_in_words_and_the_reason_stays(halted, desk, qtbot):
    halted.ask_resume()
    QTest.keyClicks(halted.question.field, "The feed is back")
    QTest.keyClick(halted.question.field, Qt.Key.Key_Return)

    desk.fail(Refused(RefusalCode.NOT_PERMITTED, "This needs the role admin; demo is a trader."))

    qtbot.waitUntil(lambda: "demo is a trader" in halted.saying.words())
    assert halted.question.field.text() == "The feed is back"
    assert halted.block.isVisible()


def test_escape_leaves_the_question_of_resuming(halted, desk):
    halted.ask_resume()

    QTest.keyClick(halted.question.field, Qt.Key.Key_Escape)

    assert not halted.question.isVisible()
    assert halted.resume_button.isVisible()
    assert desk.sent == []


def test_reducing_can_be_halted_and_resumed(panel):
    panel.set_trading_state(replace(HALTED, state=TradingState.REDUCING))

    assert panel.halt_button.isVisible()
    assert panel.resume_button.isVisible()
    assert panel.block.isVisible()
