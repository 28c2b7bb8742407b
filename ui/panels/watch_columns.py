"""The watchlist's rows and columns as data."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from core.domain.market import Quote
from core.ids import Symbol
from ui import format as fmt
from ui.models.columns import Align, Column, Ink, Kind, Mark, RowState

STALE_S = 5.0
HOLDINGS = "Holdings"
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A symbol that is followed; without a quote, its figures are unknown."""

    symbol: Symbol
    group: str
    quote: Quote | None

    @property
    def is_halted(self) -> bool:
        """Whether trading in the symbol is paused."""
        return self.quote is not None and self.quote.halted

    @property
    def last(self) -> Decimal | None:
        """Dollars of the last trade."""
        return None if self.quote is None else self.quote.last

    @property
    def change_pct(self) -> Decimal | None:
        """Percent since the last close."""
        return None if self.quote is None else self.quote.change_pct


def _bid(row: WatchRow) -> Decimal | None:
    return None if row.quote is None or row.is_halted else row.quote.bid


def _ask(row: WatchRow) -> Decimal | None:
    return None if row.quote is None or row.is_halted else row.quote.ask


def _sizes(row: WatchRow) -> str:
    quote = row.quote
    if quote is None or _bid(row) is None or _ask(row) is None:
        return fmt.UNKNOWN
    return fmt.sizes(quote.bid_size, quote.ask_size)


def _change_ink(row: WatchRow) -> Ink:
    direction = fmt.sign(row.change_pct)
    return Ink.GAIN if direction > 0 else Ink.LOSS if direction < 0 else Ink.TEXT1


class AgeOf:
    """Tells how old a row's quote is.

    Args:
        clock: monotonic seconds, of the clock that noted when a quote was received.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def seconds(self, row: WatchRow) -> float | None:
        """Return the age in seconds; None without a quote."""
        return None if row.quote is None else max(0.0, self._clock() - row.quote.received)

    def text(self, row: WatchRow) -> str:
        """Return the cell's words."""
        return "halt" if row.is_halted else fmt.age(self.seconds(row))

    def state(self, row: WatchRow) -> RowState:
        """Return what holds for the whole row; a halt outranks an old quote."""
        if row.is_halted:
            return RowState.HALTED
        age = self.seconds(row)
        return RowState.STALE if age is not None and age > STALE_S else RowState.NORMAL


def columns(age: AgeOf) -> list[Column[WatchRow]]:
    """Return the columns; bid, ask and size are the ones that a narrow panel leaves out."""
    number = Kind.NUMBER
    return [
        Column[WatchRow](
            "symbol",
            "Symbol",
            72,
            lambda row: row.symbol,
            weight=500,
            sort_key=lambda row: row.symbol,
            frozen=True,
        ),
        Column[WatchRow](
            "last",
            "Last",
            66,
            lambda row: fmt.price(row.last),
            Align.RIGHT,
            number,
            value=lambda row: row.last,
            weight=500,
            sort_key=lambda row: row.last,
            flash=True,
        ),
        Column[WatchRow](
            "change",
            "Chg %",
            74,
            lambda row: fmt.pnl(row.change_pct),
            Align.RIGHT,
            Kind.CHANGE,
            ink=_change_ink,
            sort_key=lambda row: row.change_pct,
            direction=lambda row: fmt.sign(row.change_pct),
            tooltip="Percent since the last close",
        ),
        Column[WatchRow](
            "bid", "Bid", 60, lambda row: fmt.price(_bid(row)), Align.RIGHT, number, default_ink=Ink.TEXT2
        ),
        Column[WatchRow](
            "ask", "Ask", 60, lambda row: fmt.price(_ask(row)), Align.RIGHT, number, default_ink=Ink.TEXT2
        ),
        Column[WatchRow](
            "size",
            "Size",
            52,
            _sizes,
            Align.CENTER,
            default_ink=Ink.TEXT3,
            tooltip="Round lots of 100 shares, bid and offer",
        ),
        Column[WatchRow](
            "age",
            "Age s",
            52,
            age.text,
            Align.RIGHT,
            Kind.AGE,
            ink=lambda row: Ink.TEXT1 if row.is_halted else Ink.TEXT3,
            mark=lambda row: Mark.STOP if row.is_halted else None,
            tooltip="Seconds since the quote was received",
        ),
    ]
