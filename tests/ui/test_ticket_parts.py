"""The ticket's pieces: keys, tips, folding, and what each answer proves."""

from dataclasses import replace

import pytest

from core.domain.access import Mode
from core.domain.messages import FillBooked, Submitted
from core.domain.money import Money, Price, Qty
from core.domain.risk import EffectLine, EffectName, Nearest, Outcome, RuleCode, RuleResult, Unit, Verdict
from core.domain.terms import OrderDraft, OrdStatus, OrdType, Side, TimeInForce
from core.errors import BrokerRejected
from core.ids import CountedIds
from tests.builders import terms
from tests.ui.ticket_desk import FakeDesk, order, profile, snapshot
from ui.panels import risk_words
from ui.panels.ticket import TicketPanel
from ui.panels.ticket_parts import EffectTable
from ui.panels.ticket_sending import Decisions, of_error, of_submitted, unknown
from ui.panels.ticket_tips import FirstMinute
from ui.panels.ticket_verdict import Offer, VerdictView, offers


def draft_of(qty: str) -> OrderDraft:
    return OrderDraft("AAPL", Side.BUY, OrdType.MARKET, TimeInForce.DAY, qty)


def result(code: RuleCode, outcome: Outcome, value: str, limit: str) -> RuleResult:
    return RuleResult(code, outcome, "text", Qty(value), Qty(limit), Unit.DOLLARS)


def test_breaches_are_ordered_by_hardness_and_then_by_how_far_they_are_over():
    soft = result(RuleCode.ORDER_QTY, Outcome.SOFT, "900", "100")
    near = result(RuleCode.ORDER_NOTIONAL, Outcome.HARD, "11", "10")
    far = result(RuleCode.POSITION_LIMIT, Outcome.HARD, "30", "10")
    passed = result(RuleCode.BUYING_POWER, Outcome.PASS, "99", "100")

    found = risk_words.by_severity(Verdict((soft, near, far, passed)))

    assert found == [far, near, soft]


def test_the_nearest_limits_are_those_used_most():
    some = [result(RuleCode.ORDER_QTY, Outcome.PASS, str(value), "100") for value in (10, 90, 30, 50)]

    found = risk_words.nearest_limits(Verdict(tuple(some)), 2)

    assert [each.value for each in found] == [90, 50]


def test_many_breaches_fold_to_the_three_that_are_farthest_over(qtbot):
    codes = (RuleCode.ORDER_QTY, RuleCode.ORDER_NOTIONAL, RuleCode.POSITION_LIMIT, RuleCode.BUYING_POWER)
    many = [
        result(code, Outcome.HARD, str(value), "10")
        for code, value in zip(codes, (20, 50, 30, 40), strict=True)
    ]
    view = VerdictView()
    qtbot.addWidget(view)

    view.show_verdict(Verdict(tuple(many)), "AAPL")
    folded = [line.spans[0].text for line in view.rows.lines]
    view.toggle()
    unfolded = [line.spans[0].text for line in view.rows.lines]
    view.show_verdict(Verdict(tuple(many[:3])), "AAPL")

    assert folded == ["Order value", "Buying power", "AAPL weight"]
    assert unfolded == [*folded, "Shares in one order"]
    assert len(view.rows.lines) == 3


@pytest.mark.parametrize("code", list(RuleCode))
def test_every_rule_has_a_name_and_a_title_of_its_refusal(code):
    assert risk_words.rule_name(code, "AAPL")
    assert risk_words.refused_by(code).startswith("Refused")


def test_offers_name_shares_and_both_neighbouring_prices():
    found = offers(Nearest(Qty(25), (Price("189.43"), Price("189.44"))))

    assert found == [Offer("25", "189.43"), Offer("25", "189.44")]
    assert found[0].words == "Use 25 shares at 189.43"
    assert offers(None) == []
    assert offers(Nearest()) == []


def test_a_decision_without_an_answer_keeps_its_key_over_another_ticket():
    decisions = Decisions(CountedIds())
    draft = draft_of("10")
    first = decisions.key(draft, None)
    decisions.answered(draft, None, unknown("Buy"))

    decisions.open_ticket()

    assert decisions.key(draft_of("10.00"), None) == first
    assert decisions.key(draft_of("11"), None) != first
    decisions.answered(draft, None, of_error(BrokerRejected("no"), "Buy"))
    assert decisions.key(draft, None) != first


def test_a_repeated_order_is_said_to_be_one():
    answer = of_submitted(Submitted(order(terms()), Verdict(()), repeated=True), "Buy 100 AAPL")

    assert answer.title == "Buy 100 AAPL: sent before"
    assert answer.is_definite


def test_a_rejection_carries_the_words_of_the_broker():
    rejected = replace(order(terms()), ended=OrdStatus.REJECTED, text="no such account")

    answer = of_submitted(Submitted(rejected, Verdict(())), "Buy 100 AAPL")

    assert answer.sentence == "no such account"


def test_the_tips_wait_for_the_first_fill_and_the_first_refusal():
    tips = FirstMinute()
    refusal = Verdict((result(RuleCode.POSITION_LIMIT, Outcome.HARD, "30", "20"),))
    tips.begin(profile(temporary=True), has_filled=False)
    tips.judged(refusal)
    assert tips.text(Qty(10)) == "Ctrl+Enter sends 10 shares to the simulator"

    tips.filled()
    assert tips.text(Qty(10)).startswith("Now try 500 shares")
    tips.judged(refusal)

    assert tips.text(Qty(10)) == "Every step is in the audit log, verified"


@pytest.mark.parametrize("facts", [profile(temporary=False), profile(Mode.PAPER, temporary=True)])
def test_there_are_no_tips_outside_the_throwaway_simulator(facts):
    tips = FirstMinute()

    tips.begin(facts, has_filled=False)

    assert tips.text(Qty(10)) == ""


@pytest.fixture
def demo(qtbot):
    desk = FakeDesk()
    panel = TicketPanel(desk.bridge)
    qtbot.addWidget(panel)
    panel.resize(360, 580)
    panel.show()
    panel.apply_snapshot(snapshot(temporary=True))
    panel.set_symbol("AAPL")
    return desk, panel


def test_the_demo_shows_its_tip_and_goes_on_after_a_fill(demo, qtbot):
    desk, panel = demo
    qtbot.waitUntil(lambda: bool(panel.body.tip.text()))
    assert panel.body.tip.text() == "Ctrl+Enter sends 10 shares to the simulator"

    desk.tell(FillBooked(None, None))

    qtbot.waitUntil(lambda: panel.body.tip.text().startswith("Now try 500 shares"))


def test_with_less_height_before_and_after_folds_to_three_rows(demo, qtbot):
    _, panel = demo
    qtbot.waitUntil(lambda: not panel.body.effect.is_folded)

    panel.resize(360, 500)
    qtbot.waitUntil(lambda: panel.body.effect.is_folded)

    panel.resize(360, 640)
    qtbot.waitUntil(lambda: not panel.body.effect.is_folded)


@pytest.mark.parametrize("width", [328, 360])
def test_a_refusal_fits_without_scrolling(demo, qtbot, width):
    _, panel = demo
    panel.resize(width, 580)
    panel.form.qty.setText("500")

    qtbot.waitUntil(lambda: bool(panel.body.offer.offers))
    qtbot.waitUntil(lambda: not panel.body.verticalScrollBar().isVisible())


def test_a_short_price_tick_follows_the_price(demo):
    _, panel = demo
    panel.form.price.setText("0.5")

    panel.form.price.step(1)

    assert panel.form.price.text() == "0.5001"


def test_costs_are_said_of_a_purchase_and_of_a_sale_of_what_is_held():
    held = Verdict((RuleResult(RuleCode.SELL_HELD, Outcome.PASS, "All that is sold is held."),))

    sale = risk_words.cost_words(held, terms().side.opposite)

    assert sale == "Sells what is held: only fees are paid."
    assert (
        risk_words.cost_words(replace(held, worst_cost=Money("12.5")), terms().side) == "Costs 12.50 at most."
    )
    assert risk_words.cost_words(Verdict(()), terms().side) == ""


def test_a_figure_over_its_limit_is_never_folded_away(qtbot):
    table = EffectTable()
    qtbot.addWidget(table)
    lines = [EffectLine(name, Unit.DOLLARS, Qty(1), Qty(2)) for name in EffectName]
    lines[3] = EffectLine(lines[3].name, Unit.DOLLARS, Qty(1), Qty(2), breached=True)
    table.show_effect("AAPL", lines)

    table.set_folded(True)

    names = [row[0] for row in table.texts() if row]
    assert names == ["Effect", "AAPL incl. working", "AAPL weight", "Buying power"]
