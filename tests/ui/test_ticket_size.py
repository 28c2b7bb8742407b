"""The size of an order from its risk: what is asked, what is filled in, what is said; nothing is sent."""

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.messages import SaveSetting, Sized, SizeOrder, SubmitOrder
from core.domain.money import Qty
from core.errors import RefusalCode, Refused
from tests.ui.ticket_desk import FakeDesk, snapshot
from ui.panels.ticket import TicketPanel
from ui.panels.ticket_size import SETTING, sized_words

BY_RISK = Sized(Qty(98), Qty(98), Decimal(248), Decimal(250), Decimal("186.9"), Decimal("1.26"), None, "")
CAPPED = Sized(Qty(25), Qty(98), Decimal(64), Decimal(250), Decimal("186.9"), None, None, "")


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def panel(qtbot, desk):
    made = TicketPanel(desk.bridge)
    qtbot.addWidget(made)
    made.resize(360, 700)
    made.show()
    made.apply_snapshot(snapshot())
    made.set_symbol("AAPL")
    return made


def asked(desk):
    return [each for each in desk.sent if isinstance(each, SizeOrder)]


def test_without_a_stop_the_size_is_asked_for_two_average_ranges_away(panel, desk):
    panel.body.sizing.risk.setText("0.5")

    QTest.keyClick(panel.body.sizing.risk, Qt.Key.Key_Return)

    assert [(each.risk_pct, each.stop_px, each.atr_times) for each in asked(desk)] == [("0.5", "", "2")]
    assert asked(desk)[0].draft == panel.form.draft()
    assert SaveSetting(SETTING, "0.5") in desk.sent


def test_with_exits_their_stop_is_the_stop(panel, desk):
    panel.form.legs.exits.set_current(1)
    panel.form.legs.loss.setText("186.90")

    panel.sizer.size()

    assert [(each.stop_px, each.atr_times) for each in asked(desk)] == [("186.90", "")]


def test_answer_fills_the_quantity_in_and_sends_nothing(panel, desk, qtbot):
    panel.sizer.size()

    desk.answer(CAPPED)

    qtbot.waitUntil(lambda: panel.form.qty.text() == "25")
    assert panel.body.sizing.answer.text() == sized_words(CAPPED)
    assert not any(isinstance(each, SubmitOrder) for each in desk.sent)


def test_words_say_what_bound_the_size():
    assert sized_words(CAPPED) == "250.00 at risk → 98 shares; the limits allow 25. Stop at 186.90."
    assert sized_words(BY_RISK) == ("250.00 at risk → 98 shares. Stop at 186.90, two average ranges away.")


def test_words_of_a_size_go_when_the_order_is_another(panel, desk, qtbot):
    panel.sizer.size()
    desk.answer(CAPPED)
    qtbot.waitUntil(panel.body.sizing.answer.isVisible)

    panel.form.qty.setText("26")

    assert not panel.body.sizing.answer.isVisible()


def test_refusal_is_said_and_the_quantity_stays(panel, desk, qtbot):
    panel.sizer.size()

    desk.fail(Refused(RefusalCode.MALFORMED, "One share is more than the limits allow."))

    qtbot.waitUntil(lambda: "One share is more" in panel.body.sizing.answer.text())
    assert panel.form.qty.text() == "10"


def test_answer_of_another_symbol_is_dropped(panel, desk, qtbot):
    panel.sizer.size()
    panel.set_symbol("MSFT")

    desk.answer(CAPPED)

    QTest.qWait(20)
    assert panel.form.qty.text() == "10"


def test_risk_is_restored_from_the_profile(qtbot, desk):
    made = TicketPanel(desk.bridge)
    qtbot.addWidget(made)

    desk.bridge.snapshot_loaded.emit(snapshot(settings={SETTING: "0.75"}))

    assert made.body.sizing.risk.text() == "0.75"


def test_without_a_symbol_nothing_is_asked(panel, desk):
    panel.set_symbol("")

    panel.sizer.size()

    assert asked(desk) == []
    assert panel.body.sizing.answer.text() == "Choose a symbol first."
