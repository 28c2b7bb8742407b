"""How the trading state moves: what is stricter at once, what is looser only when it is written."""

from collections.abc import Callable

import pytest

from core.clock import settle
from core.domain.access import Actor, Origin, TradingState
from core.domain.audit import AuditAction, AuditDraft
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import HaltTrading, Notice, ResumeTrading, Severity, TradingStateChanged
from core.domain.records import TradingStateRecord
from core.domain.risk import Unit
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.orders.trading_state import Change, TradingStateLatch
from tests.fakes.book import Managed, Step
from tests.guards import heard

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
KIM = Actor("kim", "admin", Origin.WINDOW, "s-1")
DESK = Actor("desk", "admin", Origin.DESK, "")
UNWRITTEN = [("trading_state.unwritable", {"reason": "the disk is full"})]


class Setup(Managed):
    def __init__(self) -> None:
        super().__init__()
        book: object = self.book
        self.latch = TradingStateLatch(self.state, book, self.clock, self.bus)  # type: ignore[arg-type]

    def stand(self, state: TradingState) -> TradingStateRecord:
        """Begin in a state, a while ago."""
        before = TradingStateRecord(state, "before", "lee", self.clock.now())
        self.latch.restore(before)
        self.clock.turn(9)
        return before

    def at(self, state: TradingState, reason: str, user: str = "kim") -> TradingStateRecord:
        return TradingStateRecord(state, reason, user, self.clock.now())

    def trip(self, *names: BreakerName) -> None:
        now, tripped = self.clock.now(), BreakerState.TRIPPED
        self.state.tripped = tuple(
            BreakerRecord(each, tripped, "", f"{each.value}!", None, None, Unit.COUNT, "", "", "", now)
            for each in names
        )


@pytest.fixture
def setup() -> Setup:
    return Setup()


def draft(before: str, after: str, reason: str, actor: Actor = KIM) -> AuditDraft:
    facts = f'{{"after":"{after}","before":"{before}","reason":"{reason}"}}'
    return AuditDraft(AuditAction.STATE_CHANGED, actor, f"{before} to {after}", facts)


def test_before_anything_is_read_trading_is_halted(setup) -> None:
    assert setup.latch.record == setup.at(HALTED, "not read yet", "desk")
    assert setup.state.trading_state is None


def test_a_new_profile_begins_active_and_another_one_where_it_ended(setup) -> None:
    setup.latch.restore(None)
    new = (setup.latch.record, setup.state.trading_state)
    stored = setup.stand(REDUCING)

    assert new == (TradingStateRecord(ACTIVE, "new profile", "desk", stored.changed_at), ACTIVE)
    assert (setup.latch.record, setup.state.trading_state) == (stored, REDUCING)
    assert setup.trail == []


@pytest.mark.parametrize(("given", "kept"), [("enough", "enough"), ("", "no reason given")])
async def test_a_halt_is_in_force_then_told_then_written(setup, given, kept) -> None:
    setup.stand(ACTIVE)

    record = await setup.latch.halt(HaltTrading(given), KIM)

    assert record == setup.latch.record == setup.at(HALTED, kept)
    assert setup.state.trading_state is HALTED
    assert setup.trail == [
        TradingStateChanged(record),
        Step("insert_trading_state", (record,)),
        draft("ACTIVE", "HALTED", kept),
    ]


async def test_a_halt_that_cannot_be_written_holds_and_is_noted_with_an_alarm(setup, expected_log) -> None:
    expected_log("trading_state.unwritable")
    setup.stand(HALTED)
    setup.book.refusals = 1

    record = await setup.latch.halt(HaltTrading("enough"), KIM)

    assert (setup.latch.record, setup.state.trading_state) == (record, HALTED)
    assert setup.trail == [
        TradingStateChanged(record),
        Step("note", (draft("HALTED", "HALTED", "enough"),)),
        Notice(
            Severity.ALARM,
            "HALTED is in force but could not be written: the disk is full",
            "trading_state",
        ),
    ]
    assert heard() == UNWRITTEN


async def test_a_resume_is_in_force_when_it_is_written(setup) -> None:
    setup.stand(HALTED)
    setup.book.open.clear()
    resuming = setup.tasks.spawn(setup.latch.resume(ResumeTrading("  calm again "), KIM), "resume")
    await settle()
    meanwhile = (setup.state.trading_state, list(setup.trail))

    setup.book.open.set()
    await settle()

    record = setup.at(ACTIVE, "calm again")
    assert meanwhile == (HALTED, [])
    assert resuming.result() == setup.latch.record == record
    assert setup.state.trading_state is ACTIVE
    assert setup.trail == [
        Step("insert_trading_state", (record,)),
        draft("HALTED", "ACTIVE", "calm again"),
        TradingStateChanged(record),
    ]


async def test_a_resume_that_cannot_be_written_is_none(setup) -> None:
    before = setup.stand(HALTED)
    setup.book.refusals = 1

    with pytest.raises(StorageUnwritable):
        await setup.latch.resume(ResumeTrading("calm again"), KIM)

    assert (setup.latch.record, setup.state.trading_state, setup.trail) == (before, HALTED, [])


async def test_a_resume_without_a_reason_is_refused(setup) -> None:
    setup.stand(HALTED)

    with pytest.raises(Refused, match=r"^Resuming needs a reason; it is kept in the record\.$") as caught:
        await setup.latch.resume(ResumeTrading("  "), KIM)

    assert caught.value.code is RefusalCode.REASON_MISSING


async def test_a_resume_is_refused_while_a_breaker_that_stops_trading_is_tripped(setup) -> None:
    setup.stand(HALTED)
    setup.trip(BreakerName.LOSING_STREAK, BreakerName.DRAWDOWN, BreakerName.DAILY_LOSS)

    with pytest.raises(Refused) as caught:
        await setup.latch.resume(ResumeTrading("calm again"), KIM)

    assert caught.value.code is RefusalCode.HALTED
    assert caught.value.message == "A breaker has tripped: drawdown! An administrator acknowledges it first."
    assert caught.value.details == {"breakers": "drawdown, daily_loss"}
    assert setup.trail == []


async def test_what_only_pauses_somebody_does_not_keep_a_person_from_resuming(setup) -> None:
    setup.stand(HALTED)
    setup.trip(BreakerName.LOSING_STREAK, BreakerName.REJECT_RATE)

    await setup.latch.resume(ResumeTrading("calm again"), KIM)

    assert setup.state.trading_state is ACTIVE


async def meanwhile(setup: Setup, change: Callable[[], object]) -> Refused:
    """Resume, and let something happen while that is being written."""
    setup.book.open.clear()
    resuming = setup.tasks.spawn(setup.latch.resume(ResumeTrading("calm again"), KIM), "resume")
    await settle()
    change()
    setup.book.open.set()
    with pytest.raises(Refused) as caught:
        await resuming
    return caught.value


async def test_a_halt_that_comes_while_a_resume_is_written_stays(setup) -> None:
    setup.stand(REDUCING)

    refusal = await meanwhile(setup, lambda: setup.latch.halt_at_once("enough", KIM))

    assert refusal.code is RefusalCode.HALTED
    assert refusal.message == "Trading was halted while the resume was being written."
    assert (setup.latch.record.reason, setup.state.trading_state) == ("enough", HALTED)


UNDONE = "A breaker has tripped: daily_loss! An administrator acknowledges it first."


@pytest.mark.parametrize("state", [HALTED, REDUCING])
async def test_a_breaker_that_trips_while_a_resume_is_written_has_it_undone_in_the_book(setup, state) -> None:
    before = setup.stand(state)
    resumed = setup.at(ACTIVE, "calm again")

    refusal = await meanwhile(setup, lambda: setup.trip(BreakerName.DAILY_LOSS))

    assert (refusal.code, refusal.message) == (RefusalCode.HALTED, UNDONE)
    assert (setup.latch.record, setup.state.trading_state) == (before, state)
    assert setup.trail == [
        Step("insert_trading_state", (resumed,)),
        draft(state.value, "ACTIVE", "calm again"),
        Step("insert_trading_state", (setup.at(state, UNDONE, "desk"),)),
        draft("ACTIVE", state.value, UNDONE, DESK),
    ]


async def test_an_undoing_that_cannot_be_written_is_noted(setup, expected_log) -> None:
    expected_log("trading_state.unwritable")
    before = setup.stand(HALTED)

    async def refuse(work: object) -> None:
        raise StorageUnwritable("the disk is full")

    def trip_and_fill_the_disk() -> None:
        setup.trip(BreakerName.DAILY_LOSS)
        setup.book.write = refuse

    refusal = await meanwhile(setup, trip_and_fill_the_disk)

    assert refusal.message == UNDONE
    assert setup.latch.record == before
    assert setup.trail[2:] == [Step("note", (draft("ACTIVE", "HALTED", UNDONE, DESK),))]
    assert heard() == UNWRITTEN


async def test_halting_at_once_is_told_and_leaves_the_writing_to_the_caller(setup) -> None:
    setup.stand(ACTIVE)

    change = setup.latch.halt_at_once("", KIM)
    told = list(setup.trail)
    await setup.latch.store(change)

    record = setup.at(HALTED, "no reason given")
    assert change == Change(record, draft("ACTIVE", "HALTED", "no reason given"))
    assert told == [TradingStateChanged(record)]
    assert setup.trail[1:] == [Step("insert_trading_state", (record,)), change.draft]
    assert setup.latch.record == record


@pytest.mark.parametrize(
    ("before", "to", "moves"),
    [
        (ACTIVE, ACTIVE, False),
        (ACTIVE, REDUCING, True),
        (ACTIVE, HALTED, True),
        (REDUCING, REDUCING, False),
        (REDUCING, HALTED, True),
        (HALTED, REDUCING, False),
        (HALTED, HALTED, False),
    ],
)
def test_a_breaker_only_ever_makes_it_stricter(setup, before, to, moves) -> None:
    stood = setup.stand(before)

    change = setup.latch.tighten(to, "it fell", DESK)

    record = setup.at(to, "it fell", "desk")
    if moves:
        assert change == Change(record, draft(before.value, to.value, "it fell", DESK))
        assert (setup.latch.record, setup.trail) == (record, [TradingStateChanged(record)])
    else:
        assert change is None
        assert (setup.latch.record, setup.trail) == (stood, [])
    assert setup.state.trading_state is setup.latch.record.state


@pytest.mark.parametrize(("before", "at_once"), [(ACTIVE, True), (REDUCING, False), (HALTED, False)])
async def test_only_a_stricter_state_waits_for_nothing(setup, before, at_once) -> None:
    setup.stand(before)
    setup.book.open.clear()

    moving = setup.tasks.spawn(setup.latch.move(REDUCING, "it fell", KIM), "move")
    await settle()
    in_force = setup.latch.record.reason == "it fell"
    setup.book.open.set()
    await settle()

    assert in_force is at_once
    assert moving.result() == setup.latch.record
    assert setup.state.trading_state is REDUCING
