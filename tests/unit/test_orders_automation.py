"""What is remembered of programs that order, and what was traded on a day."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from core.clock import ManualClock
from core.domain.access import Origin
from core.domain.execution import Fill
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.proposals import Proposal
from core.domain.terms import Contingency, Legs, OrdType, Side
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.automation import Automation
from core.orders.drafts import draft_of
from core.risk.parse import parse_draft
from core.state.orders import Reservation
from core.state.traded import Traded
from tests.builders import AAPL, NOON, terms
from tests.risk_builders import QUOTE

MSFT = Symbol("MSFT")
ONE = Reservation(1)


def proposal(thesis: str = "up", side: Side = Side.BUY) -> Proposal:
    return Proposal("p", "s", terms(side), thesis, Price(100), NOON, NOON + timedelta(minutes=15))


def test_entries_are_those_of_programs_in_the_symbol_within_ten_minutes():
    clock = ManualClock()
    made = Automation(clock)
    for origin in (Origin.WINDOW, Origin.DESK, Origin.API, Origin.AGENT):
        made.sent(terms(), origin, None, ONE, opens=True)
    made.sent(terms(), Origin.API, None, ONE, opens=False)
    made.sent(terms(symbol=MSFT), Origin.API, None, ONE, opens=True)

    assert [made.entries(each, Origin.API) for each in (AAPL, MSFT, Symbol("X"))] == [2, 1, 0]
    assert made.entries(AAPL, Origin.AGENT) == 2
    assert (made.entries(AAPL, Origin.WINDOW), made.entries(AAPL, None)) == (None, None)
    clock.turn(599.9)
    assert made.entries(AAPL, Origin.API) == 2
    clock.turn(0.1)
    assert made.entries(AAPL, Origin.API) == 0


def test_entries_of_before_a_start_count_on_and_those_of_people_never_did():
    clock = ManualClock()
    made = Automation(clock)

    def order(number: int, age_s: float, origin: Origin | None) -> Order:
        at = clock.now() - timedelta(seconds=age_s)
        return Order(ClOrdId(f"IQ-{number}"), terms(), at, at, origin=origin)

    made.restore(
        [
            order(1, 100, Origin.API),
            order(2, 599, Origin.AGENT),
            order(3, 600, Origin.API),
            order(4, 1, Origin.WINDOW),
            order(5, 1, None),
            order(6, -5, Origin.API),
        ]
    )

    assert made.entries(AAPL, Origin.API) == 2
    clock.turn(1)
    assert made.entries(AAPL, Origin.API) == 1


def test_a_thesis_is_its_words_on_a_symbol_and_a_side():
    clock = ManualClock()
    made = Automation(clock)
    made.sent(terms(), Origin.AGENT, proposal("It goes up"), ONE, opens=False)
    clock.turn(30)

    assert made.thesis_age_s(proposal("it  GOES up ")) == 30
    assert made.thesis_age_s(proposal("it goes down")) is None
    assert made.thesis_age_s(proposal("It goes up", Side.SELL)) is None


def test_of_the_theses_only_the_newest_are_remembered():
    made = Automation(ManualClock())
    for number in range(1_001):
        made.sent(terms(), Origin.AGENT, proposal(f"{number}"), ONE, opens=True)
        made.sent(terms(), Origin.AGENT, proposal("again and again"), ONE, opens=True)

    assert made.thesis_age_s(proposal("0")) is None
    assert made.thesis_age_s(proposal("1")) is None
    assert made.thesis_age_s(proposal("2")) == 0
    assert made.thesis_age_s(proposal("again and again")) == 0


def test_the_agent_s_orders_on_their_way_count_until_they_have_landed():
    made = Automation(ManualClock())
    made.sent(terms(), Origin.AGENT, None, ONE, opens=False)
    made.sent(terms(symbol=MSFT), Origin.API, None, Reservation(2), opens=True)

    assert made.reserved() == (AAPL,)
    made.landed(ONE)
    made.landed(ONE)
    assert made.reserved() == ()


def fill(number: int, qty: int, days: int = 0, corrects: str | None = None) -> Fill:
    at = NOON + timedelta(days=days)
    taken_back = None if corrects is None else ExecId(corrects)
    return Fill(
        ExecId(f"e{number}"), ClOrdId("IQ-1"), AAPL, Side.SELL, Qty(qty), Price("10.50"), Money("0.02"), at,
        corrects=taken_back,
    )  # fmt: skip


def test_what_was_traded_is_the_value_of_a_day_s_fills_without_those_taken_back():
    made, day = Traded(), NOON.date()
    made.note(fill(1, 10))
    made.note(fill(2, 4))
    made.note(fill(3, 4, corrects="e2"))
    made.note(fill(4, 1, days=1))

    assert made.on(day) == Decimal(105)
    assert made.on(day + timedelta(days=1)) == Decimal("10.50")
    assert made.on(day - timedelta(days=1)) == 0


def test_what_was_traded_is_never_less_than_nothing_and_of_few_days():
    made, day = Traded(), NOON.date()
    made.note(fill(1, 10, corrects="e0"))
    assert made.on(day) == 0
    for number in range(1, 6):
        made.note(fill(number, 1, days=number))
    made.note(fill(9, 1))

    assert made.on(day) == 0
    assert made.on(day + timedelta(days=5)) == Decimal("10.50")


def test_what_was_traded_in_the_evening_belongs_to_the_day_in_new_york():
    made = Traded()
    late = NOON.replace(hour=23, minute=30)
    made.note(replace(fill(1, 10), transact_time=late))
    made.note(replace(fill(2, 10), transact_time=late + timedelta(hours=2)))

    assert made.on(NOON.date()) == Decimal(210)


def test_a_draft_of_terms_is_read_as_those_terms():
    legs = Legs(Contingency.BRACKET, Price("130"), Price("90"), Price("89.50"))
    plain = terms(qty=5, price="100.50")
    kinds = [
        plain,
        replace(plain, legs=legs),
        replace(plain, ord_type=OrdType.STOP_LIMIT, stop_px=Price("100.40")),
        replace(plain, ord_type=OrdType.TRAILING_STOP, price=None, trail_px=Price("0.50")),
        replace(plain, ord_type=OrdType.TRAILING_STOP, price=None, trail_pct=Decimal("2.5")),
        replace(plain, extended_hours=True),
    ]

    assert [parse_draft(draft_of(each)) for each in kinds] == kinds
    cash = replace(plain, cash_order_qty=Money(201), order_qty=Qty("7"))
    assert parse_draft(draft_of(cash), QUOTE) == replace(cash, order_qty=Qty(2))
