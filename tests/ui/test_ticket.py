"""The ticket as a person meets it: real keys, the real bridge, the real rules."""

from dataclasses import replace
from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.domain.access import Mode
from core.domain.messages import OrderChanged, ReplaceOrder, Submitted, TradingStateChanged
from core.domain.money import Price
from core.domain.risk import RuleCode, TicketField, Verdict
from core.domain.terms import OrdStatus, OrdType, Side, TimeInForce
from core.errors import BrokerUnavailable, OutcomeUnknown, RefusalCode, Refused
from tests.builders import terms
from tests.ui.ticket_desk import AAPL_QUOTE, ACTIVE, HALTED, FakeDesk, order, snapshot
from ui import format as fmt
from ui.panels.ticket import TicketPanel

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def panel(qtbot, desk):
    made = TicketPanel(desk.bridge)
    qtbot.addWidget(made)
    made.resize(360, 580)
    made.show()
    made.apply_snapshot(snapshot())
    made.set_symbol("AAPL", Side.BUY)
    made.form.qty.setFocus()
    qtbot.waitUntil(lambda: made.body.verdict.saying.words().startswith("Passes"))
    return made


def retype(field, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    QTest.keyClicks(field, text)


def choose(panel, kind: OrdType) -> None:
    types = list(OrdType)
    steps = types.index(kind) - types.index(panel.form.ord_type)
    for _ in range(abs(steps)):
        QTest.keyClick(panel.form.kind, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)


def verdict_words(panel) -> str:
    return panel.body.verdict.saying.words()


def answer_words(panel) -> str:
    return panel.body.answer.words()


def send(panel) -> None:
    QTest.keyClick(panel.form.qty, Qt.Key.Key_Return, CTRL)


def test_a_new_ticket_holds_ten_shares_at_market_and_says_so_with_the_limit_that_goes_out(panel):
    assert panel.form.draft().order_qty == "10"
    assert panel.form.draft().ord_type is OrdType.MARKET
    assert panel.body.button.text() == "Buy 10 AAPL at market ≤ 191.32"


def test_choosing_limit_fills_in_the_far_touch_and_a_typed_price_stays(panel, desk):
    panel.form.kind.setFocus()
    QTest.keyClick(panel.form.kind, Qt.Key.Key_Down)
    assert panel.form.price.text() == "189.43"

    retype(panel.form.price, "189.10")
    panel.form.set_side(Side.SELL)
    desk.move_market(replace(AAPL_QUOTE, ask=Price("190.00")))

    assert panel.form.price.text() == "189.10"


def test_an_emptied_price_is_not_filled_in_by_the_next_quote(panel, desk):
    choose(panel, OrdType.LIMIT)
    panel.form.price.setFocus()
    panel.form.price.selectAll()
    QTest.keyClick(panel.form.price, Qt.Key.Key_Backspace)

    desk.move_market(replace(AAPL_QUOTE, ask=Price("190.00")))

    assert panel.form.price.text() == ""


def test_a_price_that_the_type_has_not_is_kept_but_not_sent(panel):
    choose(panel, OrdType.LIMIT)
    retype(panel.form.price, "189.10")
    choose(panel, OrdType.MARKET)
    assert panel.form.draft().price == ""
    assert not panel.form.price.isEnabled()

    choose(panel, OrdType.STOP_LIMIT)

    assert panel.form.draft().price == "189.10"
    assert panel.form.stop.isEnabled()


def test_tab_walks_side_quantity_type_price_stop_and_time(panel):
    choose(panel, OrdType.STOP_LIMIT)
    form = panel.form
    form.side.setFocus()
    walked = []
    for _ in range(6):
        walked.append(QApplication.focusWidget())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)

    assert walked == [form.side, form.qty, form.kind, form.price, form.stop, form.tif]


def test_up_and_down_step_by_a_tick_and_shift_by_ten(panel):
    choose(panel, OrdType.LIMIT)
    QTest.keyClick(panel.form.price, Qt.Key.Key_Up)
    assert panel.form.price.text() == "189.44"

    QTest.keyClick(panel.form.price, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)

    assert panel.form.price.text() == "189.34"


def test_before_and_after_and_the_cost_come_from_the_desk(panel, qtbot):
    choose(panel, OrdType.LIMIT)
    retype(panel.form.qty, "20")

    qtbot.waitUntil(lambda: panel.body.cost.text() == "Costs 3,788.60 at most.")

    assert ["AAPL incl. working", "80", "100"] in panel.body.effect.texts()
    assert panel.form.value.figure == "3,788.60"
    assert len(panel.body.verdict.rows.lines) == 3


def test_all_rules_are_unfolded_by_space_on_the_title(panel):
    saying = panel.body.verdict.saying
    saying.setFocus()

    QTest.keyClick(saying, Qt.Key.Key_Space)

    names = [row[0] for row in panel.body.verdict.rows.texts()]
    assert "Market hours" in names
    assert len(names) > 3


@pytest.mark.parametrize("typed", ["0", "-1", "1e308", "NaN", "", "ten", "1,000", "10.5"])
def test_a_wrong_quantity_is_sent_as_text_and_refused_beside_its_field(panel, desk, qtbot, typed):
    retype(panel.form.qty, typed)
    send(panel)
    qtbot.waitUntil(lambda: len(desk.orders) == 1)

    desk.decide()
    qtbot.waitUntil(lambda: not panel._state.is_sending)

    assert desk.orders[0].draft.order_qty == typed
    assert panel.form.qty.text() == typed
    assert panel.form.cells[TicketField.ORDER_QTY].refused
    assert panel.form.qty.refused == panel.form.cells[TicketField.ORDER_QTY].refused
    assert "nothing was sent" in verdict_words(panel)


def test_a_price_between_the_steps_is_refused_beside_its_field_and_both_neighbours_are_offered(
    panel, desk, qtbot
):
    choose(panel, OrdType.LIMIT)
    retype(panel.form.price, "189.435")

    qtbot.waitUntil(lambda: bool(panel.form.price.refused))

    assert desk.previews[-1].draft.price == "189.435"
    assert panel.form.price.text() == "189.435"
    assert [offer.price for offer in panel.body.offer.offers] == ["189.43", "189.44"]


def test_an_unknown_symbol_is_refused_beside_the_symbol(panel, desk, qtbot):
    panel.set_symbol("XYZQ")
    qtbot.waitUntil(lambda: bool(panel.body.symbol_line.refused))
    assert desk.previews[-1].draft.symbol == "XYZQ"
    assert panel.symbol == "XYZQ"


def test_a_refused_order_has_no_send_button_and_enter_only_fills_in_what_passes(panel, desk, qtbot):
    choose(panel, OrdType.LIMIT)
    retype(panel.form.qty, "98")
    qtbot.waitUntil(lambda: verdict_words(panel).startswith("Refused by the position limit"))
    assert not panel.body.button.isVisible()
    assert panel.body.verdict.rows.texts()[0][:3] == ["AAPL weight", "hard", "33.7"]
    assert [offer.words for offer in panel.body.offer.offers] == ["Use 25 shares"]

    QTest.keyClick(panel.form.qty, Qt.Key.Key_Return)

    assert panel.form.qty.text() == "25"
    assert desk.sent == []
    qtbot.waitUntil(lambda: verdict_words(panel).startswith("Passes"))
    assert panel.body.button.isVisible()


def test_enter_alone_never_sends(panel, desk):
    QTest.keyClick(panel.form.qty, Qt.Key.Key_Return)
    QTest.keyClick(panel.body.button, Qt.Key.Key_Enter)

    assert desk.sent == []


def test_a_soft_rule_wants_the_quantity_typed_and_is_then_acknowledged(panel, desk, qtbot):
    desk.facts = replace(desk.facts, position_qty=Decimal(0), working_buy_qty=Decimal(0))
    retype(panel.form.qty, "60")
    qtbot.waitUntil(panel.body.question.isVisible)
    assert not panel.body.button.isEnabled()
    send(panel)
    assert desk.sent == []
    assert panel.body.question.field.hasFocus()

    QTest.keyClicks(panel.body.question.field, "60")
    QTest.keyClick(panel.body.question.field, Qt.Key.Key_Return, CTRL)

    assert desk.orders[0].acknowledged == frozenset({RuleCode.ORDER_NOTIONAL})


def test_another_quantity_takes_the_acknowledgement_back(panel, desk, qtbot):
    desk.facts = replace(desk.facts, position_qty=Decimal(0), working_buy_qty=Decimal(0))
    retype(panel.form.qty, "60")
    qtbot.waitUntil(panel.body.question.isVisible)
    QTest.keyClicks(panel.body.question.field, "60")

    retype(panel.form.qty, "61")

    assert panel.body.question.field.text() == ""


def test_a_held_ctrl_enter_sends_once(panel, desk, qtbot):
    send(panel)
    desk.decide()
    qtbot.waitUntil(lambda: not panel._state.is_sending)

    for _ in range(20):
        repeat = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, CTRL, "\r", True)
        QApplication.sendEvent(panel.form.qty, repeat)

    assert len(desk.orders) == 1


@pytest.mark.parametrize("answers_at_once", [True, False])
def test_a_double_click_sends_once(panel, desk, qtbot, answers_at_once):
    button = panel.body.button
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    if answers_at_once:
        desk.decide()
        qtbot.waitUntil(lambda: not panel._state.is_sending)

    QTest.mouseDClick(button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    assert len(desk.orders) == 1


def test_the_button_is_off_while_an_order_is_on_its_way(panel, desk):
    send(panel)
    send(panel)

    assert len(desk.orders) == 1
    assert not panel.body.button.isEnabled()
    assert panel.body.button.text() == "Sending"


def test_a_definite_answer_makes_a_new_key_and_keeps_what_was_typed(panel, desk, qtbot):
    retype(panel.form.qty, "12")
    send(panel)
    desk.decide()
    qtbot.waitUntil(lambda: not panel._state.is_sending)
    assert panel.form.qty.text() == "12"
    assert "Buy 12 AAPL: working" in answer_words(panel)

    send(panel)

    first, second = desk.orders
    assert first.key != second.key


@pytest.mark.parametrize("error", [OutcomeUnknown("no answer in 4 s"), RuntimeError("no answer in 4 s")])
def test_an_unknown_outcome_keeps_its_key_for_the_very_same_order_only(panel, desk, qtbot, error):
    send(panel)
    desk.fail(error)
    qtbot.waitUntil(lambda: not panel._state.is_sending)
    assert "at the broker? checking" in answer_words(panel)
    retype(panel.form.qty, "5")
    send(panel)
    desk.decide()
    qtbot.waitUntil(lambda: not panel._state.is_sending)
    retype(panel.form.qty, "10.0")

    send(panel)

    first, other, again = desk.orders
    assert again.key == first.key
    assert other.key != first.key


def test_an_order_written_down_as_unknown_keeps_its_key_until_it_is_settled(panel, desk, qtbot):
    send(panel)
    lost = order(terms(qty=10), unknown=True, acked=False)
    desk.answer(Submitted(lost, Verdict(())))
    qtbot.waitUntil(lambda: "at the broker? checking" in answer_words(panel))
    desk.tell(OrderChanged(replace(lost, unknown=False, acked=True)))
    qtbot.waitUntil(lambda: "Buy 10 AAPL: working" in answer_words(panel))

    send(panel)

    first, second = desk.orders
    assert first.key != second.key


@pytest.mark.parametrize(
    "error", [BrokerUnavailable("down"), Refused(RefusalCode.NOT_CONFIRMED, "Not confirmed.")]
)
def test_a_proof_that_nothing_was_sent_makes_a_new_key(panel, desk, qtbot, error):
    send(panel)
    desk.fail(error)
    qtbot.waitUntil(lambda: not panel._state.is_sending)

    send(panel)

    assert desk.orders[0].key != desk.orders[1].key


def test_an_order_that_is_still_on_its_way_keeps_its_key(panel, desk, qtbot):
    send(panel)
    desk.fail(Refused(RefusalCode.IN_FLIGHT, "This very order is on its way."))
    qtbot.waitUntil(lambda: not panel._state.is_sending)

    send(panel)

    assert desk.orders[0].key == desk.orders[1].key


def test_the_answer_follows_the_order(panel, desk, qtbot):
    send(panel)
    desk.decide()
    qtbot.waitUntil(lambda: not panel._state.is_sending)

    done = order(terms(qty=10), cum_qty=terms(qty=10).order_qty, avg_px=Price("189.43"))
    desk.tell(OrderChanged(done))

    qtbot.waitUntil(lambda: "10 filled at 189.43" in answer_words(panel))


def test_a_halt_kills_the_ticket_and_keeps_what_was_typed(panel, desk, qtbot):
    retype(panel.form.qty, "20")
    desk.tell(TradingStateChanged(HALTED))
    qtbot.waitUntil(lambda: verdict_words(panel).startswith("Halted: nothing can be sent"))
    panel.review()
    assert desk.sent == []
    assert not panel.form.qty.isEnabled()
    assert not panel.body.button.isEnabled()
    assert panel.form.qty.text() == "20"
    assert all(row[-1] == "—" for row in panel.body.effect.texts()[1:] if row)

    desk.tell(TradingStateChanged(ACTIVE))

    qtbot.waitUntil(panel.form.qty.isEnabled)
    assert panel.form.qty.text() == "20"


def test_a_failed_preview_shows_dashes_and_the_reason(panel, desk, qtbot):
    desk.preview_error = Refused(RefusalCode.NOT_READY, "The book is being reconciled.")
    retype(panel.form.qty, "11")

    qtbot.waitUntil(lambda: "The book is being reconciled." in verdict_words(panel))

    assert all(set(row[1:]) == {"—"} for row in panel.body.effect.texts()[1:] if row)
    assert panel.form.value.figure == "—"
    assert panel.body.cost.text() == ""


def test_a_desk_that_does_not_answer_leaves_no_figure_of_the_old_order(panel, desk, qtbot):
    desk.holds_previews = True
    retype(panel.form.qty, "11")

    qtbot.waitUntil(lambda: "has not answered" in verdict_words(panel))

    assert panel.form.value.figure == "—"


def test_quotes_ask_again_four_times_a_second_at_most(panel, desk, qtbot):
    before = len(desk.previews)
    for cents in range(10):
        desk.move_market(replace(AAPL_QUOTE, bid=Price(f"189.{cents + 10}")))
    assert len(desk.previews) - before <= 1

    qtbot.waitUntil(lambda: len(desk.previews) - before == 2)

    assert panel.body.symbol_line.market == "189.19 × 189.43"


def test_a_live_ticket_reviews_and_leaves_the_soft_question_to_the_sheet(panel, desk, qtbot):
    desk.facts = replace(desk.facts, position_qty=Decimal(0), working_buy_qty=Decimal(0))
    panel.apply_snapshot(snapshot(Mode.LIVE))
    retype(panel.form.qty, "60")
    qtbot.waitUntil(lambda: verdict_words(panel).startswith("Unusual"))
    assert panel.body.button.text() == "Review: buy 60 AAPL at market ≤ 191.32"
    assert not panel.body.question.isVisible()

    send(panel)

    assert desk.orders[0].acknowledged == frozenset()
    assert panel.body.button.text() == "In review"


def test_a_working_order_is_replaced_with_the_text_as_typed(panel, desk, qtbot):
    working = order(terms(qty=40, price="187.80", tif=TimeInForce.GTC), "IQ-7")
    panel.edit_order(working)
    assert panel.body.button.text() == "Replace: buy 40 AAPL at 187.80"
    assert not panel.form.side.isEnabled()
    retype(panel.form.price, "188.00")

    send(panel)

    sent = desk.sent[0]
    assert isinstance(sent, ReplaceOrder)
    assert (sent.cl_ord_id, sent.order_qty, sent.price) == ("IQ-7", "40", "188.00")


def test_an_order_that_ended_meanwhile_can_not_be_replaced(panel, desk, qtbot):
    working = order(terms(qty=40, price="187.80"), "IQ-7")
    panel.edit_order(working)

    desk.tell(OrderChanged(replace(working, ended=OrdStatus.CANCELED)))

    qtbot.waitUntil(lambda: "That order has ended" in verdict_words(panel))
    send(panel)
    assert desk.sent == []


def test_escape_clears_the_ticket_and_sends_nothing(panel, desk):
    retype(panel.form.qty, "77")

    QTest.keyClick(panel.form.qty, Qt.Key.Key_Escape)

    assert panel.form.qty.text() == "10"
    assert desk.sent == []


def test_a_ticket_without_a_symbol_sends_nothing(qtbot, desk):
    empty = TicketPanel(desk.bridge)
    qtbot.addWidget(empty)

    empty.review()

    assert desk.sent == []
    assert not empty.is_filled


def test_a_cost_never_stands_under_a_quantity_that_it_is_not_of(panel, qtbot):
    assert "Costs" in panel.body.cost.text()

    retype(panel.form.qty, "20")

    assert "Buy 20" in panel.body.button.text()
    assert panel.body.cost.text() == fmt.UNKNOWN
    qtbot.waitUntil(lambda: "Costs" in panel.body.cost.text())
