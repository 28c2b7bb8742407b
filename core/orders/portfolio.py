"""Answers what the portfolio is worth, what it has done, and what each of its figures is made of."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.archives import Archived, ArchivedPart
from core.domain.execution import Fill
from core.domain.figures import Figure, FigureName, FigureProof, PortfolioReport
from core.domain.market import Timeframe
from core.domain.messages import (
    ExplainFigure,
    ExplainPosition,
    LoadPortfolio,
    Notice,
    PositionProof,
    Severity,
)
from core.domain.money import ZERO
from core.domain.outcomes import EquitySnapshot
from core.domain.portfolio import LotClose, Position
from core.errors import BrokerError, RefusalCode, Refused
from core.ids import Symbol
from core.orders.gather import LiveState
from core.orders.valuation import Valuation
from core.portfolio.carried import archived_of, archived_parts
from core.portfolio.day import market_date
from core.portfolio.parts import Evidence, take_apart
from core.portfolio.performance import performance
from core.portfolio.provenance import proof, readds
from core.ports.market_data import MarketDataFeed
from core.ports.storage import Reader, Store

BENCHMARK = Symbol("SPY")
MOST_CLOSES = 2_520  # ten years
_TRIES, _AGAIN_S = 5, 0.05
# Those that need what was closed, and every fill there ever was.
_OF_CLOSES = frozenset({FigureName.REALISED, FigureName.TOTAL_PNL})
_OF_FILLS = frozenset({FigureName.FEES, FigureName.TOTAL_PNL})

_Stored = tuple[tuple[Position, ...], tuple[LotClose, ...], tuple[Fill, ...], tuple[ArchivedPart, ...]]

_log = structlog.get_logger("portfolio")


class Portfolio:
    """Answers `LoadPortfolio`, `ExplainFigure` and `ExplainPosition`. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        valuation: Valuation,
        feed: MarketDataFeed,
        store: Store,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._state = state
        self._valuation = valuation
        self._feed = feed
        self._store = store
        self._clock = clock
        self._bus = bus

    async def load(self, command: LoadPortfolio, actor: Actor) -> PortfolioReport:
        """Answer the figures of now, and what the closes say."""
        del command, actor
        newest_first = await self._store.read(lambda reader: reader.snapshots(MOST_CLOSES))
        closes = tuple(sorted(newest_first, key=lambda close: close.market_date))
        prices = await self._benchmark(closes)
        symbol = BENCHMARK if prices else ""
        session = self._state.session
        is_ahead = session is not None and session.now < session.closes
        return PortfolioReport(
            figures=self._valuation.figures(),
            closes=closes,
            performance=performance(closes, symbol, prices),
            next_close=session.closes if session is not None and is_ahead else None,
        )

    async def _benchmark(self, closes: tuple[EquitySnapshot, ...]) -> dict[date, Decimal]:
        if len(closes) < 2 or BENCHMARK not in self._state.instruments:
            return {}
        try:
            bars = await self._feed.bars(BENCHMARK, Timeframe.D1, MOST_CLOSES)
        except BrokerError as error:
            # What needs no benchmark is told all the same.
            _log.info("benchmark.unanswered", reason=str(error))
            return {}
        return {market_date(bar.time): Decimal(bar.close) for bar in bars}

    async def explain(self, command: ExplainFigure, actor: Actor) -> FigureProof:
        """Lay the parts of a figure beside it, all of one moment.

        Raises:
            Refused: `NOT_FOUND`: there is no such figure; of an empty portfolio there are none.
        """
        del actor
        for _ in range(_TRIES):
            evidence = await self._evidence(command.name)
            if evidence is not None:
                return self._take_apart(command, evidence)
            await self._clock.sleep(_AGAIN_S)
        raise Refused(RefusalCode.NOT_READY, "Fills are being booked; ask again in a moment.")

    async def explain_position(self, command: ExplainPosition, actor: Actor) -> PositionProof:
        """Lay the fills, lots and closed pieces beside a position's figures, all of one moment.

        Raises:
            Refused: `NO_POSITION`: there never was one.
        """
        del actor
        symbol = command.symbol

        def query(reader: Reader) -> tuple[Position, tuple[Fill, ...], tuple[LotClose, ...], Archived] | None:
            found = next((each for each in reader.positions() if each.symbol == symbol), None)
            if found is None:
                return None
            return found, reader.fills(symbol), reader.lot_closes(symbol), archived_of(reader, symbol)

        found = await self._store.read(query)
        if found is None:
            raise Refused(RefusalCode.NO_POSITION, f"There never was a position in {symbol}.")
        position, fills, closes, archived = found
        answer = proof(position, fills, closes, self._valuation.prices.of(symbol), archived)
        if not readds(answer):
            words = f"{symbol}: the fills do not add up to the position that is shown."
            self._bus.publish(Notice(Severity.ALARM, words, f"proof:{symbol}"))
        return answer

    def _take_apart(self, command: ExplainFigure, evidence: Evidence) -> FigureProof:
        # Nothing waits from here on, so figure, lots and prices are of one moment.
        figure = self._valuation.figures().get(command.name, command.of)
        if figure is None:
            words = f"The portfolio has no {command.name.value} {command.of}".rstrip()
            raise Refused(RefusalCode.NOT_FOUND, f"{words}: nothing that is held goes into it.")
        taken_apart = take_apart(figure, evidence, self._of_sector(figure))
        if not taken_apart.holds:
            words = f"Portfolio: what was filled does not add up to the {figure.name.value} that is shown."
            self._bus.publish(Notice(Severity.ALARM, words, f"proof:{figure.name}"))
        return taken_apart

    def _of_sector(self, figure: Figure) -> tuple[Symbol, ...]:
        if figure.name is not FigureName.SECTOR:
            return ()
        known = self._state.instruments
        sectors = {symbol: each.sector or "" for symbol, each in known.items()}
        held = (position.symbol for position in self._state.positions.held())
        return tuple(symbol for symbol in held if sectors.get(symbol, "") == figure.of)

    async def _evidence(self, name: FigureName) -> Evidence | None:
        """Collect what a figure is made of; None where fills were booked in the meantime."""
        closes: tuple[LotClose, ...] = ()
        fills: tuple[Fill, ...] = ()
        archived: tuple[ArchivedPart, ...] = ()
        stored: tuple[Position, ...] | None = None
        if name in _OF_CLOSES | _OF_FILLS:

            def query(reader: Reader) -> _Stored:
                found = reader.lot_closes() if name in _OF_CLOSES else ()
                filled = reader.fills() if name in _OF_FILLS else ()
                return reader.positions(), found, filled, archived_parts(reader)

            stored, closes, fills, archived = await self._store.read(query)
        positions, account = self._state.positions.all(), self._state.account
        if stored is not None and _sums(stored) != _sums(positions):
            return None
        prices = {each.symbol: self._valuation.prices.of(each.symbol) for each in positions}
        prev_closes = {each.symbol: self._valuation.prices.prev_close(each.symbol) for each in positions}
        confirmed = None if account.account is None else account.account.cash
        return Evidence(
            lots=tuple(lot for position in positions for lot in position.lots),
            closes=closes,
            fills=fills,
            archived=archived,
            day_fills=self._valuation.day_fills(),
            prices={symbol: price for symbol, price in prices.items() if price is not None},
            prev_closes={symbol: close for symbol, close in prev_closes.items() if close is not None},
            confirmed=confirmed,
            since=ZERO if account.cash is None or confirmed is None else account.cash - confirmed,
        )


def _sums(positions: Iterable[Position]) -> dict[Symbol, tuple[Decimal, Decimal, Decimal]]:
    return {each.symbol: (each.qty, each.realised, each.fees) for each in positions}
