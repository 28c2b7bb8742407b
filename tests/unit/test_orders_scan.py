"""Scanning for movers: from quotes that stream in, or from a vendor's snapshots."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.domain.access import Actor, Origin
from core.domain.market import SessionPhase
from core.domain.messages import ScanMovers
from core.domain.money import Price, Qty
from core.domain.movers import MoverSnapshot
from core.errors import RefusalCode, Refused
from core.ids import Symbol
from core.orders.scan import MOST_SYMBOLS, QuotedSnapshots, Scanner
from tests.risk_builders import FACTS, NOW, QUOTE

AAPL, MSFT = Symbol("AAPL"), Symbol("MSFT")
ACTOR = Actor("demo", "viewer", Origin.WINDOW, "s")


class Quotes(dict):
    """The quote book's one question."""


class State:
    def __init__(self, session=FACTS.session):
        self.session = session
        self.quotes = Quotes({AAPL: QUOTE})


class Vendor:
    def __init__(self, **as_of):
        self._as_of = as_of

    async def snapshots(self, symbols):
        found = {
            Symbol(each): MoverSnapshot(Symbol(each), Price(110), Price(100), Qty(5), Qty(10), at)
            for each, at in self._as_of.items()
        }
        return found, {each: "no answer" for each in symbols if each not in found}


async def scan(state, source, *symbols):
    return await Scanner(state, source).scan(ScanMovers(symbols or (AAPL, MSFT)), ACTOR)


async def test_scan_of_streamed_quotes_names_what_is_not_followed():
    state = State()

    found = await scan(state, QuotedSnapshots(state))

    assert [row.symbol for row in found.rows] == [AAPL]
    assert found.excluded == ((MSFT, "no quote: it is not followed here"),)
    assert found.rows[0].change_pct == Decimal("1.0") / Decimal(99) * 100


async def test_scan_asks_the_vendor_and_ranks():
    found = await scan(State(), Vendor(AAPL=NOW))

    assert found.rows[0].rel_volume == Decimal("0.5")
    assert found.excluded == ((MSFT, "no answer"),)


@pytest.mark.parametrize(
    ("phase", "count"), [(SessionPhase.REGULAR, 0), (SessionPhase.CLOSED, 1), (SessionPhase.POST, 1)]
)
async def test_old_trade_is_stale_in_regular_hours_only(phase, count):
    state = State(replace(FACTS.session, phase=phase))

    found = await scan(state, Vendor(AAPL=NOW - timedelta(hours=5)))

    assert len(found.rows) == count


async def test_scan_without_market_time_is_refused():
    with pytest.raises(Refused) as refused:
        await scan(State(session=None), Vendor())

    assert refused.value.code is RefusalCode.NOT_READY


async def test_scan_of_too_many_symbols_is_refused():
    with pytest.raises(Refused) as refused:
        await scan(State(), Vendor(), *(Symbol(f"A{number}") for number in range(MOST_SYMBOLS + 1)))

    assert refused.value.code is RefusalCode.MALFORMED
