"""The positions' columns and their total as data."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.domain.figures import PriceBasis
from core.domain.messages import PositionMark
from ui import format as fmt
from ui.models.columns import Align, BarFill, Column, Ink, Kind, RowState
from ui.panels.watch_columns import STALE_S


def _pnl_ink(value: Decimal | None) -> Ink:
    direction = fmt.sign(value)
    return Ink.GAIN if direction > 0 else Ink.LOSS if direction < 0 else Ink.TEXT1


def _cover_share(mark: PositionMark) -> BarFill | None:
    if not mark.stop_cover or not mark.qty:
        return None
    share = float(mark.stop_cover / abs(mark.qty))
    return BarFill(share, warn=share < 1)


def _cover_text(mark: PositionMark) -> str:
    if not mark.stop_cover:
        return "none"
    return f"{fmt.qty(mark.stop_cover)} of {fmt.qty(abs(mark.qty))}"


class MarkTimes:
    """Tells how old a mark's price is and how long the position has been held.

    Args:
        clock: monotonic seconds, of the clock that noted when a price was received.
        market_now: market time, UTC; None while it is unknown.
    """

    def __init__(self, clock: Callable[[], float], market_now: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._market_now = market_now

    def held(self, mark: PositionMark) -> str:
        """Return for how long the oldest open lot has been held."""
        now = self._market_now()
        if now is None or mark.opened_at is None:
            return fmt.UNKNOWN
        return fmt.span((now - mark.opened_at).total_seconds())

    def state(self, mark: PositionMark) -> RowState:
        """Return whether the price is too old, or a close of a market that rests."""
        is_stale = mark.received is not None and self._clock() - mark.received > STALE_S
        is_close = mark.priced is not None and mark.priced.basis is PriceBasis.CLOSE
        return RowState.STALE if is_stale or is_close else RowState.NORMAL


def _pnl(
    key: str, title: str, read: Callable[[PositionMark], Decimal | None], tip: str
) -> Column[PositionMark]:
    return Column[PositionMark](
        key,
        title,
        82,
        lambda mark: fmt.pnl(read(mark)),
        Align.RIGHT,
        Kind.CHANGE,
        ink=lambda mark: _pnl_ink(read(mark)),
        sort_key=read,
        direction=lambda mark: fmt.sign(read(mark)),
        tooltip=tip,
    )


def columns(times: MarkTimes) -> list[Column[PositionMark]]:
    """Return the columns of the table."""
    number, right, grey = Kind.NUMBER, Align.RIGHT, Ink.TEXT2
    return [
        Column[PositionMark](
            "symbol", "Symbol", 72, lambda m: m.symbol, weight=500, sort_key=lambda m: m.symbol, frozen=True
        ),
        Column[PositionMark](
            "qty", "Qty", 46, lambda m: fmt.qty(m.qty), right, number, weight=500, sort_key=lambda m: m.qty
        ),
        Column[PositionMark](
            "avg_px", "Avg px", 68, lambda m: fmt.price(m.avg_px), right, number, default_ink=grey
        ),
        Column[PositionMark](
            "last", "Last", 68, lambda m: fmt.price(m.last), right, number, weight=500, flash=True,
            sort_key=lambda m: m.last,
        ),
        _pnl("day", "Day P&L", lambda m: m.day_pnl, "Dollars since the last close, fees included"),
        _pnl("total", "Total P&L", lambda m: m.total_pnl, "Dollars, realised and open, fees included"),
        Column[PositionMark](
            "value", "Value", 80, lambda m: fmt.money(m.value), right, number, weight=500,
            sort_key=lambda m: m.value,
        ),
        Column[PositionMark](
            "weight", "Weight %", 64, lambda m: fmt.money(m.weight_pct, 1), right, number, default_ink=grey,
            sort_key=lambda m: m.weight_pct,
        ),
        Column[PositionMark](
            "cover", "Stop cover", 122, _cover_text, kind=Kind.BAR, bar=_cover_share, pad_left=24,
            ink=lambda m: Ink.TEXT1 if m.stop_cover else Ink.TEXT2,
            tooltip="Shares that working stop orders protect",
        ),
        Column[PositionMark]("held", "Held", 48, times.held, right, default_ink=Ink.TEXT3),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of all rows; a sum with an unknown part is unknown."""

    day: Decimal | None
    total: Decimal | None
    value: Decimal | None
    weight: Decimal | None


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for value in values:
        if value is None:
            return None
        total += value
    return total


def totals(marks: Iterable[PositionMark]) -> Totals:
    """Add the rows up."""
    rows = list(marks)
    return Totals(
        _sum(mark.day_pnl for mark in rows),
        _sum(mark.total_pnl for mark in rows),
        _sum(mark.value for mark in rows),
        _sum(mark.weight_pct for mark in rows),
    )


def total_columns() -> list[Column[Totals]]:
    """Return what the total row shows under the columns of the same key."""
    right = Align.RIGHT

    def pnl(key: str, read: Callable[[Totals], Decimal | None]) -> Column[Totals]:
        return Column[Totals](
            key, key, 84, lambda t: fmt.pnl(read(t)), right, Kind.CHANGE, weight=600,
            ink=lambda t: _pnl_ink(read(t)), direction=lambda t: fmt.sign(read(t)),
        )  # fmt: skip

    return [
        Column[Totals]("symbol", "Total", 72, lambda _: "Total", weight=600),
        pnl("day", lambda t: t.day),
        pnl("total", lambda t: t.total),
        Column[Totals]("value", "Value", 80, lambda t: fmt.money(t.value), right, weight=600),
        Column[Totals]("weight", "Weight", 64, lambda t: fmt.money(t.weight, 1), right, weight=500),
    ]
