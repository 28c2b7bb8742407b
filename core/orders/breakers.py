"""The circuit breakers of one profile: looked at, tripped, acknowledged.

A trip holds from the moment it is found: first in memory, then at the broker, and only then in the database,
which may refuse without changing it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import structlog

from core.clock import Clock
from core.domain.access import Actor, Origin
from core.domain.breakers import (
    BreakerBoard,
    BreakerEffect,
    BreakerName,
    BreakerRecord,
    BreakerStanding,
    BreakerState,
)
from core.domain.messages import AcknowledgeBreaker, BreakerChanged, LoadBreakers, Notice, Severity
from core.domain.money import ZERO
from core.domain.order import Order
from core.domain.outcomes import PortfolioPeak
from core.errors import RefusalCode, Refused
from core.orders.breaker_book import BreakerBook, Key, Step
from core.orders.entries import EntryEnds, entries
from core.orders.gather import LiveState
from core.orders.supervision import Means
from core.orders.trading_state import STOPS, TradingStateLatch
from core.orders.watching import Reading, Watch
from core.ports.storage import Store
from core.risk.breakers import UNITS, limit_of, next_state

_MOST_STEPS = 1_000
_DOES = {
    BreakerEffect.PAUSE_AGENT: "The agent opens nothing more",
    BreakerEffect.PAUSE_SOURCE: "This way in opens nothing more",
    BreakerEffect.REDUCE: "Positions may only be reduced",
    BreakerEffect.HALT: "Trading is halted",
}

# What an acknowledgement adds to its record and to the book, by breaker.
Completes = Callable[[BreakerRecord], tuple[BreakerRecord, PortfolioPeak | None]]

_log = structlog.get_logger("breakers")


class Breakers:
    """Moves every breaker. Runs on the core loop.

    Attributes:
        watches: what measures.
        completes: asked when a breaker is acknowledged; raises `Refused` where that is not possible now.
    """

    def __init__(
        self,
        state: LiveState,
        book: BreakerBook,
        latch: TradingStateLatch,
        ends: EntryEnds,
        store: Store,
        desk: Actor,
        means: Means,
    ) -> None:
        self._state = state
        self._book = book
        self._latch = latch
        self._ends = ends
        self._store = store
        self._desk = desk
        self._clock: Clock = means.clock
        self._bus = means.bus
        self.watches: tuple[Watch, ...] = ()
        self.completes: dict[BreakerName, Completes] = {}

    async def restore(self) -> None:
        """Begin where the last run ended: what was tripped is in force before any order is let out.

        Raises:
            StorageError: the book cannot be read or written.
        """
        self._book.restore(await self._store.read(lambda reader: reader.breakers()))
        for record in self._state.tripped:
            stop = STOPS.get(record.effect)
            change = None if stop is None else self._latch.tighten(stop, record.text, self._desk)
            if change is not None:
                # The state was resumed in the moment in which the breaker's step was being written.
                await self._latch.store(change)
            words = f"Still tripped: {record.text} {_DOES[record.effect]}."
            self._bus.publish(Notice(Severity.ALARM, words, _subject(record)))

    def stepped_at(self, name: BreakerName, source: str = "") -> datetime:
        """Return when a breaker took its last step, our time, UTC: it cannot have judged what came later."""
        record = self._book.get((name, source))
        return datetime.fromtimestamp(0, UTC) if record is None else record.at

    def repeat_cancels(self) -> None:
        """Ask for the end of what a trip concerns: a crash may have come before the first time."""
        for record in self._state.tripped:
            self._ends.begin(self._concerned(record), record.text, self._desk)

    def limit(self, name: BreakerName, source: str = "") -> Decimal:
        """Return what a breaker is held against now."""
        agent = self._state.agent_limits
        return limit_of(name, agent if source == Origin.AGENT.value else self._state.limits, agent)

    def look(self) -> None:
        """Hold every figure against its limit, and take the steps that follow."""
        for watch in self.watches:
            for reading in watch.readings():
                self._judge(reading)

    def _judge(self, reading: Reading) -> None:
        known, limit = (
            self._book.get((reading.name, reading.source)),
            self.limit(reading.name, reading.source),
        )
        state = next_state(reading.name, known, reading.figure, limit)
        if state is BreakerState.TRIPPED:
            self._trip(reading, limit)
        elif state is BreakerState.ARMED and known is not None:
            self._arm(known)

    def _trip(self, reading: Reading, limit: Decimal) -> None:
        record = BreakerRecord(
            name=reading.name,
            state=BreakerState.TRIPPED,
            source=reading.source,
            text=reading.text,
            value=reading.figure,
            limit=limit,
            unit=UNITS[reading.name],
            actor=self._desk.user,
            role=self._desk.role,
            reason="",
            at=self._clock.now(),
        )
        stop = STOPS.get(record.effect)
        change = None if stop is None else self._latch.tighten(stop, record.text, self._desk)
        # In memory before the first cancel leaves: nothing that is being decided passes any more.
        self._book.take(Step(record, self._desk, change))
        cancelled = self._ends.begin(self._concerned(record), record.text, self._desk)
        _log.info("breaker.tripped", breaker=record.name.value, reason=record.text, cancels=cancelled)
        self._bus.publish(BreakerChanged(record, cancelled))
        self._bus.publish(Notice(Severity.ALARM, _words(record, cancelled), _subject(record)))

    def _concerned(self, record: BreakerRecord) -> Iterable[Order]:
        found = entries(self._state)
        if record.effect in STOPS:
            return found
        return [order for order in found if order.origin is not None and record.pauses(order.origin)]

    def _arm(self, known: BreakerRecord) -> None:
        text = "What tripped it is gone, so it watches again."
        record = self._by_desk(replace(known, state=BreakerState.ARMED, text=text, reason=""))
        self._book.take(Step(record, self._desk))
        self._bus.publish(BreakerChanged(record))

    def _by_desk(self, record: BreakerRecord) -> BreakerRecord:
        return replace(record, actor=self._desk.user, role=self._desk.role, at=self._clock.now())

    async def acknowledge(self, command: AcknowledgeBreaker, actor: Actor) -> BreakerRecord:
        """End a trip. The trading state stays as it is: resuming is a decision of its own.

        Raises:
            Refused: `REASON_MISSING`, `NOT_FOUND` where it has not tripped, `NOT_READY` where what it has to
                set is not known.
            StorageError: it could not be recorded, so it is tripped as before.
        """
        reason = command.reason.strip()
        if not reason:
            text = "An acknowledgement needs a reason; it is kept in the record."
            raise Refused(RefusalCode.REASON_MISSING, text)
        known = self._book.get((command.name, command.source))
        if known is None or known.state is not BreakerState.TRIPPED:
            raise Refused(RefusalCode.NOT_FOUND, f"The breaker {command.name.value} has not tripped.")
        record = replace(
            known,
            state=BreakerState.ACKNOWLEDGED,
            actor=actor.user,
            role=actor.role,
            reason=reason,
            at=self._clock.now(),
        )
        completes = self.completes.get(command.name)
        record, peak = (record, None) if completes is None else completes(record)
        await self._book.take_when_written(Step(record, actor, peak=peak), known)
        if peak is not None:
            self._state.peak = peak
        for watch in self.watches:
            watch.forget(record)
        self._bus.publish(BreakerChanged(record))
        self.look()
        return record

    async def load(self, command: LoadBreakers, actor: Actor) -> BreakerBoard:
        """Answer how all stand, with every step that was taken, newest first."""
        del actor
        limit = min(command.limit, _MOST_STEPS)
        # Without steps nothing is asked of the database, which may be stuck.
        history = await self._store.read(lambda reader: reader.breaker_steps(limit)) if limit > 0 else ()
        found = [each for watch in self.watches for each in watch.readings()]
        figures = {(each.name, each.source): each.figure for each in found}
        keys = dict.fromkeys((*figures, *self._book.keys))
        return BreakerBoard(tuple(self._standing(key, figures.get(key)) for key in keys), history)

    def _standing(self, key: Key, figure: Decimal | None) -> BreakerStanding:
        record, limit = self._book.get(key), self.limit(*key)
        return BreakerStanding(
            name=key[0],
            source=key[1],
            state=BreakerState.ARMED if record is None else record.state,
            figure=figure,
            limit=limit,
            unit=UNITS[key[0]],
            room=None if figure is None else max(limit - figure, ZERO),
            record=record,
        )


def _words(record: BreakerRecord, cancelled: int) -> str:
    orders = "1 working entry order is" if cancelled == 1 else f"{cancelled} working entry orders are"
    return f"{record.text} {_DOES[record.effect]}; {orders} being cancelled."


def _subject(record: BreakerRecord) -> str:
    return f"breaker:{record.name.value}:{record.source}"
