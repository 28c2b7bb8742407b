"""Keeping the order stream and the feed alive: connect, repair, read, and begin again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date

import structlog

from core.domain.access import Actor
from core.domain.execution import ExecutionReport
from core.domain.messages import (
    InstrumentsKnown,
    LinkChanged,
    LinkState,
    Notice,
    Part,
    QuotesChanged,
    Reconnect,
    Severity,
)
from core.errors import BrokerError, BrokerUnavailable, RefusalCode, Refused, StorageError
from core.orders.crosscheck import CrossCheck
from core.orders.following import Following
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.reconcile import Reconciler
from core.orders.supervision import ASKS_A_PERSON, Means, Stream, Supervisor, Turns, Up
from core.orders.unsettled import Unsettled
from core.ports.broker import Broker
from core.ports.market_data import MarketDataFeed

# Reports that wait here while the book is compared; beyond it they wait in the adapter.
_MOST_BUFFERED = 10_000

_log = structlog.get_logger("links")


async def _nothing() -> None:
    pass


class Links:
    """Reads the streams of one profile, each under its supervisor. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        feed: MarketDataFeed,
        oms: OrderManagement,
        reconciler: Reconciler,
        unsettled: Unsettled,
        following: Following,
        means: Means,
    ) -> None:
        self._state = state
        self._broker = broker
        self._feed = feed
        self._oms = oms
        self._reconciler = reconciler
        self._unsettled = unsettled
        self._following = following
        self._means = means
        self._learned: date | None = None
        self.states: dict[Part, LinkChanged] = {}
        self.on_connected: Callable[[], Awaitable[None]] = _nothing
        self.crosscheck = CrossCheck(means.clock)
        turns = Turns()
        orders = Stream((Part.BROKER, Part.ORDERS), self._read_orders, self._lose_orders)
        feed_stream = Stream((Part.FEED,), self._read_quotes, self._lose_feed)
        self._orders = Supervisor(orders, self.show, turns, means)
        self._quotes = Supervisor(feed_stream, self.show, turns, means)
        reconciler.findings.on_told = self.crosscheck.found

    def show(self, part: Part, state: LinkState, text: str = "") -> None:
        """Publish how a part does, if that is new."""
        known = self.states.get(part)
        if known is not None and (known.state, known.text) == (state, text):
            return
        changed = LinkChanged(part, state, self._means.clock.now(), text)
        self.states[part] = changed
        self._means.bus.publish(changed)

    async def run_orders(self) -> None:
        """Keep the order stream: nothing opens before it is connected and reconciled."""
        await self._orders.run()

    async def run_feed(self) -> None:
        """Keep the feed."""
        await self._quotes.run()

    async def reconnect(self, command: Reconnect, actor: Actor) -> None:
        """Begin a link again, also one that has stopped trying.

        Raises:
            Refused: `NOT_FOUND` for a part that is no link.
        """
        del actor
        if command.part is Part.FEED:
            self._quotes.reconnect()
        elif command.part in (Part.BROKER, Part.ORDERS):
            self._orders.reconnect()
        else:
            raise Refused(RefusalCode.NOT_FOUND, f"There is no connection to the {command.part.value}.")

    def interrupt(self, reason: str) -> None:
        """Take every link for lost: after a sleep or a jump of the clock nobody knows what was missed."""
        self._orders.interrupt(reason)
        self._quotes.interrupt(reason)

    def suspect_orders(self, reason: str) -> None:
        """Begin the order stream again, for it has not told what it should have."""
        _log.warning("stream.suspect", reason=reason)
        self._orders.interrupt(reason)

    def met(self, error: Exception) -> None:
        """Learn what a call beside the stream met: with a refused key nothing more is tried."""
        if isinstance(error, ASKS_A_PERSON):
            self._orders.interrupt(str(error), error)

    async def attempt(
        self, what: str, step: Callable[[], Awaitable[object]], *, asks_broker: bool = False
    ) -> None:
        """Do one turn of what goes on for ever: its error is told, and the next turn comes.

        Args:
            what: its name in the log.
            step: the turn.
            asks_broker: a refused key that it meets is the broker's, and ends all trying.
        """
        try:
            await step()
        except (BrokerError, StorageError) as error:
            _log.warning(f"{what}.unanswered", reason=str(error))
            if asks_broker:
                self.met(error)
        except Exception as error:  # a bug in one turn must not end all that would have followed
            self._tell(what, error)

    def _tell(self, what: str, error: Exception) -> str:
        _log.exception(f"{what}.failed")
        text = f"{what}: {type(error).__name__}: {error}"
        self._means.bus.publish(Notice(Severity.ALARM, text, f"task:{what}"))
        return text

    async def _guarded(self, reading: Awaitable[None]) -> None:
        try:
            await reading
        except (BrokerError, StorageError):
            raise
        except Exception as error:  # a bug in one report or quote: begin again, with the door shut
            raise BrokerUnavailable(self._tell("link", error)) from error

    async def _read_orders(self, up: Up) -> None:
        await self._guarded(self._follow_orders(up))

    async def _follow_orders(self, up: Up) -> None:
        await self._broker.connect()
        await self.on_connected()
        waiting: asyncio.Queue[ExecutionReport | BrokerError] = asyncio.Queue(_MOST_BUFFERED)
        reading = self._means.tasks.spawn(self._fill(waiting), "reports")
        try:
            await self._reconciler.run()
            # What it found may be older than this stream, which owes nothing of it.
            self.crosscheck.forget()
            # What came meanwhile is known by now, or newer; either way it goes through the same door.
            while not waiting.empty():
                await self._take(waiting.get_nowait())
            self._state.ready = True
            up()
            while True:
                await self._take(await waiting.get())
        finally:
            reading.cancel()

    async def _fill(self, waiting: asyncio.Queue[ExecutionReport | BrokerError]) -> None:
        try:
            async for report in self._broker.reports():
                await waiting.put(report)
        except BrokerError as error:
            await waiting.put(error)
        except Exception as error:  # the adapter's bug is the reader's to tell
            await waiting.put(BrokerUnavailable(self._tell("link", error)))
        else:
            await waiting.put(BrokerUnavailable("the stream ended"))

    async def _take(self, told: ExecutionReport | BrokerError) -> None:
        if isinstance(told, BrokerError):
            raise told
        self.crosscheck.heard(told.cl_ord_id)
        await self._oms.apply(told)
        if told.last_qty is not None:
            self._reconciler.holdings.want_account()

    def _lose_orders(self) -> None:
        self._state.ready = False
        self._unsettled.stream_lost()

    async def learn_instruments(self) -> None:
        """Read what can be traded, once a day: over night symbols come, go and change.

        Raises:
            BrokerUnavailable: there is no list at all.
        """
        today = self._means.clock.now().date()
        if today == self._learned:
            return
        found = {each.symbol: each for each in await self._feed.instruments()}
        self._state.instruments.clear()
        self._state.instruments.update(found)
        for each in found.values():
            self._state.positions.classify(each.symbol, each.sector)
        self._learned = today
        self._means.bus.publish(InstrumentsKnown(len(found)))

    async def _read_quotes(self, up: Up) -> None:
        await self._guarded(self._follow_quotes(up))

    async def _follow_quotes(self, up: Up) -> None:
        await self._feed.connect()
        await self.learn_instruments()
        await self._following.subscribe()
        self._state.session = self._feed.session()
        up()
        async for batch in self._feed.quotes():
            kept = self._state.quotes.apply(batch)
            for quote in kept:
                if quote.last is not None:
                    self._state.positions.price(quote.symbol, quote.last)
            self._means.bus.publish(QuotesChanged(kept))

    def _lose_feed(self) -> None:
        self._state.session = None
