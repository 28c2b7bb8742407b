"""Profit and loss of a position. What is not known is None, never zero."""

from dataclasses import dataclass
from decimal import Decimal

from core.domain.execution import Fill
from core.domain.figures import PriceUsed
from core.domain.messages import PositionMark
from core.domain.money import ZERO
from core.domain.portfolio import Position
from core.ids import Symbol
from core.portfolio.exact import HUNDRED, exactly


@dataclass(frozen=True, slots=True)
class DayTrades:
    """What the fills of one symbol on one market day come to.

    Attributes:
        qty: shares, signed.
        cash: dollars that came in, fees included.
    """

    qty: Decimal = ZERO
    cash: Decimal = ZERO

    def with_fill(self, fill: Fill) -> "DayTrades":
        """Add a fill of that day."""
        with exactly():
            return DayTrades(self.qty + fill.signed_qty, self.cash + fill.cash_flow)


NO_TRADES = DayTrades()


@dataclass(frozen=True, slots=True)
class PositionPnl:
    """What a position is worth and has earned, dollars; None is unknown.

    Attributes:
        qty: shares, signed.
        price: what it is valued at; None where no price is known.
        value: signed.
        cost: paid for what is open, fees aside; negative for a short position.
        unrealised: value - cost, which is the gain of every open lot, fees aside.
        realised: of all that was closed, fees aside.
        fees: of all fills.
        total: realised + unrealised - fees.
        day: since the last close, or since the fill for what was traded today, fees included.
    """

    symbol: Symbol
    qty: Decimal
    price: PriceUsed | None
    value: Decimal | None
    cost: Decimal
    unrealised: Decimal | None
    realised: Decimal
    fees: Decimal
    total: Decimal | None
    day: Decimal | None


def position_pnl(
    position: Position, price: PriceUsed | None, prev_close: Decimal | None, today: DayTrades
) -> PositionPnl:
    """Value a position.

    The day's profit is the value now - what was held at the start of the day x the last close + the cash
    that the day's fills brought in, their fees taken off. A price is needed only where there are shares for
    it: the price of now for what is held now, the last close for what was held when the day began.

    Args:
        position: as it stands now.
        price: of now, or of the last close where the market rests.
        prev_close: dollars at the last market day's close.
        today: the fills of the symbol on this market day.
    """
    last = None if price is None else price.price
    with exactly():
        value = value_of(position.qty, last)
        started = value_of(position.qty - today.qty, prev_close)
        open_part = None if value is None else value - position.cost
        return PositionPnl(
            symbol=position.symbol,
            qty=position.qty,
            price=price,
            value=value,
            cost=position.cost,
            unrealised=open_part,
            realised=position.realised,
            fees=position.fees,
            total=None if open_part is None else position.realised + open_part - position.fees,
            day=None if value is None or started is None else value - started + today.cash,
        )


def value_of(qty: Decimal, price: Decimal | None) -> Decimal | None:
    """Return dollars of so many shares; nothing is worth nothing, whatever the price."""
    if qty == 0:
        return ZERO
    if price is None:
        return None
    with exactly():
        return qty * price


def mark(pnl: PositionPnl, position: Position, equity: Decimal | None, stop_cover: Decimal) -> PositionMark:
    """Lay out what the window and the API show of a position.

    Args:
        pnl: what it is worth and has earned.
        position: as it stands now.
        equity: dollars; the weight is value / equity x 100, for show.
        stop_cover: shares that working stop orders protect.
    """
    price, weight = pnl.price, None
    if pnl.value is not None and equity is not None and equity > 0:
        weight = pnl.value / equity * HUNDRED
    return PositionMark(
        symbol=pnl.symbol,
        qty=pnl.qty,
        avg_px=position.avg_px,
        last=None if price is None else price.price,
        day_pnl=pnl.day,
        total_pnl=pnl.total,
        unrealised=pnl.unrealised,
        value=pnl.value,
        weight_pct=weight,
        stop_cover=stop_cover,
        opened_at=position.opened_at,
        received=None if price is None else price.received,
        priced=price,
    )
