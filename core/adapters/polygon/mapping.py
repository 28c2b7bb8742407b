"""Polygon's answers to ours; with `frames`, the only place that knows its words.

Units on the wire: `t` of bars and of stream events is milliseconds, of snapshots, last trades and
last quotes nanoseconds; sizes of quotes are round lots of 100 shares. A zero price means none.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from core.adapters.polygon.decoding import (
    Row,
    Unreadable,
    document,
    moment_ms,
    moment_ns,
    moment_text,
    number,
    plain_text,
    price,
    row,
    rows,
    shares,
    symbol,
    whole,
)
from core.adapters.polygon.values import NO_SHARES, BestQuote, DaySnapshot, MarketStatus, Page, Trade
from core.domain.instrument import Instrument
from core.domain.market import Bar
from core.domain.money import Price, Qty
from core.ids import Symbol

T = TypeVar("T")

ROUND_LOT = 100

_EXCHANGES = {
    "XNAS": "Nasdaq",
    "XNYS": "NYSE",
    "ARCX": "NYSE Arca",
    "XASE": "NYSE American",
    "BATS": "Cboe BZX",
    "IEXG": "IEX",
}


def page(text: bytes, what: str, read: Callable[[object], T]) -> Page[T]:
    """Read one page of a list.

    Raises:
        Unreadable: it is not one; a page without rows says so by its count.
    """
    body = row(document(text), what)
    found = body.get("results")
    if found is None:
        if number(body.get("resultsCount", body.get("count"))) != 0:
            raise Unreadable(f"{what}: the answer has no results")
        return Page(())
    kept = []
    for each in rows(found, what):
        with suppress(Unreadable):
            kept.append(read(each))
    next_url = body.get("next_url")
    return Page(tuple(kept), len(rows(found, what)), next_url if isinstance(next_url, str) else "")


def bar(value: object, of: Symbol) -> Bar:
    """Read one aggregate.

    Raises:
        Unreadable: a price or the time is missing, or they contradict each other.
    """
    found = row(value, "bar")
    time, volume = moment_ms(found.get("t")), shares(found.get("v"))
    opened, high, low, close = (price(found.get(name)) for name in "ohlc")
    if time is None or volume is None or opened is None or high is None or low is None or close is None:
        raise Unreadable("a bar without time, price or volume")
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise Unreadable("a bar whose low and high do not hold its prices")
    return Bar(of, time, opened, high, low, close, volume)


def snapshots(text: bytes) -> dict[Symbol, DaySnapshot]:
    """Read the rows of the snapshot of many; rows that cannot be read are left out.

    Raises:
        Unreadable: there is no list of rows.
    """
    body = row(document(text), "snapshots")
    found = {}
    for value in rows(body.get("tickers"), "snapshots"):
        try:
            each = snapshot(value)
        except Unreadable:
            continue
        found[each.symbol] = each
    return found


def one_snapshot(text: bytes) -> DaySnapshot:
    """Read the snapshot of one symbol.

    Raises:
        Unreadable: it is none.
    """
    return snapshot(row(document(text), "snapshot").get("ticker"))


def snapshot(value: object) -> DaySnapshot:
    """Read one row of a snapshot.

    Raises:
        Unreadable: it has no symbol.
    """
    found = row(value, "snapshot")
    of = symbol(found.get("ticker"))
    if of is None:
        raise Unreadable("a snapshot without a symbol")
    day, previous, trade = (_part(found, name) for name in ("day", "prevDay", "lastTrade"))
    last, last_time = price(trade.get("p")), moment_ns(trade.get("t"))
    if last is None or last_time is None:
        # Plans without trades have the close of the running day and minute instead.
        last, last_time = price(day.get("c")), moment_ns(found.get("updated"))
    if last_time is None:
        last = None
    try:
        quote = last_quote_of(_part(found, "lastQuote"), of)
    except Unreadable:
        quote = None
    return DaySnapshot(
        symbol=of,
        quote=quote,
        last=last,
        last_time=None if last is None else last_time,
        prev_close=price(previous.get("c")),
        volume=shares(day.get("v")) or NO_SHARES,
        prev_volume=shares(previous.get("v")) or None,
        updated=moment_ns(found.get("updated")),
    )


def last_quote(text: bytes, of: Symbol) -> BestQuote:
    """Read the answer about the last quote.

    Raises:
        Unreadable: it is none.
    """
    return last_quote_of(row(row(document(text), "last quote").get("results"), "last quote"), of)


def last_quote_of(found: Row, of: Symbol) -> BestQuote:
    """Read the form of a quote that snapshots and last quotes have: `p` bid, `P` ask.

    Raises:
        Unreadable: it has no time, or a price is none.
    """
    time = moment_ns(found.get("t"))
    if time is None:
        raise Unreadable("a quote without a time")
    return quote_of(
        of, (found.get("p"), found.get("s"), found.get("P"), found.get("S")), time, found.get("q")
    )


def last_trade(text: bytes, of: Symbol) -> Trade:
    """Read the answer about the last trade; its size counts in no volume.

    Raises:
        Unreadable: it is none.
    """
    found = row(row(document(text), "last trade").get("results"), "last trade")
    dollars, time = price(found.get("p")), moment_ns(found.get("t"))
    if dollars is None or time is None:
        raise Unreadable("a trade without price or time")
    return Trade(of, dollars, True, NO_SHARES, time, whole(found.get("q")))


def market_status(text: bytes) -> MarketStatus:
    """Read what the vendor says of the market.

    Raises:
        Unreadable: it says nothing.
    """
    found = row(document(text), "market status")
    word = plain_text(found.get("market"), 40)
    if not word:
        raise Unreadable("market status: no word for the market")
    return MarketStatus(word, moment_text(found.get("serverTime")))


def instrument(value: object) -> Instrument | None:
    """Read one listed stock; None where its symbol is not one that can be ordered."""
    found = row(value, "ticker")
    of = symbol(found.get("ticker"))
    if of is None or found.get("active") is False:
        return None
    exchange = plain_text(found.get("primary_exchange"), 40)
    return Instrument(of, plain_text(found.get("name"), 120) or of, _EXCHANGES.get(exchange, exchange))


def quote_of(
    of: Symbol, sides: tuple[object, object, object, object], time: datetime, sequence: object
) -> BestQuote:
    bid, ask = _side(sides[0]), _side(sides[2])
    if bid is not None and ask is not None and bid > ask:
        raise Unreadable("a quote whose bid is above its offer")
    return BestQuote(
        of,
        bid,
        ask,
        _size(sides[1]) if bid is not None else NO_SHARES,
        _size(sides[3]) if ask is not None else NO_SHARES,
        time,
        whole(sequence),
    )


def _side(value: object) -> Price | None:
    if value is None or number(value) == 0:
        return None
    found = price(value)
    if found is None:
        raise Unreadable("a quote with a price that is none")
    return found


def _size(value: object) -> Qty:
    return Qty((shares(value) or NO_SHARES) * ROUND_LOT)


def _part(found: Row, name: str) -> Row:
    value = found.get(name)
    return value if isinstance(value, dict) else {}
