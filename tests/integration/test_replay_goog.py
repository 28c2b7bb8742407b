"""The main job on real input: real recorded bars as a live market, traded through the whole core."""

import pytest
from backtesting.test import GOOG

from app.wiring import Core, Outside, profile_facts
from core.adapters import simulator
from core.adapters.simulator import ExchangeSettings
from core.clock import ManualClock, settle
from core.domain import messages as m
from core.domain.access import Actor, Origin
from core.domain.market import Timeframe
from core.domain.risk import RuleCode
from core.domain.terms import OrderDraft, OrdStatus, OrdType, Side, TimeInForce
from core.errors import RefusalCode, Refused
from core.ids import CountedIds, IdempotencyKey, Symbol
from core.portfolio.provenance import readds
from core.storage import vault
from core.storage.store import open_store

SYMBOL = Symbol("GOOG")
PERSON = Actor("demo", "trader", Origin.WINDOW, "s")


class NobodyThere:
    async def ask(self, request):
        raise Refused(RefusalCode.NO_WINDOW, "nobody is there")


@pytest.fixture(scope="session")
def goog_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "GOOG.csv"
    GOOG.to_csv(path)
    return path


@pytest.fixture
async def replay(goog_csv, tmp_path):
    clock = ManualClock()
    store = open_store(tmp_path / "investiq.db", vault.create(tmp_path, None), create=True)
    market = simulator.replay(clock, tmp_path / "x.ledger", goog_csv, 60.0, ExchangeSettings(fsync=False))
    core = Core(
        Outside(
            store=store,
            broker=market.broker,
            feed=market.feed,
            confirmer=NobodyThere(),
            clock=clock,
            ids=CountedIds(),
            profile=profile_facts("replay", "demo", "trader", temporary=True),
            emergency=tmp_path / "emergency.jsonl",
            session="s",
        )
    )
    await market.start()
    await core.start()
    await until_ready(core, clock)
    yield core, clock
    await core.stop()
    await market.stop()
    await store.close_async()


async def until_ready(core, clock):
    for _ in range(200):
        if core.state.ready and core.state.session is not None and core.state.quotes.get(SYMBOL) is not None:
            return
        await core.outside.store.read(lambda reader: reader.audit_head())
        await clock.advance(0.05)
    raise AssertionError("the replay did not start")


async def quiet(core, clock, seconds):
    """Let the market move, and every report be booked."""
    for _ in range(int(seconds / 0.25)):
        await clock.advance(0.25)
        await core.outside.store.read(lambda reader: reader.audit_head())
        await settle()


def order(side, qty, kind=OrdType.MARKET, price=""):
    return OrderDraft("goog", side, kind, TimeInForce.DAY, qty, price)


async def test_replay_trades_at_recorded_prices_and_every_figure_readds(replay):
    core, clock = replay
    bar = GOOG.iloc[60]

    await core.desk.execute(m.SubmitOrder(order(Side.BUY, "30"), IdempotencyKey("a")), PERSON)
    await quiet(core, clock, 3)
    await core.desk.execute(m.SubmitOrder(order(Side.SELL, "10"), IdempotencyKey("b")), PERSON)
    await quiet(core, clock, 3)

    proof = await core.desk.execute(m.ExplainPosition(SYMBOL), PERSON)
    report = await core.desk.execute(m.VerifyAudit(), PERSON)
    assert proof.position.qty == 20
    assert readds(proof)
    assert all(bar.Low - 1 <= float(fill.last_px) <= bar.High + 1 for fill in proof.fills)
    assert core.valuation.mark_of(SYMBOL).total_pnl is not None
    assert not report.faults
    assert report.anchors == ("cl_ord_id",)


async def test_replay_history_is_the_first_sixty_recorded_days(replay):
    core, _ = replay

    bars = await core.desk.execute(m.LoadBars(SYMBOL, Timeframe.D1), PERSON)

    assert len(bars) >= 60
    assert float(bars[0].close) == pytest.approx(GOOG.iloc[0].Close, abs=0.005)


async def test_sale_of_more_than_held_is_refused_with_what_would_pass(replay):
    core, clock = replay
    large = frozenset({RuleCode.ORDER_NOTIONAL})
    await core.desk.execute(m.SubmitOrder(order(Side.BUY, "100"), IdempotencyKey("a"), large), PERSON)
    for _ in range(60):
        await quiet(core, clock, 1)
        if core.state.positions.qty(SYMBOL) == 100:
            break

    with pytest.raises(Refused) as refused:
        await core.desk.execute(m.SubmitOrder(order(Side.SELL, "101"), IdempotencyKey("b")), PERSON)

    held = core.state.positions.qty(SYMBOL)
    assert held == 100
    assert refused.value.code is RefusalCode.RISK
    assert refused.value.cause.nearest.order_qty == held
    assert core.state.orders.recent()[0].ord_status in (OrdStatus.FILLED, OrdStatus.PARTIALLY_FILLED)
