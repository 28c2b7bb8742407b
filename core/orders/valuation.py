"""Positions and the account valued anew when a price, a fill or an order changed them."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.bus import Bus
from core.clock import Clock
from core.domain.execution import Fill
from core.domain.messages import (
    AccountMark,
    AccountMarked,
    FillBooked,
    OrderChanged,
    PositionMark,
    PositionMarked,
    QuotesChanged,
)
from core.domain.money import Price
from core.domain.portfolio import Account
from core.ids import Symbol
from core.orders.gather import LiveState
from core.orders.protection import may_cover, stop_cover
from core.orders.throttle import Throttle
from core.portfolio.pnl import mark
from core.risk.uses import Totals, uses

_EXCHANGE_TIME = ZoneInfo("America/New_York")


class Valuation:
    """Publishes marks of what changed. Runs on the core loop."""

    def __init__(self, state: LiveState, throttle: Throttle, clock: Clock, bus: Bus) -> None:
        self._state = state
        self._throttle = throttle
        self._clock = clock
        self._bus = bus
        self._day_fills: dict[Symbol, list[Fill]] = {}
        self._day: object = None
        self._is_stale = True
        self._shown: Account | None = None
        bus.subscribe(QuotesChanged, self._on_quotes)
        bus.subscribe(FillBooked, self._on_fill)
        bus.subscribe(OrderChanged, self._on_order)

    def restore(self, fills: Iterable[Fill]) -> None:
        """Begin with the fills that are stored; those of this market day count in the day's figures."""
        for fill in fills:
            self._keep(fill)

    def _keep(self, fill: Fill) -> None:
        day = _market_date(fill.transact_time)
        if day != self._day:
            self._day_fills.clear()
            self._day = day
        self._day_fills.setdefault(fill.symbol, []).append(fill)

    def _fills_today(self, symbol: Symbol) -> list[Fill]:
        session = self._state.session
        if session is not None and self._day != _market_date(session.now):
            return []
        return self._day_fills.get(symbol, [])

    def _on_quotes(self, event: QuotesChanged) -> None:
        for symbol in {quote.symbol for quote in event.quotes}:
            if self._state.positions.qty(symbol):
                self._publish(symbol)

    def _on_fill(self, event: FillBooked) -> None:
        self._keep(event.fill)
        self._publish(event.fill.symbol)

    def _on_order(self, event: OrderChanged) -> None:
        self._is_stale = True
        if may_cover(event.order) and self._state.positions.qty(event.order.symbol):
            self._publish(event.order.symbol)

    def _publish(self, symbol: Symbol) -> None:
        self._is_stale = True
        found = self.mark_of(symbol)
        if found is not None:
            self._bus.publish(PositionMarked(found))

    def mark_of(self, symbol: Symbol) -> PositionMark | None:
        """Value one position now; None if there never was one."""
        position = self._state.positions.get(symbol)
        if position is None:
            return None
        quote = self._state.quotes.get(symbol)
        last: Price | None = None if quote is None else quote.last
        prev_close = None if quote is None else quote.prev_close
        received = None if quote is None else quote.received
        fills = self._fills_today(symbol)
        return mark(position, last, prev_close, fills, self.equity, stop_cover(self._state, symbol), received)

    @property
    def equity(self) -> Decimal | None:
        """Cash and the value of all positions; None if a part is unknown."""
        cash, net = self._state.account.cash, self._state.positions.net
        return None if cash is None or net is None else cash + net

    def account_mark(self) -> AccountMark:
        """Value the account now."""
        account, equity = self._state.account.account, self.equity
        start = None if account is None else account.start_equity
        day = None if equity is None or start is None else equity - start
        figures = self._throttle.figures(self._state.limits)
        totals = Totals(equity, start, self._state.positions.gross, figures.today, figures.last_minute)
        return AccountMark(
            account=account,
            equity=equity,
            day_pnl=day,
            day_pnl_pct=None if day is None or not start else day / start * 100,
            buying_power=None if account is None else account.buying_power,
            uses=uses(self._state.limits, totals),
        )

    async def publish_if_stale(self) -> None:
        """Publish the account, if anything changed since it was published last."""
        account = self._state.account.account
        if self._is_stale or account is not self._shown:
            self._is_stale, self._shown = False, account
            self._bus.publish(AccountMarked(self.account_mark()))


def _market_date(moment: datetime) -> object:
    return moment.astimezone(_EXCHANGE_TIME).date()
