"""Frames of Polygon's stream to ours: quotes, trades, and what the stream says of itself."""

from collections.abc import Iterator

from core.adapters.polygon.decoding import (
    Row,
    Unreadable,
    document,
    moment_ms,
    plain_text,
    price,
    row,
    shares,
    symbol,
    whole,
)
from core.adapters.polygon.mapping import quote_of
from core.adapters.polygon.values import NO_SHARES, BestQuote, Frame, Status, Trade

# Sale conditions whose trades leave the last price as it is (their `updates_open_close` is false in
# /v3/reference/conditions), and those that count in no volume.
_NOT_LAST = frozenset({2, 7, 10, 13, 15, 16, 20, 21, 22, 29, 32, 37, 38, 52, 53})
_NOT_VOLUME = frozenset({15, 16, 38})


def frame(text: bytes | str) -> Frame:
    """Read one frame of the stream: events are in its order.

    Raises:
        Unreadable: it is no list of messages.
    """
    found = document(text)
    events: list[BestQuote | Trade] = []
    statuses: list[Status] = []
    unreadable = 0
    for message in found if isinstance(found, list) else [found]:
        try:
            each = _message(row(message, "message"))
        except Unreadable:
            unreadable += 1
            continue
        if isinstance(each, Status):
            statuses.append(each)
        elif each is not None:
            events.append(each)
    return Frame(tuple(events), tuple(statuses), unreadable)


def _message(found: Row) -> BestQuote | Trade | Status | None:
    kind = found.get("ev")
    if kind == "status":
        return Status(plain_text(found.get("status"), 40), plain_text(found.get("message")))
    if kind not in ("Q", "T"):
        return None  # an event that nobody asked for
    of, time = symbol(found.get("sym")), moment_ms(found.get("t"))
    if of is None or time is None:
        raise Unreadable("an event without symbol or time")
    if kind == "Q":
        sides = (found.get("bp"), found.get("bs"), found.get("ap"), found.get("as"))
        return quote_of(of, sides, time, found.get("q"))
    dollars, size = price(found.get("p")), shares(found.get("s"))
    if dollars is None or size is None:
        raise Unreadable("a trade without price or size")
    conditions = frozenset(_conditions(found.get("c")))
    counted = NO_SHARES if conditions & _NOT_VOLUME else size
    return Trade(of, dollars, not conditions & _NOT_LAST, counted, time, whole(found.get("q")))


def _conditions(value: object) -> Iterator[int]:
    for each in value if isinstance(value, list) else ():
        found = whole(each)
        if found is not None:
            yield found
