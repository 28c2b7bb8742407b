"""The confirmation sheet and the unlock sheet: one answer for each way of closing, and no accidental yes."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from core.domain.access import Mode
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.limits import Limits
from core.domain.money import Money, Price
from core.risk.engine import evaluate
from tests.builders import terms
from tests.ui.ticket_desk import AAPL_QUOTE, HELD
from ui.dialogs.confirm import show_confirm
from ui.dialogs.unlock import unlock_sheet

ORDER = terms(qty=20, price="189.43")
YES, NO = ConfirmationReply("digest", accepted=True), ConfirmationReply("digest", accepted=False)


class Window(QWidget):
    """A window with one field that has the focus, and a clock that a test turns."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(900, 760)
        self.field = QLineEdit(self)
        QVBoxLayout(self).addWidget(self.field)
        self.replies: list[ConfirmationReply] = []
        self.now = 100.0

    def ask(
        self,
        *,
        mode: Mode = Mode.LIVE,
        needs_typed_qty: bool = False,
        ttl_s: float = 30.0,
        phrase: str = "",
        order=ORDER,
    ):
        verdict = evaluate(ORDER, Limits(), HELD)
        quote = replace(AAPL_QUOTE, received=99.6)
        request = ConfirmationRequest(
            "digest", mode, "Alpaca account 4821", order, verdict, quote, ttl_s, needs_typed_qty, phrase
        )
        sheet = show_confirm(self, request, self.replies.append)
        sheet._clock = sheet.hold._clock = lambda: self.now
        sheet._opened = self.now
        return sheet


@pytest.fixture
def window(qtbot):
    made = Window()
    qtbot.addWidget(made)
    made.show()
    made.field.setFocus()
    return made


def all_words(sheet) -> str:
    parts = (sheet.title, sheet.terms, sheet.market, sheet.rules_title, *sheet.rules)
    return " | ".join(" ".join(row) for lines in parts for row in lines.texts())


def test_the_sheet_shows_exactly_what_will_be_sent_and_all_that_is_known(window):
    sheet = window.ask()
    sheet.tick()

    shown = all_words(sheet)

    assert "Buy 20 AAPL at 189.43 or better 3,788.60" in shown
    for expected in ("Quantity 20", "Type Limit", "Limit price 189.43", "Time in force Day"):
        assert expected in shown
    assert "Bid × ask 189.41 × 189.43" in shown
    assert "Age of this quote 0.4 s" in shown
    assert "AAPL incl. working 80 100" in shown
    assert "Passes all 23 rules" in shown
    assert sum(len(lines.lines) for lines in sheet.rules) == 23
    assert sheet.head.title.text() == "Real money, Alpaca account 4821"
    assert sheet.head.badge.accessibleName() == "Mode: LIVE"


def test_cancel_has_the_focus_and_enter_says_no(window):
    sheet = window.ask()
    assert sheet.cancel.hasFocus()

    QTest.keyClick(sheet.cancel, Qt.Key.Key_Return)

    assert window.replies == [NO]


def test_a_repeating_enter_from_before_neither_sends_nor_closes(window):
    sheet = window.ask()
    for modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier):
        event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, modifiers, "\r", True)
        QApplication.sendEvent(sheet, event)

    assert window.replies == []
    assert sheet.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier])
def test_enter_on_the_send_button_does_not_send(window, key, modifier):
    sheet = window.ask()
    sheet.hold.setFocus()

    QTest.keyClick(sheet.hold, key, modifier)

    assert window.replies == []


def test_alt_s_sends_once(window):
    sheet = window.ask()

    QTest.keyClick(sheet.cancel, Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier)
    sheet.send()

    assert window.replies == [YES]
    assert not sheet.isVisible()


def test_a_repeating_alt_s_does_not_send(window):
    sheet = window.ask()
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier, "s", True)

    QApplication.sendEvent(sheet, event)

    assert window.replies == []


def test_holding_the_button_for_its_time_sends_once(window):
    sheet = window.ask()
    sheet.hold.setFocus()
    QTest.keyPress(sheet.hold, Qt.Key.Key_Space)
    window.now += 0.59
    sheet.hold.advance()
    assert window.replies == []

    window.now += 0.02
    sheet.hold.advance()
    sheet.hold.advance()

    assert window.replies == [YES]


def test_letting_go_too_early_sends_nothing(window):
    sheet = window.ask()
    QTest.mousePress(sheet.hold, Qt.MouseButton.LeftButton)
    window.now += 0.5
    QTest.mouseRelease(sheet.hold, Qt.MouseButton.LeftButton)
    window.now += 5
    sheet.hold.advance()

    assert window.replies == []


@pytest.mark.parametrize("way", ["escape", "cancel", "close", "hide", "window", "time"])
def test_every_way_of_closing_says_no_exactly_once(window, way):
    sheet = window.ask(ttl_s=30.0)
    ways = {
        "escape": lambda: QTest.keyClick(sheet.cancel, Qt.Key.Key_Escape),
        "cancel": lambda: QTest.mouseClick(sheet.cancel, Qt.MouseButton.LeftButton),
        "close": sheet.close,
        "hide": sheet.hide,
        "window": window.close,
        "time": lambda: (setattr(window, "now", 130.5), sheet.tick()),
    }

    ways[way]()
    sheet.send()
    sheet.refuse()
    QApplication.processEvents()

    assert window.replies == [NO]


def test_a_yes_after_the_time_is_over_is_not_taken(window):
    sheet = window.ask(ttl_s=30.0)
    window.now += 31

    sheet.send()

    assert YES not in window.replies


def test_a_click_beside_the_sheet_does_nothing(window):
    sheet = window.ask()

    QTest.mouseClick(sheet, Qt.MouseButton.LeftButton, pos=sheet.rect().topLeft())

    assert window.replies == []
    assert sheet.isVisible()


def test_the_time_left_is_counted_down(window):
    sheet = window.ask()
    window.now += 3

    sheet.tick()

    assert sheet.head.time_left.text() == "this review ends in 27 s"


def test_a_soft_rule_wants_the_quantity_typed_before_any_yes(window):
    sheet = window.ask(needs_typed_qty=True)
    QTest.keyClick(sheet.cancel, Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier)
    assert window.replies == []
    assert not sheet.hold.isEnabled()
    sheet.question.field.setFocus()
    QTest.keyClicks(sheet.question.field, "2")
    assert not sheet.hold.isEnabled()

    QTest.keyClicks(sheet.question.field, "0")
    QTest.keyClick(sheet.question.field, Qt.Key.Key_Return)
    assert window.replies == []
    QTest.keyClick(sheet.question.field, Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier)

    assert window.replies == [YES]


def test_a_newer_quote_is_shown_with_its_age(window):
    sheet = window.ask()

    sheet.take_quotes([replace(AAPL_QUOTE, ask=Price("189.60"), received=100.0)])

    assert "189.41 × 189.60" in all_words(sheet)


def test_tab_stays_on_the_sheet_and_the_focus_goes_back(window):
    sheet = window.ask()
    for _ in range(3):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert sheet.isAncestorOf(QApplication.focusWidget())

    sheet.refuse()

    assert window.field.hasFocus()


def test_an_unknown_quote_is_a_dash(window):
    verdict = evaluate(ORDER, Limits(), replace(HELD, cash=None))
    request = ConfirmationRequest("digest", Mode.SIM, "demo", ORDER, verdict, None, 30.0, False)

    sheet = show_confirm(window, request, window.replies.append)

    assert "Bid × ask —" in all_words(sheet)
    assert "Age of this quote —" in all_words(sheet)


def test_unlocking_masks_the_passphrase_and_keeps_the_sheet_for_another_try(window):
    given: list[str | None] = []
    sheet = unlock_sheet(window, "main", given.append)
    assert sheet.field.echoMode() is QLineEdit.EchoMode.Password
    QTest.keyClicks(sheet.field, "wrong")
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    assert given == ["wrong"]

    sheet.refuse("The passphrase opens no key of this profile.")
    assert sheet.isVisible()
    assert sheet.fault.text() == "The passphrase opens no key of this profile."
    QTest.keyClicks(sheet.field, "right")
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    sheet.accept_passphrase()

    assert given == ["wrong", "right"]
    assert not sheet.isVisible()


def test_escape_gives_up_unlocking_once(window):
    given: list[str | None] = []
    sheet = unlock_sheet(window, "main", given.append)

    QTest.keyClick(sheet.field, Qt.Key.Key_Escape)
    sheet.dismiss()

    assert given == [None]


def test_an_empty_passphrase_is_not_tried(window):
    given: list[str | None] = []
    sheet = unlock_sheet(window, "main", given.append)

    QTest.keyClick(sheet.field, Qt.Key.Key_Return)

    assert given == []
    assert sheet.fault.text() == "Type the passphrase."


def test_sentence_of_real_money_is_typed_before_the_order_can_be_sent(window):
    sheet = window.ask(phrase="I trade with real money")
    assert sheet.phrase.isVisible()
    sheet.send()
    assert window.replies == []

    sheet.phrase.field.setText("I trade with real money")
    sheet.send()

    assert window.replies == [ConfirmationReply("digest", accepted=True, typed="I trade with real money")]


def test_amount_is_typed_again_and_not_the_estimate_of_shares(window):
    sheet = window.ask(needs_typed_qty=True, order=replace(ORDER, cash_order_qty=Money(500)))
    sheet.question.field.setText("500")

    sheet.send()

    assert len(window.replies) == 1
