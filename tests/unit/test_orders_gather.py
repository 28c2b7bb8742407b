"""What is gathered of a sector and of the orders that work."""

from dataclasses import replace
from decimal import Decimal

from core.clock import ManualClock
from core.domain.access import Origin
from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import Account, Position
from core.domain.terms import Side
from core.ids import ClOrdId, Symbol
from core.orders.gather import Gatherer, LiveState, Source
from core.orders.throttle import Figures
from core.risk.facts import Counts
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from tests.builders import AAPL, NOON, terms

MSFT, XOM, NAMELESS = Symbol("MSFT"), Symbol("XOM"), Symbol("ZZZ")
FIGURES = Figures(5, 0, 0)


def state() -> LiveState:
    clock = ManualClock()
    made = LiveState(QuoteBook(clock), OrderBook(), PositionBook(), AccountState(clock), {}, Limits())
    for symbol, sector in ((AAPL, "Technology"), (MSFT, "Technology"), (XOM, "Energy"), (NAMELESS, None)):
        made.instruments[symbol] = Instrument(symbol, symbol, "Nasdaq", sector)
        made.positions.classify(symbol, sector)
        made.positions.put(Position(symbol, Qty(10), Money(1_000), Money(0), Money(0), ()))
        made.positions.price(symbol, Decimal(100))
    return made


def work(made: LiveState, number: int, symbol: Symbol, side: Side = Side.BUY, price: str = "50.00") -> Order:
    order = Order(ClOrdId(f"IQ-{number}"), terms(side, 4, price, symbol=symbol), NOON, NOON)
    made.orders.put(order)
    return order


def facts(made: LiveState, symbol: Symbol, replaces: Order | None = None):
    return Gatherer(made, ManualClock()).facts(terms(Side.BUY, 1, "60.00", symbol=symbol), FIGURES, replaces)


def test_a_sector_is_what_is_held_of_it_and_what_its_working_purchases_may_add() -> None:
    made = state()
    work(made, 1, MSFT)
    work(made, 2, XOM)
    work(made, 3, NAMELESS)
    work(made, 4, Symbol("GONE"))

    assert facts(made, AAPL).sector_exposure == 2_200
    assert facts(made, XOM).sector_exposure == 1_200
    assert facts(made, AAPL).gross_exposure == 4_800


def test_a_sector_is_unknown_without_a_name_an_instrument_or_a_price() -> None:
    made = state()

    assert facts(made, NAMELESS).sector_exposure is None
    assert facts(made, Symbol("GONE")).sector_exposure is None
    made.positions.put(Position(Symbol("NEW"), Qty(1), Money(1), Money(0), Money(0), ()))
    assert facts(made, AAPL).sector_exposure is None
    made = state()
    made.orders.put(Order(ClOrdId("IQ-1"), terms(Side.BUY, 4, symbol=XOM), NOON, NOON))
    found = facts(made, AAPL)
    assert (found.sector_exposure, found.reserved_cash, found.gross_exposure) == (None, None, None)


def test_the_working_orders_are_counted_and_the_first_that_is_met_is_named() -> None:
    made = state()
    old = work(made, 1, AAPL)
    work(made, 2, AAPL, Side.SELL, "120.00")
    work(made, 3, AAPL, Side.SELL, "110.00")
    work(made, 4, XOM, Side.SELL, "90.00")

    found, replacing = facts(made, AAPL), facts(made, AAPL, replace(old, acked=True))

    assert (found.working_total, found.working_in_symbol) == (4, 3)
    assert (found.opposite.cl_ord_id, found.opposite.price) == ("IQ-3", Price("110.00"))
    assert (replacing.working_total, replacing.working_in_symbol) == (3, 2)


def test_cash_that_nothing_explains_is_no_gain_that_would_hide_a_loss() -> None:
    made = state()
    told = Account("A", Money(6_000), Money(6_000), Money(10_000), Money(10_000))
    made.account.confirm(told, made.account.epoch)

    before = facts(made, AAPL).equity
    made.account.confirm(replace(told, cash=Money(6_500)), made.account.epoch)

    assert before == 10_000
    assert (facts(made, AAPL).equity, facts(made, AAPL).cash) == (10_000, 6_500)
    made.account.explain(Decimal(500))
    assert facts(made, AAPL).equity == 10_500


def test_what_the_agent_has_at_work_counts_by_itself_a_list_once_and_what_it_replaces_not() -> None:
    made = state()
    old = replace(work(made, 1, AAPL), origin=Origin.AGENT)
    made.orders.put(old)
    made.orders.put(replace(work(made, 2, AAPL), origin=Origin.AGENT))
    for number in (3, 4):
        leg = replace(work(made, number, MSFT), origin=Origin.AGENT, list_id=ClOrdId("IQ-3"))
        made.orders.put(leg)
    work(made, 5, AAPL)
    figures = Figures(5, 9, 30, 2, 7)
    order = terms(Side.BUY, 1, "60.00", symbol=AAPL)

    found = Gatherer(made, ManualClock()).facts(order, figures, old, Source(Origin.AGENT))
    nobodys = Gatherer(made, ManualClock()).facts(order, figures)

    assert found.own == Counts(sent_last_minute=2, sent_today=7, working_total=2, working_in_symbol=1)
    assert (found.sent_last_minute, found.sent_today, found.common) == (9, 30, made.limits)
    assert (nobodys.own, nobodys.common) == (None, None)


def test_the_usual_volume_is_that_of_the_symbol() -> None:
    made = state()
    gatherer = Gatherer(made, ManualClock())
    gatherer.usual_volume = {AAPL: Decimal(1_000), MSFT: Decimal(2_000)}.get

    found = [
        gatherer.facts(terms(Side.BUY, 1, "60.00", symbol=symbol), FIGURES) for symbol in (AAPL, MSFT, XOM)
    ]

    assert [each.usual_volume for each in found] == [1_000, 2_000, None]
