"""Every figure is the sum of its parts, exactly, whatever was filled, corrected, split or quoted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, localcontext

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.execution import Fill
from core.domain.figures import FigureName, PartKind, PriceBasis, PriceUsed
from core.domain.money import Money, Price, Qty
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.book import PortfolioBook
from core.portfolio.lots import apply_fill
from core.portfolio.parts import Evidence, adds_up, take_apart
from core.portfolio.pnl import position_pnl
from core.portfolio.splits import Split, split_entries
from tests.builders import day_trades

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
WIDE = Context(prec=200, traps=[Inexact])
SYMBOLS = tuple(map(Symbol, ("AAPL", "MSFT", "XYZ")))
SECTORS = {"AAPL": "Information Technology", "MSFT": "Information Technology", "XYZ": ""}

quantities = st.one_of(
    st.integers(1, 500).map(Decimal), st.decimals(min_value="0.000000001", max_value=500, places=9)
)
prices = st.decimals(min_value="0.0001", max_value=1000, places=4)
fees = st.decimals(min_value=0, max_value=5, places=4)
ratios = st.sampled_from([(2, 1), (3, 1), (4, 1), (10, 1), (1, 2), (1, 10), (3, 2), (5, 4)])

steps = st.one_of(
    st.tuples(st.just("fill"), st.sampled_from(SYMBOLS), st.sampled_from(Side), quantities, prices, fees),
    st.tuples(st.just("quote"), st.sampled_from(SYMBOLS), prices),
    st.tuples(st.just("close"), st.sampled_from(SYMBOLS), prices),
    st.tuples(st.just("bust"), st.integers(0, 30)),
    st.tuples(st.just("correct"), st.integers(0, 30), quantities, prices),
    st.tuples(st.just("split"), st.sampled_from(SYMBOLS), ratios),
    st.tuples(st.just("new day")),
)


class World:
    """A book of positions, its evidence beside it, and the figures that are kept up with each step."""

    def __init__(self) -> None:
        self.positions = {}
        self.fills: list[Fill] = []
        self.closes = []
        self.today: list[Fill] = []
        self.last: dict[Symbol, PriceUsed] = {}
        self.prev: dict[Symbol, Decimal] = {}
        self.book = PortfolioBook()
        self.taken_back: set[str] = set()
        self.pnls = {}

    def do(self, step) -> None:
        kind, *rest = step
        getattr(self, f"do_{kind.replace(' ', '_')}")(*rest)

    def do_fill(self, symbol, side, qty, price, fee) -> None:
        name = f"E{len(self.fills)}"
        when = START + timedelta(seconds=len(self.fills))
        self.enter(Fill(ExecId(name), ClOrdId(name), symbol, side, Qty(qty), Price(price), Money(fee), when))

    def do_quote(self, symbol, price) -> None:
        self.last[symbol] = PriceUsed(symbol, Price(price), PriceBasis.LIVE, START, 1.0)
        self.value(symbol)

    def do_close(self, symbol, price) -> None:
        self.prev[symbol] = price
        self.value(symbol)

    def living(self, number) -> Fill | None:
        found = [f for f in self.fills if not f.corrects and f.exec_id not in self.taken_back]
        return found[number % len(found)] if found else None

    def do_bust(self, number) -> None:
        fill = self.living(number)
        if fill is not None and not fill.exec_id.startswith("split:"):
            self.taken_back.add(fill.exec_id)
            back = replace(
                fill, side=fill.side.opposite, fee=Money(-fill.fee), corrects=fill.exec_id,
                exec_id=ExecId(f"{fill.exec_id}:bust"),
            )  # fmt: skip
            self.enter(back)

    def do_correct(self, number, qty, price) -> None:
        fill = self.living(number)
        self.do_bust(number)
        if fill is not None:
            corrected = replace(fill, exec_id=ExecId(f"{fill.exec_id}:{len(self.fills)}"))
            self.enter(replace(corrected, last_qty=Qty(qty), last_px=Price(price)))

    def do_split(self, symbol, ratio) -> None:
        position = self.positions.get(symbol)
        if position is None or position.is_flat:
            return
        split = Split(symbol, *ratio)
        entries = split_entries(position, split, ClOrdId(f"split-{len(self.fills)}"))
        if entries is None:  # not exact: refused
            return
        cost, realised = position.cost, position.realised
        for entry in entries:
            self.enter(entry, of_today=False)
        after = self.positions[symbol]
        assert (after.cost, after.realised, after.fees) == (cost, realised, position.fees)
        assert after.qty * split.old == position.qty * split.new
        assert [lot.opened_at for lot in after.lots] == [lot.opened_at for lot in position.lots]

    def do_new_day(self) -> None:
        self.today.clear()
        for symbol in self.positions:
            self.value(symbol)

    def enter(self, fill: Fill, *, of_today: bool = True) -> None:
        position, closes = apply_fill(self.positions.get(fill.symbol), fill)
        self.positions[fill.symbol] = position
        self.fills.append(fill)
        self.closes.extend(closes)
        if of_today:
            self.today.append(fill)
        self.value(fill.symbol)

    def value(self, symbol) -> None:
        position = self.positions.get(symbol)
        if position is not None:
            today = day_trades([fill for fill in self.today if fill.symbol == symbol])
            pnl = position_pnl(position, self.last.get(symbol), self.prev.get(symbol), today)
            self.pnls[symbol] = pnl
            self.book.put(pnl, SECTORS[symbol])

    def evidence(self, confirmed, since) -> Evidence:
        lots = tuple(lot for position in self.positions.values() for lot in position.lots)
        return Evidence(
            lots, tuple(self.closes), tuple(self.fills), tuple(self.today), self.last, self.prev,
            confirmed, since,
        )  # fmt: skip


def worlds(history) -> World:
    world = World()
    for step in history:
        world.do(step)
    return world


@settings(max_examples=150)
@given(st.lists(steps, max_size=30), st.one_of(st.none(), prices), prices)
def test_every_figure_is_the_sum_of_its_parts(history, confirmed, since):
    world = worlds(history)
    evidence = world.evidence(confirmed, since if confirmed is not None else Decimal(0))

    with localcontext(WIDE):
        found = world.book.figures(None if confirmed is None else confirmed + since)
        for figure in (*found.totals, *found.weights, *found.sectors):
            in_sector = [symbol for symbol, sector in SECTORS.items() if sector == figure.of]
            proof = take_apart(figure, evidence, in_sector)

            assert proof.holds
            assert sum(part.amount for part in proof.parts) == figure.known
            assert all(map(adds_up, proof.parts))
            assert (figure.value is None) == bool(figure.without_price or not figure.has_cash)


@settings(max_examples=100)
@given(st.lists(steps, max_size=30))
def test_figures_meet_one_another(history):
    found = worlds(history).book.figures(Decimal("100000.01"))
    known = {figure.name: figure.known for figure in found.totals}

    with localcontext(WIDE):
        assert known[FigureName.EQUITY] == known[FigureName.CASH] + known.get(FigureName.NET, 0)
        if FigureName.NET in known:
            assert known[FigureName.NET] == known[FigureName.LONG] + known[FigureName.SHORT]
            assert known[FigureName.GROSS] == known[FigureName.LONG] - known[FigureName.SHORT]
            assert known[FigureName.GROSS] == sum(figure.known for figure in found.sectors)
            assert known[FigureName.NET] == sum(figure.known for figure in found.weights)
            assert known[FigureName.HHI] == sum(figure.known**2 for figure in found.weights)


@settings(max_examples=100)
@given(st.lists(steps, max_size=30))
def test_figures_kept_up_are_those_of_a_book_that_begins_now(history):
    world = worlds(history)
    anew = PortfolioBook()
    for symbol, pnl in world.pnls.items():
        anew.put(pnl, SECTORS[symbol])

    assert anew.figures(Decimal(1)) == world.book.figures(Decimal(1))


@settings(max_examples=100)
@given(st.lists(steps, min_size=1, max_size=30), st.integers(0, 200))
def test_figure_with_other_evidence_does_not_hold(history, number):
    world = worlds(history)
    evidence = world.evidence(Decimal(1), Decimal(0))
    figures = world.book.figures(Decimal(1)).totals
    figure = figures[number % len(figures)]
    parts = [p for p in take_apart(figure, evidence).parts if p.kind is not PartKind.CASH and p.amount]

    without_lots = replace(evidence, lots=(), closes=(), fills=(), day_fills=(), confirmed=Decimal(2))

    with localcontext(WIDE):
        lost = sum(part.amount for part in parts)
        of_cash = figure.name in (FigureName.EQUITY, FigureName.CASH)
        assert take_apart(figure, without_lots).holds == (lost == (1 if of_cash else 0))


def test_figure_whose_price_is_gone_does_not_hold():
    world = worlds([("fill", SYMBOLS[0], Side.BUY, 5, 10, 0), ("quote", SYMBOLS[0], Decimal(11))])
    figure = world.book.figures(None).get(FigureName.NET)

    assert take_apart(figure, world.evidence(None, Decimal(0))).holds
    assert not take_apart(figure, replace(world.evidence(None, Decimal(0)), prices={})).holds
