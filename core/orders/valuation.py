"""Positions, portfolio and account valued anew when a price, a fill or an order changed them."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from core.bus import Bus
from core.clock import Clock
from core.domain.execution import Fill
from core.domain.figures import PortfolioFigures
from core.domain.market import Bar
from core.domain.messages import (
    AccountMark,
    AccountMarked,
    FillBooked,
    InstrumentsKnown,
    OrderChanged,
    PortfolioMarked,
    PositionMark,
    PositionMarked,
    QuotesChanged,
    SessionTicked,
)
from core.domain.portfolio import Account, Position
from core.ids import Symbol
from core.orders.gather import LiveState
from core.orders.held_prices import HeldPrices
from core.orders.protection import may_cover, stop_cover
from core.orders.throttle import Throttle
from core.portfolio.book import PortfolioBook
from core.portfolio.day import DayFills, market_date
from core.portfolio.pnl import PositionPnl, mark, position_pnl
from core.risk.uses import Totals, uses

# A flood of quotes is valued so often at most: as often as a changed cell may flash.
MARK_EVERY_S = 0.1


class Valuation:
    """Publishes marks of what changed, and of nothing else. Runs on the core loop.

    Attributes:
        prices: what each position is valued at.
    """

    def __init__(self, state: LiveState, throttle: Throttle, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._throttle = throttle
        self._clock = clock
        self._bus = bus
        self._book = PortfolioBook()
        self._day = DayFills()
        self.prices = HeldPrices(state)
        self._changed: set[Symbol] = set()
        self._marked_at: float | None = None
        self._market: object = None
        self._is_stale = True
        self._shown: Account | None = None
        bus.subscribe(QuotesChanged, self._on_quotes)
        bus.subscribe(FillBooked, self._on_fill)
        bus.subscribe(OrderChanged, self._on_order)
        bus.subscribe(SessionTicked, self._on_session)
        bus.subscribe(InstrumentsKnown, lambda _: self._all_changed())

    def restore(self, fills: Iterable[Fill]) -> None:
        """Begin with the fills that are stored; those of this market day count in the day's figures."""
        for fill in fills:
            self._day.keep(fill)
        self._all_changed()

    @property
    def today(self) -> date | None:
        """The market date; None while market time is unknown."""
        session = self._state.session
        return None if session is None else market_date(session.now)

    def day_fills(self) -> tuple[Fill, ...]:
        """List the fills of this market day, oldest first."""
        return self._day.all(self.today)

    def _all_changed(self) -> None:
        self._changed.update(position.symbol for position in self._state.positions.all())
        self._is_stale = True

    def _on_session(self, event: SessionTicked) -> None:
        # Another day begins, or the market comes to rest: other prices and fills count from now on.
        market = (market_date(event.session.now), event.session.opens, event.session.phase)
        if market != self._market:
            self._market = market
            self._all_changed()

    def _on_quotes(self, event: QuotesChanged) -> None:
        held = self._state.positions
        self._changed.update(quote.symbol for quote in event.quotes if held.qty(quote.symbol))
        now = self._clock.monotonic()
        if self._changed and (self._marked_at is None or now - self._marked_at >= MARK_EVERY_S):
            self._mark_changed()

    def _on_fill(self, event: FillBooked) -> None:
        self._day.keep(event.fill)
        self._changed.add(event.fill.symbol)
        self._mark_changed()

    def _on_order(self, event: OrderChanged) -> None:
        self._is_stale = True
        if may_cover(event.order) and self._state.positions.qty(event.order.symbol):
            self._changed.add(event.order.symbol)
            self._mark_changed()

    def take_close(self, bar: Bar) -> None:
        """Value a symbol that has no quote at the close of its newest daily bar."""
        self.prices.take(bar)
        self._changed.add(bar.symbol)

    def _mark_changed(self) -> None:
        changed, self._changed = self._changed, set()
        self._marked_at, self._is_stale = self._clock.monotonic(), True
        found = [
            position for symbol in changed if (position := self._state.positions.get(symbol)) is not None
        ]
        pnls = [(position, self._take_in(position)) for position in found]
        equity = self.equity
        for position, pnl in pnls:
            cover = stop_cover(self._state, position.symbol)
            self._bus.publish(PositionMarked(mark(pnl, position, equity, cover)))

    def _take_in(self, position: Position) -> PositionPnl:
        pnl = self._pnl(position)
        instrument = self._state.instruments.get(position.symbol)
        sector = None if instrument is None else instrument.sector
        self._book.put(pnl, sector or "")
        return pnl

    def _pnl(self, position: Position) -> PositionPnl:
        symbol = position.symbol
        today = self._day.of(symbol, self.today)
        return position_pnl(position, self.prices.of(symbol), self.prices.prev_close(symbol), today)

    def mark_of(self, symbol: Symbol) -> PositionMark | None:
        """Value one position now; None if there never was one."""
        position = self._state.positions.get(symbol)
        if position is None:
            return None
        return mark(self._pnl(position), position, self.equity, stop_cover(self._state, symbol))

    def _catch_up(self) -> None:
        if self._changed:
            self._mark_changed()

    @property
    def net(self) -> Decimal | None:
        """Dollars of all positions, signed; None while one of them has no price."""
        self._catch_up()
        return self._book.net

    @property
    def equity(self) -> Decimal | None:
        """Cash and the value of all positions; None if a part is unknown."""
        cash, net = self._state.account.cash, self.net
        return None if cash is None or net is None else cash + net

    def figures(self) -> PortfolioFigures:
        """Return all figures of the portfolio as they stand now."""
        self._catch_up()
        return self._book.figures(self._state.account.cash)

    def account_mark(self) -> AccountMark:
        """Value the account now."""
        account, equity = self._state.account.account, self.equity
        start = None if account is None else account.start_equity
        day = None if equity is None or start is None else equity - start
        figures = self._throttle.figures(self._state.limits)
        gross, flows = self._state.positions.gross, self._state.day_flows
        totals = Totals(
            equity,
            start,
            gross,
            figures.today,
            figures.last_minute,
            day_flows=flows,
            is_margin=account is not None and account.is_margin,
        )
        return AccountMark(
            account=account,
            equity=equity,
            day_pnl=day,
            day_pnl_pct=None if day is None or not start else day / start * 100,
            buying_power=None if account is None else account.buying_power,
            uses=uses(self._state.limits, totals),
        )

    async def publish_if_stale(self) -> None:
        """Publish portfolio and account, if anything changed since they were published last."""
        self._catch_up()
        account = self._state.account.account
        if self._is_stale or account is not self._shown:
            self._is_stale, self._shown = False, account
            self._bus.publish(AccountMarked(self.account_mark()))
            self._bus.publish(PortfolioMarked(self.figures()))
