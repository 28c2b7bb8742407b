"""Which symbols are streamed: a small market whole, else what is needed, the most needed first."""

import asyncio
from dataclasses import replace

import pytest

from core.bus import Bus
from core.domain.execution import Fill
from core.domain.messages import FillBooked, InstrumentsKnown, OrderChanged
from core.domain.money import Money, Price, Qty
from core.domain.movers import LARGE_CAPS
from core.domain.records import Watchlist
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.following import SMALL_MARKET, Following
from tests.builders import NOON
from tests.risk_builders import INSTRUMENT
from tests.ui import pretend

A, B, C, AAPL = Symbol("S1"), Symbol("S2"), Symbol("S3"), Symbol("AAPL")


class Feed:
    def __init__(self):
        self.asked = []

    async def subscribe(self, symbols):
        self.asked.append(tuple(symbols))


class Held:
    def __init__(self):
        self.positions = []

    def held(self):
        return self.positions


class Working:
    def __init__(self):
        self.orders = []

    def open(self):
        return self.orders


class State:
    def __init__(self, count):
        names = [*(Symbol(f"S{number}") for number in range(count)), AAPL]
        self.instruments = {each: replace(INSTRUMENT, symbol=each) for each in names}
        self.positions, self.orders = Held(), Working()


@pytest.fixture
def feed():
    return Feed()


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def large(feed, bus):
    return Following(State(SMALL_MARKET), feed, bus)


async def test_small_market_is_streamed_whole(feed, bus):
    following = Following(State(3), feed, bus)

    assert following.symbols() == (Symbol("S0"), A, B, AAPL)
    assert following.usual() == following.symbols()


async def test_large_market_without_a_list_is_streamed_in_its_large_caps(large):
    assert large.symbols() == (AAPL,)
    assert AAPL in LARGE_CAPS


async def test_most_needed_symbols_come_first_and_unknown_ones_not_at_all(large):
    large._state.positions.positions = [pretend.position("S3", "5", "10")]
    large._state.orders.orders = [pretend.order("w", "S2")]
    large.look(A)
    large.listed([Watchlist("Main", (AAPL, A, Symbol("GONE")))])

    assert large.symbols() == (C, B, A, AAPL)


async def test_only_the_last_looks_are_kept(large):
    for number in range(20):
        large.look(Symbol(f"S{number}"))
    large.look(Symbol("S19"))

    assert large.symbols() == (*tuple(Symbol(f"S{number}") for number in range(19, 11, -1)), AAPL)


async def test_new_order_in_another_symbol_is_a_change_and_the_same_is_none(large, feed, bus):
    await large.subscribe()
    waiting = asyncio.get_running_loop().create_task(large.next_change())
    await asyncio.sleep(0)

    bus.publish(OrderChanged(pretend.order("w", "AAPL")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()

    large._state.orders.orders = [pretend.order("v", "S2")]
    bus.publish(OrderChanged(pretend.order("v", "S2")))
    await asyncio.wait_for(waiting, 1)
    await large.subscribe()

    assert feed.asked == [(AAPL,), (B, AAPL)]


async def test_list_that_changes_nothing_asks_for_nothing(large):
    await large.subscribe()
    waiting = asyncio.get_running_loop().create_task(large.next_change())

    large.listed([Watchlist("Main", (AAPL,))])
    for _ in range(3):
        await asyncio.sleep(0)

    assert not waiting.done()
    waiting.cancel()


async def test_symbols_that_become_known_and_fills_in_new_ones_are_a_change(large, feed, bus):
    fill = Fill(ExecId("X"), ClOrdId("o"), C, Side.BUY, Qty(1), Price("1"), Money(0), NOON)
    known = large._state.instruments[Symbol("MORE")] = large._state.instruments.pop(B)
    large.listed([Watchlist("Main", (B,)), Watchlist("Other", (AAPL,))])
    await large.subscribe()
    asked = []
    for event in (InstrumentsKnown(()), FillBooked(fill, pretend.position("S3", "1", "1"))):
        waiting = asyncio.get_running_loop().create_task(large.next_change())
        await asyncio.sleep(0)
        if isinstance(event, FillBooked):
            large._state.positions.positions = [pretend.position("S3", "1", "1")]
        else:
            large._state.instruments[B] = known
        bus.publish(event)
        await asyncio.wait_for(waiting, 1)
        await large.subscribe()
        asked.append(feed.asked[-1])

    assert feed.asked[0] == (AAPL,)
    assert asked == [(B, AAPL), (C, B, AAPL)]


async def test_look_at_what_is_streamed_already_is_no_change(large):
    await large.subscribe()

    large.look(AAPL)

    assert not large._changed.is_set()
    large.look(A)
    assert large._changed.is_set()


@pytest.mark.parametrize(("count", "whole"), [(SMALL_MARKET - 1, True), (SMALL_MARKET, False)])
async def test_market_of_a_thousand_symbols_is_the_largest_small_one(feed, bus, count, whole):
    following = Following(State(count), feed, bus)

    assert len(following.symbols()) == len(following.usual()) == (SMALL_MARKET if whole else 1)
