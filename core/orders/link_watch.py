"""Old prices of what is held, and an order stream that is down, in regular hours (B2)."""

from datetime import timedelta
from decimal import Decimal

from core.bus import Bus
from core.clock import Clock
from core.domain.breakers import BreakerName, BreakerRecord
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import LinkChanged, LinkState, Part, SessionTicked
from core.orders.gather import LiveState
from core.orders.watching import Reading

_MICROS = Decimal("0.000001")


class LinkWatch:
    """Measures `STALE_DATA` and `DISCONNECTION`. Lives on the core loop.

    Both are unknown outside regular hours. While the feed is down, market time goes on as ours.
    """

    def __init__(self, state: LiveState, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._clock = clock
        self._down_since: float | None = clock.monotonic()
        self._session: MarketSession | None = None
        self._told_at = 0.0
        self._regular_since: float | None = None
        bus.subscribe(LinkChanged, self._on_link)
        bus.subscribe(SessionTicked, self._on_session)

    def _on_link(self, event: LinkChanged) -> None:
        if event.part is not Part.ORDERS:
            return
        if event.state is LinkState.UP:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = self._clock.monotonic()

    def _on_session(self, event: SessionTicked) -> None:
        self._session, self._told_at = event.session, self._clock.monotonic()
        if event.session.phase is not SessionPhase.REGULAR:
            self._regular_since = None
        elif self._regular_since is None:
            self._regular_since = self._told_at

    def readings(self) -> tuple[Reading, ...]:
        """Return both figures."""
        begun = self._regular_since if self._is_regular() else None
        stale = None if begun is None else self._stale_s(begun)
        down = None if begun is None else self._down_s(begun)
        old = "" if stale is None else f"Nothing that is held has had a price for {_words(stale)}."
        gone = "" if down is None else f"The order stream has been down for {_words(down)}."
        return (
            Reading(BreakerName.STALE_DATA, stale, old),
            Reading(BreakerName.DISCONNECTION, down, gone),
        )

    def forget(self, record: BreakerRecord) -> None:
        """Nothing to forget: what is down, or old, is so still."""

    def _is_regular(self) -> bool:
        session = self._session
        if session is None or session.phase is not SessionPhase.REGULAR:
            return False
        gone_on = timedelta(seconds=self._clock.monotonic() - self._told_at)
        return session.now + gone_on < session.closes

    def _stale_s(self, begun: float) -> Decimal:
        # The freshest counts: one symbol may rest, but not all of them. What is halted has no prices.
        now, ages = self._clock.monotonic(), []
        for position in self._state.positions.held():
            quote = self._state.quotes.get(position.symbol)
            if quote is None or not quote.halted:
                received = begun if quote is None else quote.received
                ages.append(now - max(received, begun))
        return _decimal(min(ages, default=0.0))

    def _down_s(self, begun: float) -> Decimal:
        since = self._down_since
        return Decimal(0) if since is None else _decimal(self._clock.monotonic() - max(since, begun))


def _decimal(value: float) -> Decimal:
    return Decimal(str(value)).quantize(_MICROS)


def _words(value: Decimal) -> str:
    return f"{value:.0f} s"
