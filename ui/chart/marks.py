"""What the chart shows on top of the bars: plain frozen values, cheap to import."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ChartOrder:
    """A working order of ours; `kind` is its type in words ("stop limit"), and a stop is drawn dotted."""

    cl_ord_id: str
    is_buy: bool
    leaves_qty: Decimal
    order_qty: Decimal
    kind: str
    px: Decimal
    is_stop: bool = False
    can_cancel: bool = True


@dataclass(frozen=True, slots=True)
class ChartFill:
    """One execution of ours, drawn at the bar that was open at `time` (UTC)."""

    is_buy: bool
    qty: Decimal
    px: Decimal
    time: datetime


@dataclass(frozen=True, slots=True)
class ChartPosition:
    """The position in the symbol: signed quantity, average price, total P&L (None: unknown)."""

    qty: Decimal
    avg_px: Decimal
    total_pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class ChartMarks:
    """Everything on top of the bars.

    Attributes:
        last: the last price and its change since the last close (None: unknown); None without a price.
        hidden: labels of the indicators that are switched off.
    """

    orders: tuple[ChartOrder, ...] = ()
    fills: tuple[ChartFill, ...] = ()
    position: ChartPosition | None = None
    last: tuple[Decimal, Decimal | None] | None = None
    hidden: frozenset[str] = frozenset()
