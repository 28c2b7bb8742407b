"""What the desk's rooms record and say of backups, drift, moved money, closes and reports, beside a file.

These are the parts that work by themselves: nobody asks, so what they write is all that a person has of them.
After a change that is meant: `make golden`.
"""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from core.domain import messages as m
from core.domain.market import MarketSession, SessionPhase
from core.domain.money import ZERO, Money, Price, Qty
from core.domain.outcomes import CashFlow
from core.domain.parameters import ParameterEdit, Scope
from core.domain.portfolio import BrokerPosition, ShareMove
from core.domain.terms import NewOrderSingle, Side
from core.errors import BrokerRejected, BrokerUnavailable, InvestIQError, StorageUnwritable, Unreadable
from core.failpoints import arm, disarm_all
from core.ids import Symbol
from core.orders.backups import BackupRoom
from core.orders.closing import Close
from core.orders.supervision import Means
from core.ports.backups import Going
from tests.builders import AAPL
from tests.fakes.breaker_rig import acknowledge, fall, lose, settled
from tests.fakes.market import CLOSES, MSFT, OPENS
from tests.fakes.record import Asked, RecordedRig, brief, lay_beside, recorded, transcript
from tests.fakes.rig import EVERY_RULE, draft

FILE = Path(__file__).with_name("rooms_record.txt")
RESTING = "99.90"
# A wait that is over while the disk still works begins anew half a second later.
BY_CHANCE = re.compile(r"\b(began|ended|taken_at) -?[\d.]+ s")
LONG = 900


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[RecordedRig]:
    async with recorded(tmp_path) as made:
        yield made


class Kept:
    """Backups that are made in no time, fail, or are stopped at a step, as a test says."""

    def __init__(self) -> None:
        self.made: list[datetime] = []
        self.error: InvestIQError | None = None
        self.at: dict[m.BackupStage, Callable[[], object]] = {}

    def make(self, now: datetime, going: Going) -> m.BackupFacts:
        for stage in m.BackupStage:
            self.at.get(stage, lambda: None)()
            going(stage)
            going(stage)  # it is told often
        if self.error is not None:
            raise self.error
        self.made.append(now)
        older = tuple(f"{each:%H%M}.zip" for each in self.made[:-2])
        return m.BackupFacts(f"{now:%d-%H%M}.zip", 1_234, 7, "DIGEST", older)

    def moments(self) -> tuple[datetime, ...]:
        return tuple(self.made)


class Room:
    """A room for backups on a core, and what it has answered."""

    def __init__(self, rig: RecordedRig) -> None:
        self.rig, self.kept, self.said = rig, Kept(), list[str]()
        self._loop = asyncio.get_running_loop()
        self._means = Means(rig.clock, rig.core.bus, rig.core.tasks, Random(1))
        self.room = self.of(self.kept)

    def of(self, kept: Kept | None) -> BackupRoom:
        return BackupRoom(kept, "demo", self.rig.core.journal, self.rig.core.desk_actor, self._means)

    def age(self) -> None:
        self.said.append(f"age {[each.value for each in self.room.instruments[0].family().samples]}")

    async def look(self, seconds: float = 0) -> None:
        self.rig.clock.turn(seconds)
        await self.room.look()
        self.age()

    async def by_hand(self, user: str = "kim") -> None:
        try:
            made = await self.room.make(m.MakeBackup(), replace(self.rig.actor("admin"), user=user))
        except InvestIQError as error:
            self.said.append(f"{type(error).__name__}: {error}")
        else:
            self.said.append(f"made {made}")

    async def stop(self) -> None:
        stopped = await self.room.stop(m.StopBackup(), replace(self.rig.actor("admin"), user="sam"))
        self.said.append(f"stopped {stopped}")

    async def twice(self) -> None:
        await self.by_hand("eve")
        await self.room.look()

    def meanwhile(self, stage: m.BackupStage, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Have something done on the loop while the backup waits at a step, on its thread."""

        def wait() -> None:
            is_done = threading.Event()

            def begin() -> None:
                self.rig.core.tasks.spawn(work(), "meanwhile").add_done_callback(lambda _: is_done.set())

            self._loop.call_soon_threadsafe(begin)
            assert is_done.wait(30)

        self.kept.at = {stage: wait}


async def test_backups_that_are_made_and_fail_are_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, room = rig.clock.now(), Room(rig)
    room.age()
    for seconds in (0, 0, 86_399, 1):
        await room.look(seconds)
    rig.clock.turn(1)
    await room.by_hand()
    room.kept.error = StorageUnwritable("the disk is full")
    for _ in range(2):
        await room.by_hand()
    for seconds in (86_400, 0, 0):
        await room.look(seconds)
    await room.by_hand()
    room.kept.error = None
    await room.by_hand()
    room.kept.error = StorageUnwritable("the disk is full again")
    await room.look(86_400)
    room.kept.error = None
    room.kept.made.append(rig.clock.now() + timedelta(seconds=1))
    await room.look()
    away = room.of(None)
    await away.run()
    await away.look()
    with pytest.raises(InvestIQError) as refused:
        await away.make(m.MakeBackup(), rig.actor("admin"))
    await rig.quiet()

    moments = [brief(each, begun) for each in room.kept.made]
    said = await transcript(rig, begun, *room.said, str(refused.value), *moments)
    lay_beside(request, FILE, "backups", said)


async def test_backups_that_are_stopped_are_recorded_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, room = rig.clock.now(), Room(rig)
    room.meanwhile(m.BackupStage.WRITING, room.stop)
    await room.by_hand()
    await room.look()
    room.meanwhile(m.BackupStage.CHECKING, room.twice)
    await room.by_hand()
    await room.stop()
    await rig.quiet()

    lay_beside(request, FILE, "stopped", await transcript(rig, begun, *room.said))


class Elsewhere:
    """What the broker says of positions, moves and cash, where that is not what it holds."""

    def __init__(self, rig: RecordedRig) -> None:
        self.rig = rig
        self.held: list[BrokerPosition] = []
        self.moved: list[ShareMove] = []
        self.more = ZERO
        broker = rig.market.broker
        self._account = broker.account
        broker.positions, broker.share_moves = self.positions, self.share_moves
        broker.account = self.account

    def holds(self, **shares: tuple[str, str]) -> None:
        self.held = [BrokerPosition(Symbol(of), Qty(qty), Price(px)) for of, (qty, px) in shares.items()]

    async def positions(self) -> tuple[BrokerPosition, ...]:
        return tuple(self.held)

    async def share_moves(self, since: datetime) -> tuple[ShareMove, ...]:
        return tuple(self.moved)

    async def account(self) -> object:
        found = await self._account()
        return replace(found, cash=Money(found.cash + self.more))

    async def compare(self, times: int = 3) -> None:
        for _ in range(times):
            self.rig.clock.turn(15)
            await self.rig.do(m.Reconcile())


def holdings(rig: RecordedRig) -> list[str]:
    book = rig.core.state.positions
    lines = [f"holds {each.symbol} {each.qty} for {each.cost:f}, {each.realised:f}" for each in book.all()]
    return sorted(lines)


async def test_positions_and_cash_that_differ_are_told_and_taken_over_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, broker, said = rig.clock.now(), Elsewhere(rig), list[str]()
    broker.holds(AAPL=("20", "100.02"))
    await rig.submit(draft(qty=20))

    async def compared(times: int = 3) -> None:
        await broker.compare(times)
        said.extend(holdings(rig))
        said.append(f"account {rig.core.state.account.cash}, drift {rig.core.state.account.drift}")

    await compared(1)
    broker.holds(AAPL=("15", "100.02"), MSFT=("5", "300.00"))  # as where a symbol has changed
    await compared()
    broker.holds(AAPL=("45", "33.34"), MSFT=("5", "300.00"))  # a split
    await compared()
    broker.moved = [
        ShareMove("M-1", AAPL, Decimal(-45), OPENS.date(), "AAPL became MSFT"),
        ShareMove("M-2", MSFT, Decimal(45), OPENS.date(), "AAPL became MSFT"),
        ShareMove("M-3", MSFT, Decimal(-1), OPENS.date(), "a spin-off"),
    ]
    broker.holds(MSFT=("49", "60.00"))
    await compared(2)
    broker.holds(MSFT=("49.5", "60.00"))
    await compared(2)
    broker.more = Decimal("-0.01")
    await compared(3)
    broker.holds(MSFT=("-2", "60.00"))
    broker.more = Decimal("12.34")
    await compared()
    broker.holds()
    await compared()

    lay_beside(request, FILE, "drift", await transcript(rig, begun, *said, longest=LONG))


async def test_a_position_is_left_alone_while_something_is_on_its_way_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    begun, broker, said = rig.clock.now(), Elsewhere(rig), list[str]()
    state, rooms = rig.core.state, rig.core.reconciler.holdings
    broker.holds(AAPL=("7", "100.00"))
    resting = await rig.submit(draft(price=RESTING))
    for waiting in (state.in_flight, None):
        if waiting is not None:
            waiting.add(resting.cl_ord_id)
        await broker.compare()
        said.extend(holdings(rig))
        if waiting is not None:
            waiting.discard(resting.cl_ord_id)
    said.append(f"positions at {state.positions_at}, epoch {state.account.epoch}")

    async def unreadable() -> None:
        raise Unreadable("no number")

    for name in ("positions", "account"):
        usual = getattr(rig.market.broker, name)
        setattr(rig.market.broker, name, unreadable)
        with pytest.raises(Unreadable):
            await rooms.watch_account()
        said.append(f"garbled {state.garbled}")
        setattr(rig.market.broker, name, usual)
        await rooms.watch_account()
        said.append(f"garbled {state.garbled}")

    async def down() -> None:
        raise BrokerUnavailable("not now")

    expected_log("account.unanswered")
    usual, rig.market.broker.account = rig.market.broker.account, down
    rooms.want_account()
    rooms.want_account()
    await rig.quiet()
    rig.market.broker.account = usual

    lay_beside(request, FILE, "waiting", await transcript(rig, begun, *said, longest=LONG))


def flow(name: str, kind: str, amount: str, at: datetime = OPENS) -> CashFlow:
    return CashFlow(name, kind, kind in ("deposit", "withdrawal"), Money(amount), "", at)


class Moves:
    """What the broker tells of moved money, and how the cash moves with it or without."""

    def __init__(self, rig: RecordedRig) -> None:
        self.rig, self.said, self.begun = rig, list[str](), rig.clock.now()
        self.is_down = False
        broker = rig.market.broker
        self._flows, self._account = broker.cash_flows, broker.account
        self._told: list[CashFlow] = []
        self._cash = ZERO
        broker.cash_flows, broker.account = self.flows, self.account

    async def flows(self, since: datetime) -> tuple[CashFlow, ...]:
        self.said.append(f"asked since {since:%Y-%m-%d %H:%M}")
        if self.is_down:
            raise BrokerUnavailable("not now")
        return (*(await self._flows(since)), *self._told)

    async def account(self) -> object:
        found = await self._account()
        return replace(found, cash=Money(found.cash + self._cash))

    async def look(self, words: str, *told: CashFlow, cash: str = "0", seconds: float = 14) -> None:
        self._told.extend(told)
        self._cash += Decimal(cash)
        await self.rig.wait(seconds, 0.5)
        state = self.rig.core.state
        # To the second when is for the threads to say.
        peak = "none" if state.peak is None else f"{state.peak.equity:f} by {state.peak.reason}"
        self.said.append(
            f"{words}: day {state.day_flows}, drift {state.account.drift}, equity {state.equity}, peak {peak}"
        )


async def test_money_that_moves_without_a_trade_is_booked_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, expected_log
) -> None:
    expected_log("cash_flows.unanswered")
    moves = Moves(rig)
    look = moves.look
    await look("nothing", seconds=70)
    await look("dividend", flow("D-1", "dividend", "12.50"), cash="12.50")
    await look("deposit", flow("D-2", "deposit", "1000"), cash="1000")
    await look("two", flow("D-3", "deposit", "300"), flow("D-4", "fee", "-1"), cash="299")
    await look("unexplained", cash="50", seconds=80)
    await look("told late", flow("D-5", "deposit", "50", OPENS - timedelta(days=1)), seconds=80)
    await look("no cash for it", flow("D-6", "deposit", "77"), seconds=80)
    await look("of tomorrow", flow("D-7", "withdrawal", "-20", OPENS + timedelta(days=1)), seconds=80)
    await look("withdrawal", flow("D-8", "withdrawal", "-500"), cash="-500")
    moves.is_down = True
    await look("down", seconds=90)
    moves.is_down = False
    await look("all of it", flow("D-9", "withdrawal", "-200000"), cash="-200000", seconds=20)
    stored = await rig.store.read(lambda reader: reader.cash_flows(100))

    moves.said.extend(f"stored {each.activity_id} {each.kind} {each.amount:f}" for each in stored)
    said = await transcript(rig, moves.begun, *moves.said, longest=LONG)
    lay_beside(request, FILE, "flows", said)


class Days:
    """Market days that end while the program looks on, and the reports of them."""

    def __init__(self, rig: RecordedRig, folder: Path) -> None:
        self.rig, self.folder, self.ask = rig, folder, Asked(rig)
        self._usual = rig.market.broker.submit

    def turn_to(self, now: datetime, phase: SessionPhase, day: int) -> None:
        shift = timedelta(days=day)
        session = MarketSession(now + shift, phase, OPENS + shift, CLOSES + shift)
        self.rig.market.session = lambda: session

    async def ring(self, day: int, seconds: float = 7, *, refresh: bool = True) -> None:
        self.turn_to(CLOSES - timedelta(seconds=1), SessionPhase.REGULAR, day)
        await self.rig.wait(1, 0.5, refresh=refresh)
        self.turn_to(CLOSES + timedelta(seconds=1), SessionPhase.POST, day)
        await self.rig.wait(seconds, 0.5, refresh=refresh)

    async def report(self, of: date | None = None) -> None:
        files = await self.ask(m.ExportDailyReport(self.folder, of))
        assert isinstance(files, tuple)
        for each in files:
            self.ask.answers.extend((f"file {each.name}", *each.read_text().splitlines()))

    async def reject(self, order: NewOrderSingle) -> None:
        raise BrokerRejected("not today")

    async def late(self, order: NewOrderSingle) -> object:
        self.rig.market.quote("100.48", "100.50")
        return await self._usual(order)

    async def trade(self) -> None:
        """Have orders filled, cancelled, rejected and refused, and a breaker trip."""
        rig, broker = self.rig, self.rig.market.broker
        resting = await rig.submit(draft(price=RESTING))
        await self.ask(m.CancelOrder(resting.cl_ord_id))
        broker.submit = self.reject
        await rig.submit(draft(qty=3))
        broker.submit = self.late
        await rig.submit(draft(qty=10))
        broker.submit = self._usual
        rig.market.quote("100.00", "100.02")
        for qty in (30_000, 40_000):
            await self.ask(m.SubmitOrder(draft(qty=qty), rig.key(), EVERY_RULE))
        await rig.submit(draft(qty=110))  # dear enough to be asked about
        await rig.submit(draft(qty=20, symbol=MSFT))
        await rig.submit(draft(Side.SELL, 5, stop="90.00"))
        await lose(rig, 3)
        for each in rig.core.state.tripped:
            await acknowledge(rig, each.name, each.source)
        await fall(rig, "103.00")


async def test_closes_and_reports_of_days_are_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest, tmp_path: Path, expected_log
) -> None:
    def full() -> None:
        raise StorageUnwritable("the disk is full")

    expected_log("close.unwritten")
    begun, days = rig.clock.now(), Days(rig, tmp_path)
    await days.trade()
    await days.report()
    rig.market.exchange.cashier.move_cash(Money(500))
    await settled(rig)
    await days.ring(0)
    await days.report(OPENS.date())
    await rig.core.portfolio._closing.record(Close(OPENS.date(), Decimal(1), Decimal(1)))
    await rig.wait(30, 0.5)
    arm("uow.insert_snapshot", full)
    rig.market.show(AAPL, last=Price("104.00"))
    await days.ring(1)
    disarm_all()
    await rig.wait(40, 1)
    rig.core.state.quotes._quotes.pop(MSFT)
    rig.core.valuation._all_changed()
    await days.ring(2, 75, refresh=False)
    rig.market.refresh()
    await rig.wait(1, 0.5, refresh=False)
    rig.market.show(AAPL)  # so that it is marked last
    await rig.wait(1, 0.5, refresh=False)
    for day in (1, 2):
        await days.report(OPENS.date() + timedelta(days=day))
    closes = await rig.store.read(lambda reader: reader.snapshots(100))

    kept = [f"kept {brief(each, begun)}" for each in (*closes, rig.core.state.peak)]
    said = await transcript(rig, begun, *days.ask.answers, *kept, longest=LONG)
    lay_beside(request, FILE, "closes", [BY_CHANCE.sub(r"\1 T", line) for line in said])


async def test_what_the_fills_of_a_position_lack_of_stops_is_told_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    begun, said = rig.clock.now(), list[str]()
    await rig.submit(draft(qty=150))
    await rig.submit(draft(Side.SELL, 50, stop="90.00"))
    await rig.submit(draft(qty=10))
    await rig.submit(draft(Side.SELL, 10))
    await rig.submit(draft(Side.SELL, 100, stop="91.00"))
    await rig.submit(draft(qty=10))
    await rig.submit(draft(qty=5))
    rig.core.protection.is_wanted = False
    await rig.submit(draft(qty=5))
    said.extend(holdings(rig))

    lay_beside(request, FILE, "cover", await transcript(rig, begun, *said, longest=LONG))


async def test_parameters_that_loosen_wait_and_hold_as_in_the_file(
    rig: RecordedRig, request: pytest.FixtureRequest
) -> None:
    def full() -> None:
        raise StorageUnwritable("the disk is full")

    begun, ask, said = rig.clock.now(), Asked(rig), list[str]()
    state = rig.core.state

    async def edit(scope: Scope, name: str, value: str, seconds: float) -> None:
        await ask(m.SetRiskParameters((ParameterEdit(scope, name, value),), "bolder"), "admin")
        await rig.wait(seconds, 0.5)
        limits = [(each.position_pct, each.gross_pct) for each in (state.limits, state.agent_limits)]
        view = await rig.do(m.LoadRisk())
        waiting = [f"{each.name} {each.after} at {brief(each.effective_at, begun)}" for each in view.pending]
        said.append(f"{brief(limits, begun)}: {brief(waiting, begun)}")

    await edit(Scope.ALL, "position_pct", "40", 30)
    await edit(Scope.ALL, "gross_pct", "150", 31)
    await edit(Scope.AGENT, "position_pct", "35", 31)
    await edit(Scope.ALL, "position_pct", "30", 20)
    arm("uow.append_audit", full)
    await rig.wait(45, 0.5)
    disarm_all()
    await edit(Scope.ALL, "gross_pct", "140", 30)
    history = (await rig.do(m.LoadRisk())).history
    said.extend(f"history {brief(each, begun)}" for each in history)

    said = await transcript(rig, begun, *ask.answers, *said)
    lay_beside(request, FILE, "loosened", [line for line in said if not line.startswith("event Reconciled")])
