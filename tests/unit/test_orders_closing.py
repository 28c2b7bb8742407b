"""The close of a market day: when it is decided, what is written of it, and what waits."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from core.bus import Bus
from core.domain.access import Actor, Origin
from core.domain.audit import AuditDraft
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import EquityClosed
from core.domain.money import Money
from core.domain.outcomes import CashFlow, EquitySnapshot
from core.errors import StorageUnwritable
from core.orders.closing import LOOK_EVERY_S, Close, Closing
from core.orders.supervision import Means
from core.tasks import Tasks
from tests.fakes.beats import Beats
from tests.guards import heard

OPENS = datetime(2026, 1, 6, 14, 30, tzinfo=UTC)
CLOSES = datetime(2026, 1, 6, 21, 0, tzinfo=UTC)
DAY = OPENS.date()
DESK = Actor("desk", "admin", Origin.DESK, "s-1")


class Book:
    """A journal, and the unit of work that it gives."""

    def __init__(self) -> None:
        self.closes: list[EquitySnapshot] = []
        self.flows: list[CashFlow] = []
        self.drafts: list[AuditDraft] = []
        self.refuses = 0

    async def write(self, work: Any) -> Any:
        if self.refuses:
            self.refuses -= 1
            raise StorageUnwritable("the disk is full")
        return work(self, self.drafts.append)

    def snapshots(self, limit: int) -> Sequence[EquitySnapshot]:
        return self.closes[:limit]

    def cash_flows(self, limit: int) -> Sequence[CashFlow]:
        return self.flows[:limit]

    def insert_snapshot(self, made: EquitySnapshot) -> bool:
        if made.market_date in {each.market_date for each in self.closes}:
            return False
        self.closes.append(made)
        return True


class Desk:
    """The watch over closes; market time is our time, moved by `shift`."""

    def __init__(self, beats: int = 10_000) -> None:
        self.clock, self.book, bus = Beats(beats), Book(), Bus()
        self.told: list[EquitySnapshot] = []
        bus.subscribe(EquityClosed, lambda event: self.told.append(event.close))
        self.state: Any = SimpleNamespace(session=None, account=SimpleNamespace(cash=Decimal(100)))
        self.valuation: Any = SimpleNamespace(net=Decimal(50))
        means = Means(self.clock, bus, Tasks(), Random(1))
        self.closing = Closing(self.state, self.valuation, self.book, DESK, means)  # type: ignore[arg-type]

    def at(self, seconds: float, *, closes: datetime = CLOSES) -> None:
        """Say that it is so many seconds after the close of the day."""
        now = CLOSES + timedelta(seconds=seconds)
        self.state.session = MarketSession(now, SessionPhase.REGULAR, closes - timedelta(hours=6), closes)

    async def run(self, beats: int, begin: float = -1.0, pace: float = LOOK_EVERY_S) -> None:
        """Let it look so often, from a market time on, at a pace of seconds a look."""
        self.clock.slept.clear()
        self.clock.most = beats
        self.at(begin)
        self.clock.before = lambda count: self.at(begin + pace * count)
        with pytest.raises(asyncio.CancelledError):
            await self.closing.run()


def told(desk: Desk) -> list[tuple[object, ...]]:
    return [(each.cash, each.positions_value, each.missed) for each in desk.told]


async def test_a_close_is_written_when_the_auction_has_settled() -> None:
    desk = Desk()
    await desk.run(12)  # the bell rings at the third look
    before = (len(desk.told), desk.closing.expected)
    desk.state.account.cash, desk.valuation.net = Decimal("101.50"), Decimal(51)
    await desk.run(1, 5.0)

    assert before == (0, frozenset({DAY}))
    assert desk.clock.slept == [LOOK_EVERY_S]
    assert desk.told == [
        EquitySnapshot(
            DAY, Money("101.50"), Money(51), Money(0), missed=False, taken_at=desk.told[0].taken_at
        )
    ]
    assert desk.told == desk.book.closes
    assert desk.closing.expected == frozenset()


async def test_a_close_is_recorded_with_each_of_its_figures() -> None:
    desk = Desk()
    moved = OPENS - timedelta(days=1)
    desk.book.closes = [
        EquitySnapshot(DAY - timedelta(days=3), Money(1), Money(2), Money(4), missed=False, taken_at=OPENS)
    ]
    desk.book.flows = [
        CashFlow("F-1", "deposit", external=True, amount=Money(30), symbol="", at=moved),
        CashFlow("F-2", "dividend", external=False, amount=Money(7), symbol="", at=moved),
    ]
    desk.clock.turn(77)

    await desk.closing.record(Close(DAY, Decimal("12.50"), Decimal(-3)))

    (draft,) = desk.book.drafts
    assert (draft.action, draft.actor, draft.entity) == ("equity.closed", DESK, "2026-01-06")
    assert json.loads(draft.payload) == {
        "cash": "12.5", "positions_value": "-3", "flow": "26", "missed": False
    }  # fmt: skip
    (made,) = desk.told
    assert (made.flow, made.taken_at) == (26, desk.clock.now())


async def test_a_missed_close_counts_no_flow_and_has_no_figure() -> None:
    desk = Desk()
    moved = CashFlow("F-1", "deposit", external=True, amount=Money(30), symbol="", at=CLOSES)
    desk.book.flows = [moved]
    desk.book.closes = [
        EquitySnapshot(DAY - timedelta(days=3), None, None, Money(0), missed=True, taken_at=OPENS)
    ]

    await desk.closing.record(Close(DAY, missed=True))

    assert json.loads(desk.book.drafts[0].payload) == {
        "cash": None, "positions_value": None, "flow": "0", "missed": True
    }  # fmt: skip
    assert told(desk) == [(None, None, True)]


async def test_a_day_that_has_its_close_gets_no_other() -> None:
    desk = Desk()
    for cash in (1, 2):
        await desk.closing.record(Close(DAY, Decimal(cash), Decimal(0)))

    assert told(desk) == [(1, 0, False)]
    assert len(desk.book.drafts) == 1


@pytest.mark.parametrize("lacking", ["cash", "net"])
async def test_a_close_that_is_not_known_is_waited_for_a_minute_and_then_written_so(lacking: str) -> None:
    desk = Desk()
    if lacking == "cash":
        desk.state.account.cash = None
    else:
        desk.valuation.net = None
    await desk.run(122)
    before = len(desk.told)
    await desk.run(1, 60.0)

    assert before == 0
    assert told(desk) == [(None, 50, False) if lacking == "cash" else (100, None, False)]


async def test_a_price_that_comes_while_it_is_waited_for_is_taken_at_once() -> None:
    desk = Desk()
    desk.valuation.net = None
    await desk.run(60)
    desk.valuation.net = Decimal(5)
    await desk.run(1, 29.5)

    assert told(desk) == [(100, 5, False)]


@pytest.mark.parametrize(("unseen_s", "missed"), [(30.0, False), (30.5, True)])
async def test_a_bell_that_nobody_heard_for_half_a_minute_is_missed(unseen_s: float, missed: bool) -> None:
    desk = Desk()
    await desk.run(1, -1.0, 0.0)
    desk.clock.turn(unseen_s - LOOK_EVERY_S)
    await desk.run(12, 0.0)

    assert told(desk) == [(None, None, True) if missed else (100, 50, False)]


@pytest.mark.parametrize(("unseen_s", "missed"), [(90.0, False), (90.5, True)])
async def test_a_wait_that_nobody_looked_at_is_missed_too(unseen_s: float, missed: bool) -> None:
    desk = Desk()
    desk.valuation.net = None
    await desk.run(3)
    rung_at = desk.clock.monotonic() - LOOK_EVERY_S
    desk.clock.turn(rung_at + unseen_s - desk.clock.monotonic())
    await desk.run(1, unseen_s)

    assert told(desk) == [(None, None, True) if missed else (100, None, False)]


async def test_a_replay_that_goes_over_the_night_keeps_what_was_seen_before_the_bell() -> None:
    desk = Desk()
    await desk.run(1, -1.0, 0.0)
    desk.state.account.cash, desk.valuation.net = Decimal(7), Decimal(8)
    tomorrow = CLOSES + timedelta(days=1)
    desk.clock.before = lambda _: None
    desk.clock.slept.clear()
    desk.at(60_000, closes=tomorrow)
    with pytest.raises(asyncio.CancelledError):
        await desk.closing.run()

    assert told(desk) == [(100, 50, False)]
    assert desk.told[0].market_date == DAY
    assert desk.closing.expected == frozenset({tomorrow.date()})


async def test_after_the_close_nothing_is_watched_for_and_before_market_time_is_known_neither() -> None:
    desk = Desk()
    desk.clock.most = 1
    with pytest.raises(asyncio.CancelledError):
        await desk.closing.run()
    await desk.run(4, 0.0)

    assert (desk.told, desk.closing.expected) == ([], frozenset())


async def test_what_cannot_be_written_stays_due_and_is_tried_every_half_a_minute(expected_log) -> None:
    expected_log("close.unwritten")
    desk, begun = Desk(), Desk().clock.now()
    desk.book.refuses = 3
    await desk.run(14)
    waiting = desk.closing.expected
    await desk.run(200, 6.0)

    assert waiting == frozenset({DAY})
    # Begun anew it tries at once, then twice half a minute later.
    assert [(each.taken_at - begun).total_seconds() for each in desk.told] == [67.0]
    assert desk.told[0].equity == 150
    assert heard() == [("close.unwritten", {"day": "2026-01-06", "reason": "the disk is full"})] * 3
