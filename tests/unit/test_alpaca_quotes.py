"""The book of streamed prices, and the reading of its frames: any frame, any order of messages."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.alpaca.market_book import NOT_LAST, MarketBook, running
from core.adapters.alpaca.market_frames import FrameReader, Subscription
from core.clock import ManualClock
from core.domain.market import Bar, Quote
from core.domain.money import Price, Qty
from core.ids import Symbol

AAPL = Symbol("AAPL")
NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


class Rig:
    """A book on one symbol, fed through frames."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.book = MarketBook(self.clock)
        self.reader = FrameReader()
        self.book.begin()
        self.book.follow([AAPL])
        self.stand()

    def stand(self, volume: str = "1000", last: str = "100.00") -> None:
        price = Price(last)
        standing = Quote(
            AAPL, price, price, Qty(1), Qty(1), price, Price("99"), Qty(volume), halted=False, time=NOW,
            received=self.clock.monotonic(),
        )  # fmt: skip
        self.book.stand([AAPL], [standing])

    def take(self, *messages: dict[str, Any]) -> Quote:
        self.book.take(self.reader.read(msgspec.msgpack.encode(messages)))
        return self.newest()

    def newest(self) -> Quote:
        (found,) = self.book.drain() or (None,)
        assert found is not None
        return found


@pytest.fixture
def rig() -> Rig:
    return Rig()


def quote(bid: Any = 100.0, ask: Any = 100.02, after_s: float = 1, **changes: Any) -> dict[str, Any]:
    time = NOW + timedelta(seconds=after_s)
    return {"T": "q", "S": "AAPL", "t": time, "bp": bid, "ap": ask, "bs": 3, "as": 4, **changes}


def trade(price: float = 101.5, size: float = 10, after_s: float = 1, **changes: Any) -> dict[str, Any]:
    time = NOW + timedelta(seconds=after_s)
    return {"T": "t", "S": "AAPL", "t": time, "p": price, "s": size, "i": 7, "c": ["@"], **changes}


@pytest.mark.parametrize(
    ("bid", "ask", "shown"),
    [
        (0, 100.02, (None, Price("100.02"))),
        (100.0, 0, (Price("100"), None)),
        (100.05, 100.02, (None, None)),
        (100.02, 100.02, (Price("100.02"), Price("100.02"))),
        (-1.0, 100.02, (None, Price("100.02"))),
        (math.nan, math.inf, (None, None)),
        (1e300, 100.02, (None, Price("100.02"))),
    ],
)
def test_book_zero_crossed_and_senseless_sides_are_none(rig, bid, ask, shown):
    found = rig.take(quote(bid, ask))

    assert (found.bid, found.ask) == shown
    assert (found.bid_size, found.ask_size) == (3 if shown[0] else 0, 4 if shown[1] else 0)


def test_book_trades_add_up_and_the_standing_ones_count_once(rig):
    rig.book.follow([])
    rig.book.follow([AAPL])
    rig.book.take(rig.reader.read(msgspec.msgpack.encode([trade(after_s=-1), trade(after_s=1, size=0.5)])))
    assert rig.book.drain() == ()

    rig.stand("1000")
    found = rig.take(trade(size=3, after_s=2))

    assert found.volume == Decimal("1003.5")


def test_book_daily_bar_lifts_a_volume_and_never_lowers_it(rig):
    bar = {"T": "d", "S": "AAPL", "t": NOW, "o": 1, "h": 1, "l": 1, "c": 1}

    assert rig.take({**bar, "v": 5000}).volume == 5000
    assert rig.take({**bar, "v": 10}).volume == 5000


@pytest.mark.parametrize("condition", sorted(NOT_LAST))
def test_book_trade_away_from_the_market_is_counted_but_not_the_last(rig, condition):
    found = rig.take(trade(price=50.0, c=["@", condition]))

    assert (found.last, found.volume) == (Price("100"), 1010)


def test_book_late_trade_is_counted_but_not_the_last(rig):
    found = rig.take(trade(price=102.0, after_s=5), trade(price=50.0, after_s=4))

    assert (found.last, found.volume) == (Price("102"), 1020)


def test_book_correction_changes_the_last_trade_and_a_cancel_takes_it_back(rig):
    rig.take(trade(price=101.0, i=1), trade(price=999.0, after_s=2, i=2))

    corrected = rig.take(
        {"T": "c", "S": "AAPL", "oi": 2, "op": 999.0, "os": 10, "cp": 99.9, "cs": 4, "t": NOW}
    )
    assert (corrected.last, corrected.volume) == (Price("99.9"), 1014)

    rig.take(trade(price=998.0, after_s=3, i=3))
    cancelled = rig.take({"T": "x", "S": "AAPL", "i": 3, "p": 998.0, "s": 10, "t": NOW})
    assert (cancelled.last, cancelled.volume) == (Price("99.9"), 1014)


@pytest.mark.parametrize(("halt", "resume"), [("H", "T"), ("P", "T"), ("2", "3")])
def test_book_halt_stands_until_trading_resumes(rig, halt, resume):
    status = {"T": "s", "S": "AAPL", "sm": "", "rc": "", "rm": "", "z": "C"}

    assert rig.take({**status, "sc": halt, "t": NOW}).halted
    assert rig.take({**status, "sc": "Q", "t": NOW + timedelta(seconds=1)}).halted
    assert rig.take({**status, "sc": "E", "t": NOW + timedelta(seconds=2)}).halted
    assert rig.take(trade(after_s=3)).halted
    assert not rig.take({**status, "sc": resume, "t": NOW + timedelta(seconds=4)}).halted


def test_book_halt_of_an_earlier_connection_ends_with_a_trade_on_this_one(rig):
    rig.take({"T": "s", "S": "AAPL", "sc": "H", "t": NOW})
    rig.clock.turn(60)
    rig.book.begin()
    rig.stand()

    assert rig.newest().halted
    assert not rig.take(trade(after_s=61)).halted


def test_book_message_from_a_buffer_is_as_old_as_its_way_was_long(rig):
    rig.clock.turn(1)
    assert rig.take(quote(after_s=1)).received == 1

    rig.clock.turn(20)
    found = rig.take(quote(after_s=5))

    assert found.received == pytest.approx(5)
    assert rig.book.skew_s == 0


def test_book_clocks_that_disagree_a_little_make_nothing_old(rig):
    rig.clock.turn(2.5)

    assert rig.take(quote(after_s=1)).received == 2.5


@pytest.mark.parametrize("ahead_s", [10, -10])
def test_book_prices_of_a_clock_that_is_far_off_are_as_old_as_that(rig, ahead_s):
    rig.clock.turn(60)

    assert rig.take(quote(after_s=60 + ahead_s)).received == pytest.approx(50)


def test_book_clock_that_was_off_on_an_earlier_connection_is_not_off_on_this_one(rig):
    rig.clock.turn(60)
    rig.take(quote(after_s=70))

    rig.book.begin()
    rig.stand()

    assert rig.newest().received == pytest.approx(50)
    assert rig.book.skew_s is None


def test_book_symbols_that_nobody_follows_cost_nothing(rig):
    rig.newest()
    rig.book.take(rig.reader.read(msgspec.msgpack.encode([quote(S="MOON"), trade(S="MOON")])))

    assert rig.book.drain() == ()
    assert rig.book.minutes(Symbol("MOON")) == ()


def test_book_symbol_that_rest_does_not_know_lives_from_the_stream(rig):
    rig.book.follow([])
    rig.book.follow([AAPL])
    rig.book.stand([AAPL], [])
    assert rig.book.drain() == ()

    found = rig.take(quote())

    assert (found.bid, found.last, found.prev_close) == (Price("100"), None, None)


def test_book_control_messages_are_given_back(rig):
    frame = [quote(), {"T": "subscription", "trades": ["AAPL"], "quotes": ["AAPL"], "cancelErrors": []}]

    control = rig.book.take(rig.reader.read(msgspec.msgpack.encode(frame)))

    assert control == [Subscription(trades=["AAPL"], quotes=["AAPL"])]


def test_book_minutes_are_those_of_the_stream_then_the_running_one(rig):
    minute = NOW.replace(second=0)
    bar = {"S": "AAPL", "t": minute, "o": 100.0, "h": 103.0, "l": 99.0, "c": 101.0, "v": 500}
    rig.take(trade(price=102.0, after_s=1), {"T": "b", **bar}, trade(price=104.0, size=5, after_s=61))
    rig.book.take(rig.reader.read(msgspec.msgpack.encode([{"T": "u", **bar, "h": 103.5}])))

    first, second = rig.book.minutes(AAPL)

    assert (first.high, first.volume, second.open, second.volume) == (Price("103.5"), 500, Price("104"), 5)


def bar(minute: int, close: str, volume: int = 10) -> Bar:
    price = Price(close)
    return Bar(AAPL, NOW + timedelta(minutes=minute), price, price, price, price, Qty(volume))


def test_running_bar_takes_in_the_minutes_since_its_start():
    history = (bar(-5, "90"), bar(0, "100", 50))

    found = running(
        history, (bar(-1, "1"), bar(1, "105"), bar(4, "95"), bar(5, "96")), timedelta(minutes=5), 3
    )

    assert [(each.time, each.high, each.low, each.close) for each in found] == [
        (NOW - timedelta(minutes=5), 90, 90, 90),
        (NOW, 105, 95, 95),
        (NOW + timedelta(minutes=5), 96, 96, 96),
    ]
    assert found[1].volume == 50
    assert running(history, (bar(5, "96"),), timedelta(minutes=5), 1) == (found[2],)
    assert running((), (bar(0, "1"),), timedelta(minutes=1), 5) == ()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)
KINDS = st.sampled_from(
    ["q", "t", "b", "u", "d", "s", "c", "x", "l", "error", "success", "subscription", "moon"]
)
FIELDS = [
    "S",
    "t",
    "bp",
    "ap",
    "bs",
    "as",
    "p",
    "s",
    "i",
    "c",
    "o",
    "h",
    "l",
    "v",
    "sc",
    "oi",
    "os",
    "cp",
    "cs",
    "code",
]
MESSAGES = st.fixed_dictionaries(
    {"T": KINDS},
    optional={name: st.one_of(VALUES, st.just("AAPL"), st.floats(), st.just(NOW)) for name in FIELDS},
)
SENSIBLE = st.one_of(
    st.builds(quote, st.floats(), st.floats(), st.integers(-9, 9)),
    st.builds(trade, st.floats(), st.floats(), st.integers(-9, 9)),
    st.builds(
        lambda number, size: {"T": "x", "S": "AAPL", "i": number, "p": 1.0, "s": size, "t": NOW},
        st.integers(6, 8),
        st.floats(),
    ),
)


@given(st.lists(MESSAGES | VALUES | SENSIBLE, max_size=6))
def test_book_takes_any_messagepack_and_shows_finite_numbers_or_none(messages):
    rig = Rig()

    rig.book.take(rig.reader.read(msgspec.msgpack.encode(messages)))

    for found in rig.book.drain():
        assert found.volume >= 0
        for price in (found.bid, found.ask, found.last):
            assert price is None or price > 0
        assert found.bid is None or found.ask is None or found.bid <= found.ask


@given(
    st.binary(max_size=200) | st.text(max_size=200) | VALUES.map(lambda value: json.dumps(value, default=str))
)
def test_frames_any_bytes_and_any_text_are_read_or_counted(frame):
    reader = FrameReader()

    found = reader.read(frame)

    assert isinstance(found, list)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_book_quotes_in_any_order_end_with_the_newest(seconds):
    rig = Rig()

    for second in seconds:
        rig.book.take(rig.reader.read(msgspec.msgpack.encode([quote(100 + second, 500.0, second)])))

    assert rig.newest().bid == 100 + max(seconds)
