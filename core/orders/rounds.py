"""What is done again and again: market time, the account, the comparison with the broker, the clocks."""

from collections.abc import Callable, Coroutine

from core.domain.market import SessionPhase
from core.domain.messages import LinkState, Part, SessionTicked
from core.orders.following import Following
from core.orders.gather import LiveState
from core.orders.in_flight import InFlight
from core.orders.links import Links
from core.orders.reconcile import Reconciler
from core.orders.supervision import Means
from core.orders.valuation import Valuation
from core.ports.market_data import MarketDataFeed

Work = Callable[[], Coroutine[object, object, None]]

ACCOUNT_EVERY_S = 10.0
SESSION_EVERY_S = 0.5
RECONCILE_EVERY_S = 30.0
VALUE_EVERY_S = 0.2
IN_FLIGHT_EVERY_S = 2.0
CLOCKS_EVERY_S = 1.0
# How far our time of day and the monotonic clock may part before it counts as a sleep or a jump.
MOST_JUMP_S = 5.0
# How much longer than asked a sleep may take: where the monotonic clock counts on, this is a suspend.
MOST_OVERSLEPT_S = 60.0


class Rounds:
    """The periodic work of one profile; one error never ends it. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        feed: MarketDataFeed,
        links: Links,
        following: Following,
        reconciler: Reconciler,
        in_flight: InFlight,
        valuation: Valuation,
        means: Means,
    ) -> None:
        self._state = state
        self._feed = feed
        self._links = links
        self._following = following
        self._reconciler = reconciler
        self._in_flight = in_flight
        self._valuation = valuation
        self._clock = means.clock
        self._bus = means.bus
        self._phase: SessionPhase | None = None

    @property
    def works(self) -> tuple[tuple[str, Work], ...]:
        """Every piece of work, by name; each runs until it is cancelled."""
        return (
            ("session", self._watch_session),
            ("following", self._follow),
            ("account", self._watch_account),
            ("reconciliation", self._compare),
            ("in flight", self._watch_in_flight),
            ("stream", self._watch_stream),
            ("valuation", self._value),
            ("clocks", self._watch_clocks),
        )

    async def _watch_session(self) -> None:
        while True:
            if self._is_feed_up:
                await self._links.attempt("session", self._read_session)
                await self._links.attempt("instruments", self._links.learn_instruments)
            await self._clock.sleep(SESSION_EVERY_S)

    async def _read_session(self) -> None:
        before = self._phase
        self._state.session = None  # without market time nothing opens, and the next reading may do
        session = self._feed.session()
        self._state.session, self._phase = session, session.phase
        self._bus.publish(SessionTicked(session))
        if before is SessionPhase.REGULAR and session.phase is not SessionPhase.REGULAR and self._state.ready:
            # At the close what worked for the day has ended.
            await self._links.attempt("reconciliation", self._reconciler.check, asks_broker=True)

    async def _follow(self) -> None:
        while True:
            await self._following.next_change()
            if self._is_feed_up:
                await self._links.attempt("following", self._following.subscribe)
            else:  # the next connection asks for everything that is wanted by then
                await self._clock.sleep(SESSION_EVERY_S)

    @property
    def _is_feed_up(self) -> bool:
        feed = self._links.states.get(Part.FEED)
        return feed is not None and feed.state is LinkState.UP

    async def _watch_account(self) -> None:
        # Confirmed now and then, so that it never grows too old for the rules.
        while True:
            await self._clock.sleep(ACCOUNT_EVERY_S)
            if self._state.ready:
                await self._links.attempt(
                    "account", self._reconciler.holdings.watch_account, asks_broker=True
                )

    async def _compare(self) -> None:
        # A report that was never delivered is found here (C1).
        while True:
            await self._clock.sleep(RECONCILE_EVERY_S)
            if self._state.ready:
                await self._links.attempt("reconciliation", self._reconciler.check, asks_broker=True)

    async def _watch_in_flight(self) -> None:
        while True:
            await self._clock.sleep(IN_FLIGHT_EVERY_S)
            if self._state.ready:
                await self._links.attempt("in_flight", self._in_flight.look, asks_broker=True)

    async def _watch_stream(self) -> None:
        while True:
            await self._clock.sleep(CLOCKS_EVERY_S)
            unheard = self._links.crosscheck.unheard() if self._state.ready else None
            if unheard is not None:
                self._links.suspect_orders(f"the stream told nothing of {unheard}, which has changed")

    async def _value(self) -> None:
        while True:
            await self._clock.sleep(VALUE_EVERY_S)
            await self._links.attempt("valuation", self._valuation.publish_if_stale)

    async def _watch_clocks(self) -> None:
        while True:
            wall, steady = self._clock.now(), self._clock.monotonic()
            await self._clock.sleep(CLOCKS_EVERY_S)
            elapsed = self._clock.monotonic() - steady
            jump = (self._clock.now() - wall).total_seconds() - elapsed
            if abs(jump) > MOST_JUMP_S:
                self._links.interrupt(f"the computer slept, or its clock jumped by {jump:.0f} s")
            elif elapsed > CLOCKS_EVERY_S + MOST_OVERSLEPT_S:
                self._links.interrupt(f"the program stood still for {elapsed:.0f} s")
