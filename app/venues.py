"""Where a profile trades and where its prices come from: the exchange of our own, or Alpaca and Polygon."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.profile import OpenProfile
from core.clock import Clock, SystemClock
from core.domain.access import Mode
from core.domain.messages import Event, Notice, RequestsWaiting, Severity
from core.ports.broker import Broker
from core.ports.market_data import MarketDataFeed
from core.ports.snapshots import SnapshotSource
from core.settings import BrokerName, FeedName

if TYPE_CHECKING:
    from core.adapters.simulator import Simulator
    from core.domain.credentials import AlpacaCredentials, PolygonKey

PRACTICE = "Practice account"


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Venue:
    """A broker and a feed, not connected yet.

    Attributes:
        account: names the account to a person.
        snapshots: answers a scan of many symbols; None where the feed has none of its own.
        start: to be awaited before the core starts.
        stop: to be awaited after the core has stopped.
    """

    broker: Broker
    feed: MarketDataFeed
    mode: Mode
    name: str
    account: str
    snapshots: SnapshotSource | None = None
    start: Callable[[], Awaitable[None]] = _nothing
    stop: Callable[[], Awaitable[None]] = _nothing


class Told:
    """Passes what an adapter tells on to the core, which is made after it. Used on the core loop."""

    def __init__(self) -> None:
        self.publish: Callable[[Event], None] = lambda _: None

    def waiting(self, count: int, wait_s: float) -> None:
        """Tell how many requests wait for the rate limit."""
        self.publish(RequestsWaiting(count, wait_s))

    def words(self, text: str) -> None:
        """Tell something that a person may want to know."""
        self.publish(Notice(Severity.FACT, text, "feed"))


def simulated(market: "Simulator") -> Venue:
    """Trade on the exchange of our own."""
    return Venue(
        market.broker,
        market.feed,
        Mode.SIM,
        BrokerName.SIMULATOR.value,
        PRACTICE,
        start=market.start,
        stop=market.stop,
    )


async def venue_of(opened: OpenProfile, told: Told) -> Venue:
    """Return where a profile trades, with its credentials read and nothing sent yet.

    Raises:
        CredentialMissing: a key that the profile needs is not stored.
        SettingInvalid: an address is not one that its mode may speak to.
        KeyringUnavailable, StorageError: nobody knows whether the keys are there.
    """
    clock = SystemClock()
    if opened.profile.settings.broker is BrokerName.SIMULATOR:
        from core.adapters import simulator

        return simulated(simulator.synthetic(clock, opened.profile.ledger))
    return await _alpaca(opened, told, clock)


async def _alpaca(opened: OpenProfile, told: Told, clock: Clock) -> Venue:
    from app.secrets import load_alpaca, load_polygon, open_secrets
    from core.adapters.alpaca.broker import AlpacaBroker
    from core.adapters.alpaca.feed import AlpacaFeed
    from core.adapters.alpaca.limiter import Limiter
    from core.adapters.calendar import MarketCalendar
    from core.adapters.polygon.feed import PolygonFeed

    profile, settings = opened.profile, opened.profile.settings
    wants_polygon = settings.feed is FeedName.POLYGON

    def read() -> "tuple[AlpacaCredentials, PolygonKey | None]":
        # A keyring may ask the person; never on a loop.
        secrets = open_secrets(profile, opened.key)
        polygon = load_polygon(profile, secrets) if wants_polygon else None
        return load_alpaca(profile, settings.mode, secrets), polygon

    credentials, polygon = await asyncio.to_thread(read)
    limiter = Limiter(clock, on_waiting=told.waiting)
    broker = AlpacaBroker(
        settings.mode, settings.alpaca, credentials, clock, _cache(profile.folder), limiter, told.words
    )
    calendar = MarketCalendar(broker.calendar)
    feed: AlpacaFeed | PolygonFeed
    if polygon is not None:
        feed = PolygonFeed(settings.polygon, polygon, clock, calendar, broker.assets, told.words)
    else:
        feed = AlpacaFeed(
            settings.mode, settings.alpaca, credentials, clock, calendar, broker.assets, told.words
        )

    async def start() -> None:
        await calendar.prepare(clock.now())

    return Venue(
        broker,
        feed,
        settings.mode,
        settings.broker.value,
        f"Alpaca {settings.mode.value} account",
        snapshots=feed if isinstance(feed, PolygonFeed) else None,
        start=start,
    )


def _cache(folder: Path) -> Path:
    found = folder / "cache"
    found.mkdir(mode=0o700, exist_ok=True)
    return found
