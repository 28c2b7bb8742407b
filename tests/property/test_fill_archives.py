"""Whatever was traded and archived: every figure is as before to the last digit, and no row is lost."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Context, Decimal, Inexact, localcontext
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.domain.execution import Fill
from core.domain.figures import FigureName, PartKind
from core.domain.limits import Limits
from core.domain.money import Money
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.gather import LiveState
from core.orders.recollection import recall
from core.orders.tally import Tally
from core.portfolio import retiring
from core.portfolio.book import PortfolioBook
from core.portfolio.carried import archived_parts
from core.portfolio.parts import Evidence, take_apart
from core.portfolio.pnl import NO_TRADES, position_pnl
from core.portfolio.splits import Split, split_entries
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from core.state.traded import Traded
from tests.fakes.fill_history import DESK, NOW, OLD, FillHistory, fill

WIDE = Context(prec=200, traps=[Inexact])
SYMBOLS = ("AAPL", "MSFT")
# An example takes a tenth of a second and more, so that shrinking one would take minutes.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
FIGURES = (FigureName.REALISED, FigureName.FEES, FigureName.TOTAL_PNL)

quantities = st.one_of(
    st.integers(1, 9).map(Decimal), st.decimals(min_value="0.000000001", max_value=9, places=9)
)
prices = st.decimals(min_value="0.0001", max_value=100, places=4)
fees = st.decimals(min_value=0, max_value=2, places=4)
steps = st.one_of(
    st.tuples(st.just("fill"), st.sampled_from(SYMBOLS), st.sampled_from(Side), quantities, prices, fees),
    st.tuples(st.just("flatten"), st.sampled_from(SYMBOLS), prices),
    st.tuples(st.just("more of an order"), st.integers(0, 20), quantities, prices),
    st.tuples(st.just("bust"), st.integers(0, 20)),
    st.tuples(st.just("split"), st.sampled_from(SYMBOLS), st.sampled_from([(2, 1), (1, 2), (3, 2)])),
)


class World:
    """A history that goes on by a day with each step."""

    def __init__(self, desk: FillHistory) -> None:
        self.desk = desk
        self.fills: list[Fill] = []
        self.gone: set[str] = set()

    @property
    def now(self):
        return OLD + timedelta(days=len(self.fills))

    async def do(self, kind: str, *values) -> None:
        await getattr(self, kind.replace(" ", "_"))(*values)

    async def enter(self, *fills: Fill) -> None:
        await self.desk.book(*fills)
        self.fills += fills

    async def fill(self, symbol, side, qty, price, fee) -> None:
        name = f"E{len(self.fills)}"
        await self.enter(fill(name, side, qty, price, self.now, symbol=symbol, fee=fee))

    async def flatten(self, symbol, price) -> None:
        held = self.desk.positions.get(symbol)
        if held is not None and not held.is_flat:
            await self.fill(symbol, Side.SELL if held.qty > 0 else Side.BUY, abs(held.qty), price, 0)

    def _living(self, number: int) -> Fill | None:
        found = [each for each in self.fills if not each.corrects and each.exec_id not in self.gone]
        found = [each for each in found if not each.cl_ord_id.startswith("split")]
        return found[number % len(found)] if found else None

    async def more_of_an_order(self, number, qty, price) -> None:
        like = self._living(number)
        if like is not None:
            name = f"E{len(self.fills)}"
            order, symbol = like.cl_ord_id, like.symbol
            await self.enter(fill(name, like.side, qty, price, self.now, order=order, symbol=symbol))

    async def bust(self, number) -> None:
        like = self._living(number)
        if like is not None:
            self.gone.add(like.exec_id)
            back = replace(
                like, side=like.side.opposite, fee=Money(-like.fee), corrects=like.exec_id,
                exec_id=ExecId(f"{like.exec_id}:bust"), transact_time=self.now,
            )  # fmt: skip
            await self.enter(back)

    async def split(self, symbol, ratio) -> None:
        held = self.desk.positions.get(symbol)
        if held is not None and not held.is_flat:
            order = ClOrdId(f"split-{len(self.fills)}")
            await self.enter(*(split_entries(held, Split(Symbol(symbol), *ratio), order) or ()))


async def figures(desk: FillHistory) -> dict[FigureName, tuple[Decimal, bool, frozenset[PartKind]]]:
    """Return each figure that is made of fills or closed pieces, whether its parts meet it, their kinds."""

    def query(reader):
        return reader.positions(), reader.lot_closes(), reader.fills(), archived_parts(reader)

    positions, closes, fills, archived = await desk.store.read(query)
    book = PortfolioBook()
    for each in positions:
        book.put(position_pnl(each, None, None, NO_TRADES))
    lots = tuple(lot for each in positions for lot in each.lots)
    evidence = Evidence(lots, closes, fills, archived=archived)
    found = {}
    for figure in book.figures(None).totals:
        if figure.name in FIGURES:
            with localcontext(WIDE):
                proof = take_apart(figure, evidence)
                total = sum((part.amount for part in proof.parts), Decimal(0))
                assert total == figure.known
            found[figure.name] = figure.known, proof.holds, frozenset(part.kind for part in proof.parts)
    return found


class NoFigures:
    """A valuation that nobody asks."""

    def restore(self, fills) -> None:
        self.fills = fills


async def tallied(desk: FillHistory) -> tuple[dict[ClOrdId, Decimal | None], set[ClOrdId], set[ClOrdId]]:
    """Start anew: shares of each order, the orders that miss some, and those with inferred ones."""
    clock = ManualClock()
    state = LiveState(QuoteBook(clock), OrderBook(), PositionBook(), AccountState(clock), {}, Limits())
    for order in await desk.store.read(lambda reader: reader.recent_orders(200)):
        state.orders.put(order)
    tally = Tally(state)
    await recall(desk.store, tally, NoFigures(), Traded())
    own = {order.cl_ord_id: tally.own(order) for order in state.orders.recent()}
    return own, tally.behind, tally.inferred


async def _archived_and_standing(desk: FillHistory):
    fills, closes = desk.rows()
    places = {("fill", row["id"]): row["exec_id"] for row in fills}
    places |= {(row["open_exec_id"], row["close_exec_id"]): row["realised"] for row in closes}
    for archive in await desk.store.read(lambda reader: reader.fill_archives()):
        held = desk.files.read(archive)
        new = {("fill", each.place): each.fill.exec_id for each in held.fills}
        pieces = (each.close for each in held.closes)
        new |= {(close.open_exec_id, close.close_exec_id): close.realised for close in pieces}
        assert not new.keys() & places.keys()
        places |= new
    return places


async def _tell(desk: FillHistory, history, cuts, mid_way: int) -> None:
    world = World(desk)
    for number, step in enumerate(history):
        if number == mid_way:
            await desk.run(world.now)  # and trading goes on
        await world.do(*step)
        if number == mid_way:
            await _hold(desk, world.now)
    for cut in sorted(cuts):
        await _hold(desk, OLD + timedelta(days=cut))


async def _hold(desk: FillHistory, before) -> None:
    rows = await _archived_and_standing(desk)
    shown = await figures(desk)
    positions = await desk.store.read(lambda reader: reader.positions())
    assert await desk.adds_up()
    orders = await tallied(desk)
    assert orders == ({name: order.cum_qty for name, order in desk.orders.items()}, set(), set())
    due = await desk.archiver.due(before)

    made = await desk.archiver.run(before, NOW, DESK)

    after = await figures(desk)
    assert sum(each.fills for each in due) == sum(each.fills for each in made)
    assert sum(len(each.closes) for each in due) == sum(each.closes for each in made)
    assert {name: value[:2] for name, value in after.items()} == {
        name: value[:2] for name, value in shown.items()
    }
    assert all(holds for _, holds, _ in after.values())
    assert await desk.store.read(lambda reader: reader.positions()) == positions
    assert await _archived_and_standing(desk) == rows
    assert await desk.adds_up()
    assert await tallied(desk) == orders
    report = await desk.check()
    assert (report.faults, report.absent) == ((), ())
    # Once more changes nothing more.
    standing = desk.rows()
    assert await desk.archiver.run(before, NOW, DESK) == ()
    assert desk.rows() == standing


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(
    history=st.lists(steps, min_size=1, max_size=25),
    cuts=st.lists(st.integers(0, 40), max_size=2),
    mid_way=st.integers(0, 25),
    most=st.integers(1, 12),
)
def test_figures_are_as_before_and_nothing_is_lost_whatever_is_archived(
    tmp_path_factory, history, cuts, mid_way, most
):
    folder: Path = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retiring, "MOST_ROWS", most)

        async def main() -> None:
            desk = FillHistory.begin(folder)
            try:
                await _tell(desk, history, cuts, mid_way)
            finally:
                await desk.store.close_async()

        asyncio.run(main())
