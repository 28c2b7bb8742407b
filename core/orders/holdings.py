"""Positions, cash and the account: asked for, compared, and taken over where a difference lasts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import structlog

from core.domain.messages import Difference, DifferenceKind, Notice, Severity
from core.errors import BrokerError, StorageError, Unreadable
from core.orders.bodies import number
from core.orders.drift import Drift, Persistence, adjustment, compare, counterpart
from core.orders.findings import Findings
from core.orders.gather import LiveState
from core.orders.history import BEGINNING, History
from core.orders.oms import OrderManagement
from core.orders.share_moves import ShareMoves
from core.orders.supervision import Means
from core.ports.broker import Broker
from core.ports.storage import Store

T = TypeVar("T")

_TRIES = 5

_log = structlog.get_logger("orders")


class Holdings:
    """Compares what is held. Runs on the core loop.

    Attributes:
        running: held by whoever compares or repairs, one at a time.
    """

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        oms: OrderManagement,
        store: Store,
        history: History,
        findings: Findings,
        means: Means,
    ) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._store = store
        self._history = history
        self._findings = findings
        self._clock = means.clock
        self._bus = means.bus
        self._tasks = means.tasks
        self._moves = ShareMoves(state, broker, oms, store)
        self._lasting = Persistence(means.clock)
        self._is_account_due = False
        self._looked_into: Decimal | None = None
        self._confirming: asyncio.Task[None] | None = None
        self.running = asyncio.Lock()

    def market_time(self) -> datetime:
        """Return market time, UTC; ours where the feed is down."""
        return self._clock.now() if self._state.session is None else self._state.session.now

    async def compare_positions(self) -> None:
        """Hold our positions against the broker's; what differs for long is taken over (D-31).

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed, which never means flat.
        """
        drifts = await self._drifts()
        if any(self._lasting.is_new(each) for each in drifts):
            # A report may have been lost long before the newest fill, so the whole history is read, once.
            await self._history.read(BEGINNING)
            drifts = await self._drifts()
        drifts = await self._book_moves(drifts)
        lasting = self._lasting.lasting(drifts)
        for each in drifts:
            is_taken = each in lasting and self._is_quiet(each)
            if is_taken:
                await self._take_over(each)
            self._findings.add(each.difference(repaired=is_taken))
            self._tell(each, counterpart(each, drifts), is_taken=is_taken)

    async def _book_moves(self, drifts: tuple[Drift, ...]) -> tuple[Drift, ...]:
        quiet = [each for each in drifts if self._is_quiet(each)]
        booked = await self._moves.book(quiet, self.market_time())
        for each, words in booked.items():
            ours, broker = str(number(each.ours)), str(number(each.broker))
            found = Difference(DifferenceKind.SHARES_MOVED, each.symbol, ours, broker, repaired=True)
            self._findings.add(found)
            text = f"{each.symbol}: {broker} shares instead of {ours}, by {words}."
            self._bus.publish(Notice(Severity.WARNING, text, f"moved:{each.symbol}"))
        return tuple(each for each in drifts if each not in booked)

    async def _drifts(self) -> tuple[Drift, ...]:
        tries = 0
        while True:
            asked_in, theirs = (
                self._state.account.epoch,
                await self._read("positions", self._broker.positions),
            )
            self._state.positions_at = self._clock.monotonic()
            tries += 1
            # A fill that was booked while the answer was on its way is not in it.
            if asked_in == self._state.account.epoch or tries == _TRIES:
                return compare(self._state.positions.held(), theirs)

    def _is_quiet(self, drift: Drift) -> bool:
        waiting = (*self._state.in_flight, *self._state.orders.reserved())
        unproven = [order for order in self._state.orders.open(drift.symbol) if not order.acked]
        return not waiting and not unproven

    async def _take_over(self, drift: Drift) -> None:
        newest = await self._store.read(lambda reader: reader.fills(drift.symbol, 1))
        mark = newest[-1].exec_id if newest else ""
        position = self._state.positions.get(drift.symbol)
        await self._oms.apply(adjustment(drift, position, mark, self.market_time()))
        # The fills that were missing are in the number that was taken over.
        self._oms.tally.forgive(drift.symbol)
        self._state.account.begin_anew()

    def _tell(self, drift: Drift, other: Drift | None, *, is_taken: bool) -> None:
        ours, broker = number(drift.ours), number(drift.broker)
        text = f"{drift.symbol}: our book says {ours} shares, the broker says {broker}."
        if is_taken:
            text = f"{drift.symbol}: {broker} shares are taken over from the broker; our fills said {ours}."
        if other is not None:
            text += f" In {other.symbol} it is the other way round, as where a symbol has changed."
        self._bus.publish(Notice(Severity.ALARM, text, f"drift:{drift.symbol}"))

    async def compare_cash(self) -> None:
        """Confirm the account, and tell of every cent that our fills do not explain.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; the last answer grows old.
        """
        drift, broker = await self.refresh_account(), self._state.account.cash
        if drift is None or broker is None or not self._lasting.cash(drift):
            return
        ours, theirs = str(number(broker - drift)), str(number(broker))
        self._findings.add(Difference(DifferenceKind.CASH, "cash", ours, theirs, repaired=True))
        text = f"The broker's cash is {theirs} dollars; our fills say {ours}. The broker's figure holds."
        self._bus.publish(Notice(Severity.WARNING, text, "drift:cash"))
        self._state.account.begin_anew()

    async def refresh_account(self) -> Decimal | None:
        """Ask for the account until an answer holds every fill that we know of.

        Returns:
            Dollars by which the answer differs from what our fills make of the first one; None where no
            answer could be taken.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; the last answer grows old.
        """
        for _ in range(_TRIES):
            asked_in = self._state.account.epoch
            if self._state.account.confirm(await self._read("account", self._broker.account), asked_in):
                return self._state.account.drift
        return None

    async def _read(self, name: str, question: Callable[[], Awaitable[T]]) -> T:
        # What cannot be read may have changed: it blocks at once, and not only when the last one grows old.
        try:
            answer = await question()
        except Unreadable as error:
            self._state.garbled[name] = str(error)
            raise
        self._state.garbled.pop(name, None)
        return answer

    async def confirm_account(self) -> None:
        """Ask for the account, and for the fills that are missing of it.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; the last answer grows old.
        """
        async with self.running:
            if self._oms.tally.behind:
                await self._history.read()
            await self.refresh_account()

    async def watch_account(self) -> None:
        """Confirm the account now and then; cash that no fill explains may be a fill that was never told.

        Raises:
            BrokerUnavailable, OutcomeUnknown: a query failed; the last answer grows old.
        """
        await self.confirm_account()
        async with self.running:
            await self._drifts()  # that they were told is what counts; the comparison looks into them
            drift = self._state.account.drift
            if drift and drift != self._looked_into:
                await self._history.read()
                drift = await self.refresh_account()
            self._looked_into = drift

    def want_account(self) -> None:
        """Have the account asked for soon: however many fills want it, one question at a time is asked."""
        self._is_account_due = True
        if self._confirming is None or self._confirming.done():
            self._confirming = self._tasks.spawn(self._confirm_while_due(), "account")

    async def _confirm_while_due(self) -> None:
        while self._is_account_due:
            self._is_account_due = False
            try:
                await self.confirm_account()
            except (BrokerError, StorageError) as error:
                # The last answer grows old, which the rules notice.
                _log.warning("account.unanswered", reason=str(error))
