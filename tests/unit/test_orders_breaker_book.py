"""How a breaker's step becomes durable, what holds while it is not, and what an acknowledgement waits for."""

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from core.clock import settle
from core.domain.access import Actor, Origin, TradingState
from core.domain.audit import AuditAction, AuditDraft
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.messages import Notice, Severity
from core.domain.money import Money
from core.domain.outcomes import PortfolioPeak
from core.domain.records import TradingStateRecord
from core.domain.risk import Unit
from core.errors import RefusalCode, Refused, StorageUnwritable
from core.orders.breaker_book import BreakerBook
from core.orders.breaker_book import Step as Move
from core.orders.supervision import Means
from core.orders.trading_state import Change
from tests.builders import NOON
from tests.fakes.book import Managed, Step
from tests.guards import heard

DESK = Actor("desk", "admin", Origin.DESK, "s-1")
KIM = Actor("kim", "admin", Origin.WINDOW, "s-1")
ARMED, TRIPPED, ACKNOWLEDGED = BreakerState.ARMED, BreakerState.TRIPPED, BreakerState.ACKNOWLEDGED
LOSS, RATE = BreakerName.DAILY_LOSS, BreakerName.REJECT_RATE
PEAK = PortfolioPeak(Money(7), "looked into", NOON)


def record(
    name: BreakerName = LOSS, state: BreakerState = TRIPPED, source: str = "", **more: Any
) -> BreakerRecord:
    made = BreakerRecord(
        name, state, source, "It fell.", Decimal("5.10"), Decimal(5), Unit.PERCENT, "desk", "admin", "", NOON
    )
    return replace(made, **more)


def audit(action: AuditAction, entity: str, effect: str, actor: Actor = DESK, **changed: str) -> AuditDraft:
    facts = {
        "effect": effect, "limit": "5", "name": entity.partition(" ")[0], "reason": "", "source": "",
        "text": "It fell.", "unit": "percent", "value": "5.1",
    }  # fmt: skip
    body = ",".join(f'"{name}":"{value}"' for name, value in sorted({**facts, **changed}.items()))
    return AuditDraft(action, actor, entity, f"{{{body}}}")


class Setup(Managed):
    def __init__(self) -> None:
        super().__init__()
        book: Any = self.book
        means = Means(self.clock, self.bus, self.tasks, Random(1))
        self.breakers = BreakerBook(self.state, book, means)


@pytest.fixture
async def setup():
    made = Setup()
    yield made
    await made.tasks.close()


TRIP = audit(AuditAction.BREAKER_TRIPPED, "daily_loss", "reduce")
UNWRITTEN = Notice(
    Severity.ALARM,
    "A breaker's step is in force but could not be written: the disk is full",
    "unwritten:daily_loss",
)


def test_what_is_stored_is_known_and_what_has_tripped_is_in_force(setup) -> None:
    armed, rate = record(state=ARMED), record(RATE, source="api")

    setup.breakers.restore([armed, rate])

    assert setup.state.tripped == (rate,)
    assert setup.breakers.keys == ((LOSS, ""), (RATE, "api"))
    assert setup.breakers.get((RATE, "api")) is rate
    assert setup.breakers.get((RATE, "window")) is None


async def test_a_step_of_the_desk_holds_at_once_and_is_written_with_what_came_of_it(setup) -> None:
    state = TradingStateRecord(TradingState.REDUCING, "It fell.", "desk", NOON)
    moved = AuditDraft(AuditAction.STATE_CHANGED, DESK, "ACTIVE to REDUCING")
    trip = record()

    setup.breakers.take(Move(trip, DESK, Change(state, moved), PEAK))
    at_once = (setup.state.tripped, list(setup.trail))
    await settle()

    assert at_once == ((trip,), [])
    assert setup.trail == [
        Step("insert_breaker", (trip,)),
        Step("insert_trading_state", (state,)),
        Step("insert_peak", (PEAK,)),
        TRIP,
        moved,
    ]


async def test_each_state_has_its_word_in_the_record_and_a_source_its_name(setup) -> None:
    for state in (ACKNOWLEDGED, ARMED):
        setup.breakers.take(Move(record(RATE, state, "api", value=None, limit=None, reason="ok"), KIM))
    await settle()

    actions = (AuditAction.BREAKER_ACKNOWLEDGED, AuditAction.BREAKER_ARMED)
    drafts = [
        audit(each, "reject_rate api", "pause_source", KIM, source="api", reason="ok", value="-", limit="-")
        for each in actions
    ]
    expected = [replace(each, payload=each.payload.replace('"-"', "null")) for each in drafts]
    assert setup.of(AuditDraft) == expected
    assert setup.state.tripped == ()


async def test_a_step_that_cannot_be_written_holds_is_noted_once_and_tried_again(setup, expected_log) -> None:
    expected_log("breaker.unwritable")
    setup.book.refusals = 2
    trip = record()

    setup.breakers.take(Move(trip, DESK))
    await settle()
    first = list(setup.trail)
    await setup.clock.advance(5)
    again = list(setup.trail)
    await setup.clock.advance(4.9)
    before = list(setup.trail)
    await setup.clock.advance(0.2)
    await settle()

    assert first == again == before == [Step("note", (TRIP,)), UNWRITTEN]
    assert setup.trail[2:] == [Step("insert_breaker", (trip,)), TRIP]
    assert setup.state.tripped == (trip,)
    assert heard() == [("breaker.unwritable", {"breaker": "daily_loss", "reason": "the disk is full"})]


async def test_what_comes_meanwhile_is_written_in_order_and_noted_by_itself(setup, expected_log) -> None:
    expected_log("breaker.unwritable")
    setup.book.refusals = 2
    trip, rate = record(), record(RATE, source="api")

    setup.breakers.take(Move(trip, DESK))
    await settle()
    setup.breakers.take(Move(rate, DESK))
    await settle()
    await setup.clock.advance(5)
    await setup.clock.advance(5)
    await settle()

    notices = setup.of(Notice)
    assert [each.subject for each in notices] == ["unwritten:daily_loss", "unwritten:reject_rate"]
    assert setup.named("insert_breaker") == [trip, rate]
    assert setup.state.tripped == (trip, rate)


async def test_a_book_that_was_paid_is_paid_again(setup) -> None:
    setup.breakers.take(Move(record(), DESK))
    await settle()
    setup.breakers.take(Move(record(state=ARMED), DESK))
    await settle()

    assert [each.state for each in setup.named("insert_breaker")] == [TRIPPED, ARMED]


async def test_an_acknowledgement_holds_only_when_it_is_written(setup) -> None:
    trip, done = record(), record(state=ACKNOWLEDGED)
    setup.breakers.restore([trip])
    setup.book.open.clear()

    waiting = setup.tasks.spawn(setup.breakers.take_when_written(Move(done, KIM, peak=PEAK), trip), "wait")
    await settle()
    meanwhile = setup.state.tripped
    setup.book.open.set()
    await settle()

    assert waiting.done()
    assert meanwhile == (trip,)
    assert setup.state.tripped == ()
    assert setup.breakers.get((LOSS, "")) is done
    assert setup.trail == [
        Step("insert_breaker", (done,)),
        Step("insert_peak", (PEAK,)),
        audit(AuditAction.BREAKER_ACKNOWLEDGED, "daily_loss", "reduce", KIM),
    ]


async def test_an_acknowledgement_that_cannot_be_written_is_none(setup) -> None:
    trip = record()
    setup.breakers.restore([trip])
    setup.book.refusals = 1

    with pytest.raises(StorageUnwritable):
        await setup.breakers.take_when_written(Move(record(state=ACKNOWLEDGED), KIM), trip)

    assert (setup.state.tripped, setup.trail) == ((trip,), [])


async def test_an_acknowledgement_writes_what_is_owed_first_and_once(setup, expected_log) -> None:
    expected_log("breaker.unwritable")
    trip, done = record(), record(state=ACKNOWLEDGED)
    setup.book.refusals = 1
    setup.breakers.take(Move(trip, DESK))
    await settle()

    await setup.breakers.take_when_written(Move(done, KIM), trip)
    await setup.clock.advance(5)
    await settle()

    assert setup.named("insert_breaker") == [trip, done]


async def test_a_breaker_that_has_moved_is_not_acknowledged_by_an_older_look(setup) -> None:
    older, newest = record(), record(text="It fell further.")
    setup.breakers.restore([newest])

    with pytest.raises(Refused, match=r"^The breaker daily_loss has moved meanwhile\.$") as caught:
        await setup.breakers.take_when_written(Move(record(state=ACKNOWLEDGED), KIM), older)

    assert caught.value.code is RefusalCode.NOT_FOUND
    assert (setup.state.tripped, setup.trail) == ((newest,), [])
