"""The fills of the market day, by symbol and in all."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from core.domain.execution import Fill
from core.ids import Symbol
from core.portfolio.pnl import NO_TRADES, DayTrades

_EXCHANGE_TIME = ZoneInfo("America/New_York")


def market_date(moment: datetime) -> date:
    """Return the date in New York of a market time."""
    return moment.astimezone(_EXCHANGE_TIME).date()


def day_begins(day: date) -> datetime:
    """Return the market time, UTC, at which a date begins in New York."""
    return datetime.combine(day, time(), _EXCHANGE_TIME).astimezone(UTC)


class DayFills:
    """Keeps the fills of the newest day on which there were any."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._fills: list[Fill] = []
        self._trades: dict[Symbol, DayTrades] = {}

    def keep(self, fill: Fill) -> None:
        """Take a fill; one of an earlier day has no part in this day's figures."""
        day = market_date(fill.transact_time)
        if self._day is None or day > self._day:
            self._day = day
            self._fills.clear()
            self._trades.clear()
        if day == self._day:
            self._fills.append(fill)
            self._trades[fill.symbol] = self._trades.get(fill.symbol, NO_TRADES).with_fill(fill)

    def of(self, symbol: Symbol, today: date | None) -> DayTrades:
        """Return what a symbol's fills of today come to; of the newest day, where today is not known."""
        return self._trades.get(symbol, NO_TRADES) if today in (None, self._day) else NO_TRADES

    def all(self, today: date | None) -> tuple[Fill, ...]:
        """List the fills of today, oldest first; of the newest day, where today is not known."""
        return tuple(self._fills) if today in (None, self._day) else ()
