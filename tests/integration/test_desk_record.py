"""What the risk desk records, publishes and answers of a day with every kind of trouble, beside a file.

A person decides by these words, and they are what is left when there is a dispute. After a change that is
meant: `make golden`.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain import messages as m
from core.domain.access import Actor, Origin
from core.domain.breakers import BreakerName
from core.domain.money import Money
from core.domain.parameters import ParameterEdit, RadarAxis, Scope
from core.domain.records import Watchlist
from core.domain.terms import Contingency, OrdType, Side
from core.errors import Refused, StorageUnwritable
from core.failpoints import arm, disarm_all
from core.ids import ClOrdId, Symbol
from core.orders.scan import MOST_SYMBOLS
from tests import builders
from tests.builders import AAPL
from tests.fakes.breaker_rig import SHARES, fall, lose, settled
from tests.fakes.market import MSFT
from tests.fakes.record import Asked, RecordedRig, lay_beside, recorded, transcript
from tests.fakes.rig import EVERY_RULE, draft

FILE = Path(__file__).with_name("desk_record.txt")
RESTING = "99.90"
LONG = 900
AGENT = Actor("momentum", "trader", Origin.AGENT, "s-1")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[RecordedRig]:
    async with recorded(tmp_path) as made:
        yield made


async def test_what_a_person_asks_of_the_desk_is_answered_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask = rig.clock.now(), Asked(rig)
    first = (await ask(m.SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))).order.cl_ord_id
    key = rig.key()
    await ask(m.SubmitOrder(draft(qty=3), key, EVERY_RULE))
    await ask(m.SubmitOrder(draft(qty=3), key, EVERY_RULE))
    await ask(m.SubmitOrder(draft(qty=4), key, EVERY_RULE))
    for odd in (
        draft(qty="many"), draft(qty="0"), draft(qty="1.5"), draft(price="99.999"), draft(price="-1"),
        draft(symbol="NONE"), draft(qty=10**6, price="100"), replace(draft(), ord_type=OrdType.LIMIT),
        replace(draft(), price="99"), draft(price="150.00"), draft(Side.SELL, 5, "50.00"),
    ):  # fmt: skip
        await ask(m.SubmitOrder(odd, rig.key(), EVERY_RULE))
    await ask(m.SubmitOrder(draft(qty=200, price=RESTING), rig.key()))
    await ask(m.SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE), "viewer")
    for name in (first, ClOrdId("IQ-none")):
        await ask(m.ReplaceOrder(name, rig.key(), "-3", "", "", EVERY_RULE))
        await ask(m.CheckOrder(name))
        await ask(m.ResendOrder(name))
        await ask(m.GiveUpOrder(name))
        await ask(m.ExplainOrder(name))
        await ask(m.CancelOrder(name))
        await ask(m.CancelOrder(name))
        await ask(m.ReplaceOrder(name, rig.key(), "3", "99.80", "", EVERY_RULE))
    await ask(m.ClosePosition(MSFT, rig.key(), EVERY_RULE))
    await ask(m.ClosePosition(Symbol("NONE"), rig.key(), EVERY_RULE))
    await ask(m.ExplainPosition(Symbol("NONE")))
    await ask(m.SizeOrder(draft(price="100.00"), risk_pct="x", stop_px="95"))
    await ask(m.SizeOrder(draft(price="100.00"), risk_pct="1", stop_px="105"))
    await ask(m.SizeOrder(draft(price="100.00"), risk="100"))
    await ask(m.SizeOrder(draft(price="100.00"), risk="100", stop_px="95"))
    await ask(m.LoadRadar(Symbol("NONE")))
    await ask(m.ScanMovers(()))
    await ask(m.ClosePosition(AAPL, rig.key(), EVERY_RULE))

    lay_beside(request, FILE, "asked", await transcript(rig, begun, *ask.answers, longest=LONG))


async def test_what_an_admin_changes_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask = rig.clock.now(), Asked(rig)
    for scope, name, value in (
        (Scope.ALL, "position_pct", "10"), (Scope.ALL, "position_pct", "20"),
        (Scope.AGENT, "position_pct", "-1"), (Scope.ALL, "none", "1"),
        (Scope.ALL, "daily_loss_pct", "nan"), (Scope.ALL, "daily_loss_pct", "150"),
        (Scope.ALL, "daily_loss_pct", "2"), (Scope.AGENT, "daily_loss_pct", "1"),
        (Scope.ALL, "per_day", "10"), (Scope.ALL, "per_day", "0"),
    ):  # fmt: skip
        await ask(m.SetRiskParameters((ParameterEdit(scope, name, value),), "calmer"), "admin")
    await ask(m.SetRiskParameters((ParameterEdit(Scope.ALL, "per_day", "9"),), " "), "admin")
    await ask(m.SetRiskParameters((), "calmer"), "admin")
    for value in ("20", "x", "-1", "101"):
        await ask(m.UpdateTargetProfile(((RadarAxis.MARKET, value),), "calmer"), "admin")
    await ask(m.UpdateTargetProfile(((RadarAxis.EVENT, "30"),), ""), "admin")
    await ask(m.UpdateTargetProfile(((RadarAxis.EVENT, "30"),), "x"), "trader")
    for _ in range(2):
        await ask(m.HaltTrading("enough"))
    await ask(m.HaltTrading(""))
    await ask(m.SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))
    await ask(m.ResumeTrading(""), "admin")
    for _ in range(2):
        await ask(m.ResumeTrading("calm again"), "admin")
    await ask(m.AcknowledgeBreaker(BreakerName.DAILY_LOSS, "", "looked into"), "admin")
    await ask(m.SaveWatchlist(Watchlist("Tech", (AAPL,))))
    for name in ("Tech", "none"):
        await ask(m.RemoveWatchlist(name))
    for count in (MOST_SYMBOLS, MOST_SYMBOLS + 1):
        await ask(m.ScanMovers(tuple(Symbol(f"S{number}") for number in range(count))))
    await ask(m.SetConfirmAlways(True), "admin")
    await ask(m.SubmitOrder(draft(qty=2, price=RESTING), rig.key(), EVERY_RULE), seconds=31, step=8)
    await ask(m.Reconcile())

    lay_beside(request, FILE, "admin", await transcript(rig, begun, *ask.answers, longest=LONG))


async def test_what_trips_and_who_clears_it_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask = rig.clock.now(), Asked(rig)
    rig.market.exchange.cashier.move_cash(Money(10_000))
    await settled(rig)
    await rig.submit(draft(qty=SHARES))
    await rig.submit(draft(price="99.00", symbol=MSFT))
    await fall(rig, "82.00")
    await fall(rig, "72.00")
    await ask(m.ResumeTrading("too soon"), "admin")
    await ask(m.SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))
    for name in (BreakerName.AGENT_LOSS, BreakerName.DAILY_LOSS, BreakerName.DRAWDOWN):
        await ask(m.AcknowledgeBreaker(name, "", ""), "admin")
        await ask(m.AcknowledgeBreaker(name, "", "looked into"), "trader")
        await ask(m.AcknowledgeBreaker(name, "", "looked into"), "admin")
    await fall(rig, "100.00")
    await ask(m.ResumeTrading("calm again"), "admin")
    await ask(m.ClosePosition(AAPL, rig.key(), EVERY_RULE))
    await lose(rig, 6)
    rig.market.exchange.cashier.move_cash(Money(-5_000))
    await settled(rig)

    lay_beside(request, FILE, "tripped", await transcript(rig, begun, *ask.answers, longest=LONG))


async def test_what_the_kill_switch_ends_and_names_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask = rig.clock.now(), Asked(rig)
    await rig.submit(draft(qty=20))
    await rig.submit(draft(qty=20, symbol=MSFT))
    await rig.submit(draft(price=RESTING))
    await rig.submit(draft(Side.SELL, 5, "110.00"))
    rig.market.exchange.place_external(builders.terms(qty=30, price="99.80"))
    await rig.quiet()
    await ask(m.KillTrading(""))
    await ask(m.KillTrading("enough", flatten=True), seconds=70)
    await ask(m.KillTrading("once more"), seconds=70)

    lay_beside(request, FILE, "killed", await transcript(rig, begun, *ask.answers, longest=LONG))


async def test_what_becomes_of_proposals_is_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask, state = rig.clock.now(), Asked(rig), rig.core.state
    await ask(m.ProposeOrder(draft(qty=2), "momentum", "it rises"), AGENT)
    state.agent_limits = replace(state.agent_limits, allowed=frozenset({AAPL, MSFT}))
    for each in (draft(qty="x"), draft(qty=2, price="150"), draft(qty=10**5, price="100")):
        await ask(m.ProposeOrder(each, "momentum", "it rises"), AGENT)
    await ask(m.ProposeOrder(draft(qty=2), "", ""), AGENT)
    made = [await ask(m.ProposeOrder(draft(qty=2 + n), "momentum", "it rises"), AGENT) for n in range(3)]
    ids = [each.proposal_id for each in made if each is not None]
    for each in ids[:2]:
        await ask(m.ReviewProposal(each, each != ids[0], ""))
        await ask(m.ReviewProposal(each, each != ids[0], "seen"))
        await ask(m.ReviewProposal(each, True, "again"))
    await ask(m.ReviewProposal("none", True, "seen"))
    await ask(m.SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE), AGENT)
    await rig.wait(1000, 20)
    for each in ids[2:]:
        await ask(m.ReviewProposal(each, True, "late"))

    lay_beside(request, FILE, "proposed", await transcript(rig, begun, *ask.answers, longest=LONG))


async def test_what_a_person_looks_at_is_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, ask = rig.clock.now(), Asked(rig, shows=True)
    await rig.submit(draft(qty=20))
    await rig.submit(draft(qty=30, symbol=MSFT))
    await rig.submit(draft(Side.SELL, 5, stop="90.00"))
    mine = await rig.submit(draft(qty=10, price=RESTING))
    bracket = replace(draft(qty=4), contingency=Contingency.BRACKET, take_profit="110.00", stop_loss="95.00")
    await rig.submit(bracket)
    with pytest.raises(Refused):
        await rig.submit(draft(qty=30_000))
    await rig.submit(draft(qty=110))  # dear enough to be asked about
    state = rig.core.state
    usual = state.agent_limits
    state.agent_limits = replace(state.limits, allowed=frozenset({AAPL, MSFT}))
    for qty in (2, 3):
        wish = m.ProposeOrder(draft(qty=qty, price=RESTING), "momentum", f"it rises by {qty}")
        proposal = await rig.core.desk.execute(wish, AGENT)
        await rig.do(m.ReviewProposal(proposal.proposal_id, True, "agreed"))
    state.agent_limits = replace(usual, allowed=frozenset({AAPL, MSFT}))
    await lose(rig, 2)
    rig.market.exchange.cashier.move_cash(Money(5_000))
    await settled(rig)
    rig.events.clear()
    await ask(m.PreviewOrder(draft(qty=150, price="99.00")))
    await ask(m.PreviewOrder(draft(Side.SELL, 40)))
    await ask(m.PreviewOrder(draft(qty=12, price="99.70"), mine.cl_ord_id))
    await ask(m.ProposeOrder(draft(qty=20, price="99.70"), "momentum", "it rises"), AGENT)
    await ask(m.ExplainOrder(mine.cl_ord_id))
    await ask(m.SizeOrder(draft(price="100.00"), risk="100", stop_px="95"))
    await ask(m.SizeOrder(draft(price="100.00"), risk_pct="1", stop_px="99.50"))
    await ask(m.LoadRisk())
    await ask(m.LoadBreakers())
    await ask(m.LoadRadar())
    await ask(m.LoadRadar(AAPL))
    await ask(m.LoadPortfolio())
    await ask(m.ExplainPosition(AAPL))
    await ask(m.LoadDailyReport())
    await ask(m.Reconcile())

    lay_beside(request, FILE, "seen", await transcript(rig, begun, *ask.answers))


async def test_what_a_full_disk_keeps_from_the_book_is_told_and_noted_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    def refuse() -> None:
        raise StorageUnwritable("the disk is full")

    for words in (
        "audit.unwritable",
        "breaker.unwritable",
        "trading_state.unwritable",
    ):
        expected_log(words)
    begun, ask = rig.clock.now(), Asked(rig)
    await rig.submit(draft(qty=SHARES))
    arm("uow.append_audit", refuse)
    await ask(m.SubmitOrder(draft(qty=2), rig.key(), EVERY_RULE))
    await ask(m.SetRiskParameters((ParameterEdit(Scope.ALL, "position_pct", "10"),), "calmer"), "admin")
    await ask(m.UpdateTargetProfile(((RadarAxis.MARKET, "20"),), "calmer"), "admin")
    await ask(m.SetConfirmAlways(True), "admin")
    await ask(m.SaveWatchlist(Watchlist("Tech", (AAPL,))))
    await fall(rig, "72.00")
    await ask(m.HaltTrading("enough"))
    await ask(m.ResumeTrading("calm again"), "admin")
    disarm_all()
    await rig.wait(10, 1)

    noted = (rig.folder / "emergency.jsonl").read_text().splitlines()
    lay_beside(request, FILE, "unwritten", await transcript(rig, begun, *ask.answers, *noted))
