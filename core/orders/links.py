"""Keeping the order stream and the feed alive: connect, repair, read, and begin again."""

from collections.abc import Awaitable, Callable

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.messages import (
    LinkChanged,
    LinkState,
    Notice,
    Part,
    QuotesChanged,
    SessionTicked,
    Severity,
)
from core.errors import BrokerError, StorageError
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.reconcile import Reconciler
from core.orders.unsettled import Unsettled
from core.ports.broker import Broker
from core.ports.market_data import MarketDataFeed

_BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
ACCOUNT_EVERY_S = 10.0
SESSION_EVERY_S = 0.5
RECONCILE_EVERY_S = 30.0

_log = structlog.get_logger("links")


class Links:
    """Supervises the streams of one profile. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        broker: Broker,
        feed: MarketDataFeed,
        oms: OrderManagement,
        reconciler: Reconciler,
        unsettled: Unsettled,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._state = state
        self._broker = broker
        self._feed = feed
        self._oms = oms
        self._reconciler = reconciler
        self._unsettled = unsettled
        self._clock = clock
        self._bus = bus
        self.states: dict[Part, LinkChanged] = {}

    def show(self, part: Part, state: LinkState, text: str = "") -> None:
        """Publish how a part does, if that is new."""
        known = self.states.get(part)
        if known is not None and (known.state, known.text) == (state, text):
            return
        changed = LinkChanged(part, state, self._clock.now(), text)
        self.states[part] = changed
        self._bus.publish(changed)

    async def run_orders(self) -> None:
        """Keep the order stream: nothing opens before it is connected and reconciled."""
        await self._keep(self._read_orders, (Part.BROKER, Part.ORDERS), self._lose_orders)

    async def run_feed(self) -> None:
        """Keep the feed."""
        await self._keep(self._read_quotes, (Part.FEED,), self._lose_feed)

    async def _keep(
        self,
        read: Callable[[Callable[[], None]], Awaitable[None]],
        parts: tuple[Part, ...],
        lose: Callable[[], None],
    ) -> None:
        failures = 0

        def up() -> None:
            nonlocal failures
            failures = 0
            for part in parts:
                self.show(part, LinkState.UP)

        while True:
            for part in parts:
                self.show(part, LinkState.CONNECTING)
            reason = "the stream ended"
            try:
                await read(up)
            except (BrokerError, StorageError) as error:
                reason = str(error)
            except Exception as error:  # a bug in one report or quote: begin again, with the door shut
                reason = self._tell("link", error)
            finally:
                lose()
            for part in parts:
                self.show(part, LinkState.DOWN, reason)
            _log.warning("link.lost", parts=[part.value for part in parts], reason=reason)
            await self._clock.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
            failures += 1

    def _tell(self, what: str, error: Exception) -> str:
        _log.exception(f"{what}.failed")
        text = f"{what}: {type(error).__name__}: {error}"
        self._bus.publish(Notice(Severity.ALARM, text, f"task:{what}"))
        return text

    async def _read_orders(self, up: Callable[[], None]) -> None:
        await self._broker.connect()
        await self._reconciler.run()
        self._state.ready = True
        up()
        async for report in self._broker.reports():
            await self._oms.apply(report)
            if report.fill is not None:
                await self._reconciler.refresh_account_quietly()

    def _lose_orders(self) -> None:
        self._state.ready = False
        self._unsettled.stream_lost()

    async def _read_quotes(self, up: Callable[[], None]) -> None:
        await self._feed.connect()
        if not self._state.instruments:
            self._state.instruments.update({each.symbol: each for each in await self._feed.instruments()})
        await self._feed.subscribe(tuple(self._state.instruments))
        self._state.session = self._feed.session()
        up()
        async for batch in self._feed.quotes():
            kept = self._state.quotes.apply(batch)
            for quote in kept:
                if quote.last is not None:
                    self._state.positions.price(quote.symbol, quote.last)
            self._bus.publish(QuotesChanged(kept))

    def _lose_feed(self) -> None:
        self._state.session = None

    async def run_session(self) -> None:
        """Read market time now and then."""
        while True:
            if self.states.get(Part.FEED) is not None and self.states[Part.FEED].state is LinkState.UP:
                self._read_session()
            await self._clock.sleep(SESSION_EVERY_S)

    def _read_session(self) -> None:
        try:
            self._state.session = self._feed.session()
        except Exception as error:  # without market time nothing opens, and the next reading may do
            self._state.session = None
            self._tell("session", error)
            return
        self._bus.publish(SessionTicked(self._state.session))

    async def run_reconciliation(self) -> None:
        """Compare with the broker now and then (C1): a report that was never delivered is found here."""
        while True:
            await self._clock.sleep(RECONCILE_EVERY_S)
            if not self._state.ready:
                continue
            try:
                await self._reconciler.run()
            except (BrokerError, StorageError) as error:
                _log.warning("reconciliation.unanswered", reason=str(error))
            except Exception as error:  # the watch goes on whatever one comparison met
                self._tell("reconciliation", error)

    async def run_account(self) -> None:
        """Have the broker confirm the account now and then, so that it never grows too old for the rules."""
        while True:
            await self._clock.sleep(ACCOUNT_EVERY_S)
            if not self._state.ready:
                continue
            try:
                await self._reconciler.refresh_account_quietly()
            except Exception as error:  # the account grows old, which the rules notice
                self._tell("account", error)
