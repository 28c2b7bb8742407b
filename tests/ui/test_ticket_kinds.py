"""The ticket's later kinds of order, by real keys: amounts, trailing stops, auctions, hours, exits."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.risk import RuleCode, TicketField
from core.domain.terms import Contingency, OrdType, Side, TimeInForce
from core.ids import RandomIds
from tests.ui.ticket_desk import FakeDesk, snapshot
from ui.panels import risk_words
from ui.panels.ticket import TicketPanel
from ui.panels.ticket_form import TIFS
from ui.panels.ticket_sending import Decisions, unknown


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def panel(qtbot, desk):
    made = TicketPanel(desk.bridge)
    qtbot.addWidget(made)
    made.resize(360, 640)
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


def choose(field, number: int) -> None:
    field.setFocus()
    steps = number - field.current()
    for _ in range(abs(steps)):
        QTest.keyClick(field, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)


def choose_kind(panel, kind: OrdType) -> None:
    choose(panel.form.kind, list(OrdType).index(kind))


def test_amount_is_typed_with_a_dollar_sign(panel):
    retype(panel.form.qty, "$500")

    draft = panel.form.draft()

    assert (draft.order_qty, draft.cash_order_qty) == ("", "500")
    assert panel.body.button.text() == "Buy $500 of AAPL at market"


@pytest.mark.parametrize(("typed", "px", "pct"), [("1.50", "1.50", ""), ("2%", "", "2"), (" 2 %", "", "2 ")])
def test_trailing_distance_is_dollars_or_percent(panel, typed, px, pct):
    choose_kind(panel, OrdType.TRAILING_STOP)
    retype(panel.form.trail, typed)

    draft = panel.form.draft()

    assert (draft.trail_px, draft.trail_pct) == (px, pct)
    assert panel.form.trail.isVisible()
    assert not panel.form.stop.isVisible()


def test_trail_of_another_type_is_kept_but_not_sent(panel):
    choose_kind(panel, OrdType.TRAILING_STOP)
    retype(panel.form.trail, "1.50")

    choose_kind(panel, OrdType.STOP)

    assert panel.form.draft().trail_px == ""
    assert panel.form.stop.isVisible()
    assert panel.form.trail.text() == "1.50"


@pytest.mark.parametrize(
    ("number", "tif", "is_extended"),
    [(number, tif, is_extended) for number, (tif, is_extended, _) in enumerate(TIFS)],
)
def test_time_in_force_tells_the_auction_and_the_hours(panel, number, tif, is_extended):
    choose(panel.form.tif, number)

    draft = panel.form.draft()

    assert (draft.time_in_force, draft.extended_hours) == (tif, is_extended)


def test_bracket_has_its_three_prices_and_none_without_it(panel, qtbot):
    cells = panel.form.legs.cells
    assert not any(cell.isVisible() for cell in cells.values())

    choose(panel.form.legs.exits, 1)
    retype(panel.form.legs.profit, "200")
    retype(panel.form.legs.loss, "180")

    draft = panel.form.draft()
    assert all(cell.isVisible() for cell in cells.values())
    assert (draft.contingency, draft.take_profit, draft.stop_loss) == (Contingency.BRACKET, "200", "180")
    qtbot.waitUntil(lambda: panel.body.verdict.saying.words().startswith("Passes"))


def test_pair_takes_its_limit_for_the_take_profit(panel):
    choose(panel.form.legs.exits, 2)

    assert not panel.form.legs.cells[TicketField.TAKE_PROFIT].isVisible()
    assert panel.form.draft().take_profit == ""
    assert panel.form.draft().contingency is Contingency.OCO


def test_stop_loss_on_the_wrong_side_is_marked_at_its_field(panel, qtbot):
    choose(panel.form.legs.exits, 1)
    retype(panel.form.legs.profit, "200")
    retype(panel.form.legs.loss, "195")

    cell = panel.form.legs.cells[TicketField.STOP_LOSS]

    qtbot.waitUntil(lambda: "below" in cell.refused)


def test_refusal_of_an_amount_is_marked_at_the_quantity(panel, qtbot):
    retype(panel.form.qty, "$500")

    qtbot.waitUntil(lambda: "no order for an amount" in panel.form.cells[TicketField.ORDER_QTY].refused)
    assert panel.body.button.isHidden()


def test_another_symbol_takes_the_exits_away(panel):
    choose(panel.form.legs.exits, 1)
    retype(panel.form.legs.profit, "200")

    panel.set_symbol("MSFT", Side.BUY)

    assert panel.form.draft().contingency is None
    assert panel.form.legs.profit.text() == ""


def test_two_orders_that_differ_in_their_exits_have_two_keys(panel):
    decisions = Decisions(RandomIds())
    first = panel.form.draft()
    choose(panel.form.legs.exits, 1)
    second = panel.form.draft()
    retype(panel.form.legs.loss, "180")
    third = panel.form.draft()
    keys = []
    for draft in (first, second, third):
        keys.append(decisions.key(draft, None))
        decisions.answered(draft, None, unknown("Buy 10 AAPL"))

    assert len(set(keys)) == 3
    assert [decisions.key(draft, None) for draft in (first, second, third)] == keys


def test_every_rule_has_its_words():
    for code in RuleCode:
        assert risk_words.rule_name(code, "AAPL")
        assert risk_words.refused_by(code)
    assert {tif for tif, _, _ in TIFS} == set(TimeInForce)


def test_side_keys_choose_while_the_quantity_is_selected_and_are_letters_otherwise(panel):
    qty = panel.form.qty
    qty.setFocus()
    qty.selectAll()
    QTest.keyClick(qty, Qt.Key.Key_S)
    assert (panel.form.draft().side, qty.text()) == (Side.SELL, "10")

    qty.deselect()
    QTest.keyClick(qty, Qt.Key.Key_B)

    assert panel.form.draft().side is Side.SELL
    assert "b" in qty.text()
