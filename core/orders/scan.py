"""Scanning a universe for what moved most; it looks, and no order comes of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.domain.access import Actor
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import ScanMovers
from core.domain.movers import MoverSnapshot, MoversScan
from core.errors import RefusalCode, Refused
from core.ids import Symbol
from core.orders.gather import LiveState
from core.ports.snapshots import SnapshotSource
from core.signals.movers import scan_top_movers

MOST_SYMBOLS = 100


class QuotedSnapshots:
    """Answers from the quotes that stream in anyway: for a feed that has no snapshots of its own."""

    def __init__(self, state: LiveState) -> None:
        self._state = state

    async def snapshots(
        self, symbols: Sequence[Symbol]
    ) -> tuple[dict[Symbol, MoverSnapshot], dict[Symbol, str]]:
        """Return the newest quote of each symbol; one without a quote has failed."""
        found: dict[Symbol, MoverSnapshot] = {}
        failed: dict[Symbol, str] = {}
        for symbol in symbols:
            quote = self._state.quotes.get(symbol)
            if quote is None:
                failed[symbol] = "no quote: it is not followed here"
            else:
                found[symbol] = MoverSnapshot(
                    symbol, quote.last, quote.prev_close, quote.volume, None, quote.time
                )
        return found, failed


class Scanner:
    """Answers `ScanMovers`. Runs on the core loop."""

    def __init__(self, state: LiveState, source: SnapshotSource) -> None:
        self._state = state
        self._source = source

    async def scan(self, command: ScanMovers, actor: Actor) -> MoversScan:
        """Fetch the snapshots together and rank them; what failed is named in the answer.

        Raises:
            Refused: `MALFORMED`, too many symbols; `NOT_READY`, market time is not known yet.
        """
        del actor
        if len(command.universe) > MOST_SYMBOLS:
            text = f"A scan takes at most {MOST_SYMBOLS} symbols, not {len(command.universe)}."
            raise Refused(RefusalCode.MALFORMED, text)
        session = self._state.session
        if session is None:
            raise Refused(RefusalCode.NOT_READY, "The feed is down, so there is nothing to scan.")
        found, failed = await self._source.snapshots(command.universe)
        return scan_top_movers(found, failed, _moment(session, found.values()), command.universe)


def _moment(session: MarketSession, found: Iterable[MoverSnapshot]) -> datetime:
    # Outside regular hours a trade is as fresh as the newest of them all.
    newest = max((each.as_of for each in found if each.as_of is not None), default=session.now)
    return session.now if session.phase is SessionPhase.REGULAR else min(session.now, newest)
