"""Ranks what moved most; a pure function of snapshots."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from core.domain.money import ZERO
from core.domain.movers import LARGE_CAPS, MoverRow, MoverSnapshot, MoversScan
from core.ids import Symbol

MOST_ROWS = 20
OLDEST = timedelta(minutes=20)  # a delayed plan is 15 minutes behind
_AHEAD = timedelta(minutes=1)


def scan_top_movers(
    snapshots: Mapping[Symbol, MoverSnapshot],
    failures: Mapping[Symbol, str],
    now: datetime,
    universe: Sequence[Symbol] = LARGE_CAPS,
    *,
    oldest: timedelta = OLDEST,
    most_rows: int = MOST_ROWS,
) -> MoversScan:
    """Rank a universe by absolute change in percent, then by relative volume.

    Args:
        snapshots: by symbol; others than the universe's are left aside.
        failures: symbols that could not be read, each with the reason in words.
        now: market time, UTC, which the last trades are held against; outside market hours, the
            last of them.
        universe: the order and repetitions in it do not matter.
        oldest: a last trade before `now` minus this is stale.
        most_rows: how many of the ranking are kept.
    """
    symbols = tuple(dict.fromkeys(universe))
    rows: list[MoverRow] = []
    excluded: list[tuple[Symbol, str]] = []
    for symbol in symbols:
        found = _judged(snapshots.get(symbol), failures.get(symbol), now, oldest)
        if isinstance(found, MoverRow):
            rows.append(found)
        else:
            excluded.append((symbol, found))
    return MoversScan(tuple(ranked(rows)[:most_rows]), tuple(excluded), now, symbols)


def ranked(rows: Iterable[MoverRow]) -> list[MoverRow]:
    """Order rows: the largest absolute change first, then relative volume, then the symbol."""
    return sorted(
        rows,
        key=lambda row: (
            -abs(row.change_pct),
            -(ZERO if row.rel_volume is None else row.rel_volume),
            row.symbol,
        ),
    )


def _judged(
    found: MoverSnapshot | None, failure: str | None, now: datetime, oldest: timedelta
) -> MoverRow | str:
    if failure is not None:
        return failure
    if found is None:
        return "no answer for this symbol"
    if found.last is None or found.as_of is None:
        return "no trade today"
    if found.prev_close is None or found.prev_close <= 0:
        return "the last close is unknown"
    if found.as_of < now - oldest:
        return f"stale: last trade {_span(now - found.as_of)} ago"
    if found.as_of > now + _AHEAD:
        return f"impossible: last trade {_span(found.as_of - now)} in the future"
    usual = found.usual_volume
    return MoverRow(
        symbol=found.symbol,
        last=found.last,
        change_pct=(found.last - found.prev_close) / found.prev_close * 100,
        rel_volume=None if usual is None or usual <= 0 else Decimal(found.volume) / usual,
        volume=found.volume,
        as_of=found.as_of,
    )


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
