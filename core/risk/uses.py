"""How much of each limit is used: the figures of the risk panel."""

from dataclasses import dataclass
from decimal import Decimal

from core.domain.limits import Limits
from core.domain.risk import LimitUse, Unit
from core.ids import Symbol
from core.risk.effect import daily_loss_left
from core.risk.pricing import HUNDRED


@dataclass(frozen=True, slots=True)
class Totals:
    """What the limits of an account are held against; None is unknown.

    Attributes:
        equity: dollars now.
        start_equity: dollars at the start of the market day.
        gross_exposure: dollars; as in `Facts`.
        sent_today: new orders and replacements since the start of our day, UTC.
        sent_last_minute: the same of the last 60 s.
        symbol: the ticket's symbol; None if there is none.
        day_flows: dollars that the owner put in (or took out, negative) on this market day.
        is_margin: the account may borrow.
        symbol_value: dollars, without sign, of what is held of it and what working purchases may add.
    """

    equity: Decimal | None
    start_equity: Decimal | None
    gross_exposure: Decimal | None
    sent_today: int
    sent_last_minute: int
    symbol: Symbol | None = None
    symbol_value: Decimal | None = None
    day_flows: Decimal = Decimal(0)
    is_margin: bool = False


def uses(limits: Limits, totals: Totals) -> tuple[LimitUse, ...]:
    """Return daily loss, gross exposure, the symbol's weight, orders today and in the last minute.

    Percentages are of equity at the start of the day; a gain uses 0 of the daily loss and adds to its room.
    """
    lines = [
        _daily_loss(limits, totals),
        _share(
            "gross_exposure", totals.gross_exposure, limits.gross_limit(is_margin=totals.is_margin), totals
        ),
    ]
    if totals.symbol is not None:
        lines.append(_share(f"weight:{totals.symbol}", totals.symbol_value, limits.position_pct, totals))
    lines.append(_count("orders_today", totals.sent_today, limits.per_day))
    lines.append(_count("orders_per_minute", totals.sent_last_minute, limits.per_minute))
    return tuple(lines)


def _daily_loss(limits: Limits, totals: Totals) -> LimitUse:
    used = None
    start = totals.start_equity
    if totals.equity is not None and start is not None and start > 0:
        used = max((start + totals.day_flows - totals.equity) * HUNDRED / start, Decimal(0))
    room = daily_loss_left(limits, totals.equity, start, totals.day_flows)
    return LimitUse("daily_loss", used, limits.daily_loss_pct, Unit.PERCENT, room)


def _share(name: str, value: Decimal | None, limit: Decimal, totals: Totals) -> LimitUse:
    start = totals.start_equity
    if value is None or start is None or start <= 0:
        return LimitUse(name, None, limit, Unit.PERCENT, None)
    return LimitUse(name, value * HUNDRED / start, limit, Unit.PERCENT, start * limit / HUNDRED - value)


def _count(name: str, sent: int, limit: int) -> LimitUse:
    return LimitUse(name, Decimal(sent), Decimal(limit), Unit.COUNT, Decimal(limit - sent), Unit.COUNT)
