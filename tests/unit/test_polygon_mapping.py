"""Polygon's words to ours: the documented forms, and whatever else may come."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.polygon import decoding, mapping
from core.adapters.polygon.decoding import Unreadable
from core.adapters.polygon.frames import frame
from core.adapters.polygon.values import BestQuote, MarketStatus, Page, Status, Trade
from core.domain.market import Bar
from core.domain.money import Price
from core.ids import Symbol

A = Symbol("AAPL")
MS = 1_795_532_400_000
TIME = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
BAR = {"t": MS, "o": 10, "h": 12.5, "l": 9.25, "c": 11, "v": 1000, "vw": 10.5, "n": 7}
QUOTE = {
    "ev": "Q",
    "sym": "AAPL",
    "bp": 10.01,
    "bs": 2,
    "ap": 10.02,
    "as": 3,
    "t": MS,
    "q": 5,
    "c": 0,
    "i": [1],
}
TRADE = {
    "ev": "T",
    "sym": "AAPL",
    "p": 10.01,
    "s": 150,
    "c": [14, 41],
    "t": MS,
    "q": 6,
    "x": 4,
    "i": "7",
    "z": 3,
}
SNAPSHOT = {
    "ticker": "AAPL", "todaysChange": 1, "todaysChangePerc": 1, "updated": MS * 10**6,
    "day": {"o": 10, "h": 12, "l": 9, "c": 11, "v": 5000}, "prevDay": {"c": 10, "v": 9000},
    "lastTrade": {"p": 11.01, "s": 5, "t": MS * 10**6},
    "lastQuote": {"p": 11, "s": 1, "P": 11.02, "S": 4, "t": MS * 10**6},
}  # fmt: skip


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def with_raw(row: dict[str, object], field: str, raw: str) -> bytes:
    return json.dumps({**row, field: "RAW"}).replace('"RAW"', raw).encode()


def test_bar_is_read_exactly():
    found = mapping.bar(decoding.document(text(BAR)), A)

    assert found == Bar(A, TIME, *(Price(each) for each in ("10", "12.5", "9.25", "11")), found.volume)
    assert found.volume == 1000


def test_strings_are_taken_for_numbers():
    found = mapping.bar(decoding.document(text({name: str(value) for name, value in BAR.items()})), A)

    assert (found.high, found.time) == (Price("12.5"), TIME)


def test_price_of_a_binary_fraction_is_rounded_to_a_millionth():
    found = mapping.bar(decoding.document(with_raw(BAR, "c", "11.000000000000001")), A)

    assert found.close == Price("11.000000")


@pytest.mark.parametrize("field", ["t", "o", "h", "l", "c", "v"])
@pytest.mark.parametrize(
    "raw",
    ["NaN", "Infinity", "-Infinity", "null", "true", "{}", "[]", '"eleven"', "-1", "1e400", '""', "1e-400"],
)
def test_bar_with_an_impossible_number_is_unreadable(field, raw):
    document = decoding.document(with_raw(BAR, field, raw))
    if field == "v" and raw == "1e-400":
        assert mapping.bar(document, A).volume == 0
        return

    with pytest.raises(Unreadable):
        mapping.bar(document, A)


@pytest.mark.parametrize("field", ["t", "o", "h", "l", "c", "v"])
def test_bar_with_a_missing_field_is_unreadable(field):
    with pytest.raises(Unreadable):
        mapping.bar({name: value for name, value in BAR.items() if name != field}, A)


@pytest.mark.parametrize(
    "change", [{"h": 9}, {"l": 11.5}, {"o": 13}, {"t": 0}, {"t": MS * 1000}, {"v": 10**14}]
)
def test_bar_that_contradicts_itself_is_unreadable(change):
    with pytest.raises(Unreadable):
        mapping.bar({**BAR, **change}, A)


def test_page_holds_rows_and_the_way_on():
    found = mapping.page(text({"results": [1, 2], "next_url": "https://x/v2/y?cursor=z"}), "x", repr)

    assert found == Page(("1", "2"), 2, "https://x/v2/y?cursor=z")


@pytest.mark.parametrize("body", [{"resultsCount": 0}, {"results": None, "count": 0}, {"results": []}])
def test_page_without_rows_that_says_so_is_empty(body):
    assert mapping.page(text(body), "x", repr).rows == ()


@pytest.mark.parametrize(
    "body", [{}, {"resultsCount": 3}, {"results": {}}, {"results": "x"}, [], 7, None, "OK"]
)
def test_page_without_rows_that_says_nothing_is_unreadable(body):
    with pytest.raises(Unreadable):
        mapping.page(text(body), "x", repr)


def test_snapshot_is_read():
    found = mapping.snapshots(text({"tickers": [SNAPSHOT, None, {"ticker": 7}]}))[A]

    assert (found.last, found.prev_close, found.volume, found.prev_volume) == (
        Decimal("11.01"),
        10,
        5000,
        9000,
    )
    assert (found.last_time, found.updated) == (TIME, TIME)
    assert found.quote is not None
    assert (found.quote.bid, found.quote.ask, found.quote.bid_size, found.quote.ask_size) == (
        11,
        Decimal("11.02"),
        100,
        400,
    )


def test_snapshot_of_a_plan_without_trades_has_the_close_of_the_day():
    found = mapping.snapshot({**SNAPSHOT, "lastTrade": None, "lastQuote": None})

    assert (found.last, found.last_time, found.quote) == (11, TIME, None)


def test_snapshot_of_a_cleared_day_has_no_price():
    nothing = {"o": 0, "h": 0, "l": 0, "c": 0, "v": 0}

    found = mapping.snapshot({**SNAPSHOT, "day": nothing, "lastTrade": {"p": 0, "t": 0}, "updated": 0})

    assert (found.last, found.last_time, found.updated, found.prev_close) == (None, None, None, 10)


def test_frame_holds_events_in_order_and_statuses():
    status = {"ev": "status", "status": "success", "message": "subscribed to: T.AAPL"}

    found = frame(text([QUOTE, status, TRADE, {"ev": "LULD"}, {"ev": "new", "x": 1}, None, {"ev": "T"}]))

    quote, trade = found.events
    assert isinstance(quote, BestQuote)
    assert isinstance(trade, Trade)
    assert (quote.bid, quote.ask_size, quote.time, quote.sequence) == (Decimal("10.01"), 300, TIME, 5)
    assert (trade.price, trade.counted, trade.is_last, trade.sequence) == (Decimal("10.01"), 150, True, 6)
    assert found.statuses == (Status("success", "subscribed to: T.AAPL"),)
    assert found.unreadable == 2


@pytest.mark.parametrize("changes", [{"bp": 0}, {"bp": None}])
def test_quote_without_a_bid_has_none(changes):
    (quote,) = frame(text([{**QUOTE, **changes}])).events

    assert isinstance(quote, BestQuote)
    assert (quote.bid, quote.bid_size, quote.ask) == (None, 0, Decimal("10.02"))


@pytest.mark.parametrize(
    "changes",
    [
        {"bp": 10.03}, {"bp": -1}, {"ap": "much"}, {"bp": True}, {"sym": None}, {"sym": "<b>AAPL</b>"},
        {"sym": "\u202eLPAA"},
        {"sym": ""}, {"sym": "A" * 17}, {"t": None}, {"t": -1}, {"t": "soon"},
    ],
)  # fmt: skip
def test_impossible_quote_is_left_out_and_counted(changes):
    found = frame(text([{**QUOTE, **changes}, TRADE]))

    assert (len(found.events), found.unreadable) == (1, 1)


@pytest.mark.parametrize(
    ("conditions", "is_last", "counted"),
    [([], True, 150), ([37], False, 150), ([14, 16], False, 0), ("x", True, 150)],
)
def test_sale_conditions_say_whether_a_trade_sets_the_price(conditions, is_last, counted):
    (trade,) = frame(text([{**TRADE, "c": conditions}])).events

    assert isinstance(trade, Trade)
    assert (trade.is_last, trade.counted) == (is_last, counted)


def test_name_with_markup_and_marks_of_direction_becomes_plain_text():
    row = {
        "ticker": "AAPL",
        "name": "\u202eEvil\u2066 <b>Inc\x00</b>\n\n x\ud800",
        "primary_exchange": "XNAS",
    }

    found = mapping.instrument(row)

    assert found is not None
    assert (found.name, found.exchange) == ("Evil <b>Inc</b> x", "Nasdaq")


@pytest.mark.parametrize("row", [{"ticker": "BACpL"}, {"ticker": None}, {"ticker": "AAPL", "active": False}])
def test_ticker_that_cannot_be_ordered_is_no_instrument(row):
    assert mapping.instrument(row) is None


def test_market_status_has_a_word_and_a_time():
    found = mapping.market_status(text({"market": "open", "serverTime": "2026-11-24T10:00:00-05:00"}))

    assert found == MarketStatus("open", TIME)


@pytest.mark.parametrize("time", [None, "", "now", "2026-11-24T10:00:00", "0001-01-01T00:00:00+23:59", 7])
def test_market_status_without_a_readable_time_has_none(time):
    assert mapping.market_status(text({"market": "odd-word", "serverTime": time})).server_time is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b'{"a": 1' + b"0" * 100], ids=len
)
def test_text_that_is_no_json_is_unreadable(body):
    with pytest.raises(Unreadable):
        decoding.document(body)


_NUMBERS = st.integers() | st.floats() | st.sampled_from([MS, MS * 10**6, 0, 10.5, "10.5", "NaN", "1e9", "٣"])
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text(max_size=30)
_FIELDS = st.sampled_from(
    [
        "t", "o", "h", "l", "c", "v", "p", "s", "P", "S", "q", "ev", "sym", "bp", "bs", "ap", "as", "status",
        "message", "ticker", "tickers", "day", "prevDay", "lastTrade", "lastQuote", "updated", "results",
        "name", "resultsCount", "count", "next_url", "market", "serverTime", "active", "primary_exchange",
    ]
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_FIELDS | st.text(max_size=4), inner, max_size=8)
    ),
    max_leaves=30,
)
_KNOWN = st.sampled_from([BAR, QUOTE, TRADE, SNAPSHOT, {"results": [BAR]}, {"tickers": [SNAPSHOT]}])
_CHANGED = st.builds(
    lambda row, changes: {**row, **changes}, _KNOWN, st.dictionaries(_FIELDS, _VALUES, max_size=3)
)
_TEXTS = st.one_of(
    (_VALUES | _CHANGED | st.lists(_CHANGED, max_size=3)).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda words: words.encode("utf-8", "surrogatepass")),
)
_READERS = [
    lambda body: mapping.page(body, "x", lambda row: mapping.bar(row, A)),
    mapping.snapshots,
    mapping.one_snapshot,
    lambda body: mapping.last_quote(body, A),
    lambda body: mapping.last_trade(body, A),
    mapping.market_status,
    frame,
    lambda body: mapping.bar(decoding.document(body), A),
    lambda body: mapping.snapshot(decoding.document(body)),
    lambda body: mapping.instrument(decoding.document(body)),
]


@given(_TEXTS)
def test_any_text_gives_a_value_or_unreadable_and_nothing_else(body):
    for read in _READERS:
        with suppress(Unreadable):
            read(body)


@given(_CHANGED.map(lambda row: json.dumps([row]).encode()))
def test_any_frame_that_is_a_list_is_read(body):
    found = frame(body)

    for event in found.events:
        assert event.time.tzinfo is UTC
        assert event.symbol == event.symbol.upper()


@given(st.text())
def test_plain_text_has_no_signs_that_turn_or_break_a_line(words):
    found = decoding.plain_text(words, 50)

    assert len(found) <= 50
    assert found.isprintable()
