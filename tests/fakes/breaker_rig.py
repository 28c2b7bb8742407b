"""A core whose breakers are watched: prices that fall, money that moves, and what has tripped."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.access import Actor, Origin
from core.domain.breakers import BreakerName, BreakerRecord, BreakerStanding, BreakerState
from core.domain.limits import Limits
from core.domain.messages import AcknowledgeBreaker, BreakerChanged, LoadBreakers, SubmitOrder
from core.domain.money import Price
from core.domain.order import Order
from core.domain.terms import OrderDraft, Side
from core.errors import Refused
from core.ids import Symbol
from tests.builders import AAPL
from tests.fakes.market import MSFT
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

# Far below the market, so that it rests whatever a test does to the other symbol.
RESTING = "99.00"
SHARES = 190


def easy(**changes: object) -> Limits:
    """Change some of the easy limits."""
    return replace(EASY, **changes)  # type: ignore[arg-type]


async def start(folder: Path, **changes: object) -> Rig:
    """Start a core whose account and cash flows are known."""
    rig = await Rig(folder, limits=easy(**changes)).start()
    await settled(rig)
    return rig


async def settled(rig: Rig) -> None:
    """Let two looks pass, and the account be asked for anew."""
    await rig.wait(12.0, 0.5)


async def fall(rig: Rig, price: str, symbol: Symbol = AAPL) -> None:
    """Let the market trade at a price, and be looked at."""
    last = Price(price)
    rig.market.show(symbol, bid=last, ask=Price(last + Price("0.02")), last=last)
    await rig.quiet()
    await rig.wait(0.5, 0.25, refresh=False)


async def entry(rig: Rig, price: str = RESTING) -> Order:
    """Let an order rest that would open a position in another symbol."""
    return await rig.submit(draft(price=price, symbol=MSFT))


async def lose(rig: Rig, times: int = 1) -> None:
    """Buy and sell at once, so often, at the loss of the spread."""
    for _ in range(times):
        await rig.submit(draft(qty=10))
        await rig.submit(draft(Side.SELL, 10))


def state_of(rig: Rig, name: BreakerName, source: str = "") -> BreakerState:
    """Return where a breaker stands, by the last step that was told of it."""
    steps = [each.record for each in rig.events if isinstance(each, BreakerChanged)]
    found = [each for each in steps if (each.name, each.source) == (name, source)]
    return found[-1].state if found else BreakerState.ARMED


def tripped(rig: Rig) -> set[BreakerName]:
    """Name what is tripped."""
    return {each.name for each in rig.core.state.tripped}


async def standing(rig: Rig, name: BreakerName, source: str = "") -> BreakerStanding:
    """Return how a breaker stands on the board."""
    board = await rig.do(LoadBreakers(), "viewer")
    (found,) = [each for each in board.standings if (each.name, each.source) == (name, source)]
    return found


async def acknowledge(rig: Rig, name: BreakerName, source: str = "", role: str = "admin") -> BreakerRecord:
    """Take a trip for understood."""
    return await rig.do(AcknowledgeBreaker(name, source, "looked into"), role)


async def by(rig: Rig, origin: Origin, order: OrderDraft) -> Order:
    """Send an order by a way in."""
    actor = Actor("kim", "trader", origin, "s-1")
    done = await rig.core.desk.execute(SubmitOrder(order, rig.key(), EVERY_RULE), actor)
    await rig.quiet()
    return rig.order(done.order.cl_ord_id)


async def refused_by(rig: Rig, origin: Origin, order: OrderDraft) -> str:
    """Send an order by a way in where it is refused; return why."""
    with pytest.raises(Refused) as caught:
        await by(rig, origin, order)
    return caught.value.message
