"""Every way of an order is judged alike: the same offence is refused on each, and a proven exit goes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.access import Actor, Origin, TradingState
from core.domain.breakers import BreakerName, BreakerRecord, BreakerState
from core.domain.market import SessionPhase
from core.domain.messages import ClosePosition, HaltTrading, ReplaceOrder, SubmitOrder
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.outcomes import PortfolioPeak
from core.domain.proposals import Proposal
from core.domain.risk import Outcome, RuleCode, Unit, Verdict
from core.domain.terms import Contingency, OrderDraft, OrderTerms, OrdType, Side
from core.errors import RefusalCode, Refused
from tests.builders import AAPL
from tests.fakes.local_api import LocalApi
from tests.fakes.rig import EASY, EVERY_RULE, Rig, draft

BASE = "99.90"
# All that the size of an order is held to, but for what can be paid.
LAX = {
    "notional_hard": Decimal(10**6),
    "notional_hard_pct": Decimal(500),
    "position_pct": Decimal(500),
    "gross_pct": Decimal(500),
}


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path)
    yield made
    await made.close()


def proposed(rig: Rig, wanted: OrderDraft, thesis: str = "it goes up") -> Proposal:
    """Make what the agent would have proposed just now."""
    terms = OrderTerms(
        AAPL,
        wanted.side,
        wanted.ord_type,
        wanted.time_in_force,
        Qty(wanted.order_qty),
        Price(wanted.price) if wanted.price else None,
    )
    now = rig.clock.now()
    return Proposal("p-1", "momentum", terms, thesis, Price("100.01"), now, now + timedelta(minutes=15))


def body_of(wanted: OrderDraft) -> dict[str, Any]:
    body = {"symbol": wanted.symbol, "side": wanted.side.value, "ord_type": wanted.ord_type.value}
    return body | {"order_qty": wanted.order_qty} | ({"price": wanted.price} if wanted.price else {})


async def codes_of(work: Awaitable[Any]) -> set[str]:
    """Return the rules that refused; none where it was taken."""
    (told,) = await asyncio.gather(work, return_exceptions=True)
    if not isinstance(told, BaseException):
        return set()
    assert isinstance(told, Refused)
    assert told.code is RefusalCode.RISK
    assert isinstance(told.cause, Verdict)
    return {r.code.value for r in told.cause.results if r.outcome is Outcome.HARD}


async def by_window(api: LocalApi, wanted: OrderDraft) -> set[str]:
    return await codes_of(api.rig.do(SubmitOrder(wanted, api.rig.key(), EVERY_RULE)))


async def by_api(api: LocalApi, wanted: OrderDraft) -> set[str]:
    body = body_of(wanted) | {"acknowledged": [code.value for code in RuleCode]}
    answer = await api.post("/v1/orders", body)
    if answer.status == 201:
        return set()
    assert (answer.status, answer.code) in ((422, "risk"), (423, "halted"))
    return {r["code"] for r in answer.details["verdict"]["results"] if r["outcome"] == "hard"}


async def by_agent(api: LocalApi, wanted: OrderDraft) -> set[str]:
    rig = api.rig
    return await codes_of(rig.core.entry.approve(proposed(rig, wanted), rig.key(), rig.actor()))


async def by_bracket(api: LocalApi, wanted: OrderDraft) -> set[str]:
    legs = replace(wanted, contingency=Contingency.BRACKET, take_profit="130", stop_loss="80")
    return await codes_of(api.rig.do(SubmitOrder(legs, api.rig.key(), EVERY_RULE)))


async def by_replace(api: LocalApi, wanted: OrderDraft) -> set[str]:
    rig = api.rig
    (order,) = (each for each in rig.core.state.orders.open(AAPL) if each.side is Side.BUY)
    command = ReplaceOrder(order.cl_ord_id, rig.key(), wanted.order_qty, wanted.price, "", EVERY_RULE)
    return await codes_of(rig.do(command))


PATHS = {
    "window": by_window,
    "api": by_api,
    "agent": by_agent,
    "bracket": by_bracket,
    "replace": by_replace,
}


def limits(**changes: Any) -> Callable[[Rig], Awaitable[None]]:
    async def change(rig: Rig) -> None:
        rig.core.state.limits = rig.core.state.agent_limits = replace(EASY, **changes)

    return change


async def nothing(rig: Rig) -> None:
    del rig


async def halt(rig: Rig) -> None:
    await rig.do(HaltTrading("enough"))


async def reduce(rig: Rig) -> None:
    rig.core.state.trading_state = TradingState.REDUCING


async def forget_positions(rig: Rig) -> None:
    rig.core.state.positions_at = None


async def lose_quote(rig: Rig) -> None:
    rig.core.state.quotes._quotes.pop(AAPL)


async def misread_account(rig: Rig) -> None:
    rig.core.state.garbled["account"] = "Alpaca: account equity: expected a number, found 'abc'"


async def fall_from_the_peak(rig: Rig) -> None:
    rig.core.state.peak = PortfolioPeak(Money(200_000), "peak", rig.clock.now())


async def pause_everybody(rig: Rig) -> None:
    records = [
        BreakerRecord(
            name, BreakerState.TRIPPED, source, "Too many rejects", Decimal(5), Decimal(5), Unit.COUNT,
            "desk", "admin", "", rig.clock.now(),
        )
        for name, source in (
            (BreakerName.REJECT_RATE, Origin.WINDOW.value),
            (BreakerName.REJECT_RATE, Origin.API.value),
            (BreakerName.LOSING_STREAK, ""),
        )
    ]  # fmt: skip
    rig.core.state.tripped = tuple(records)


async def close_the_day(rig: Rig) -> None:
    await limits(regular_hours_only=True)(rig)
    session = rig.core.state.session
    assert session is not None
    rig.core.state.session = replace(session, phase=SessionPhase.POST)


@dataclass(frozen=True)
class Offence:
    """What makes an innocent order of ten at 100.00 one that a rule refuses."""

    code: RuleCode
    prepare: Callable[[Rig], Awaitable[None]] = nothing
    qty: str = "10"
    price: str = "100.00"


OFFENCES = [
    Offence(RuleCode.TRADING_STATE, halt),
    Offence(RuleCode.TRADING_STATE, reduce),
    Offence(RuleCode.FACTS, forget_positions),
    Offence(RuleCode.FACTS, lose_quote),
    Offence(RuleCode.FACTS, misread_account),
    Offence(RuleCode.INSTRUMENT, limits(restricted=frozenset({AAPL}))),
    Offence(RuleCode.INSTRUMENT, limits(allowed=frozenset())),
    Offence(RuleCode.SESSION, close_the_day),
    Offence(RuleCode.TICK, price="100.005"),
    Offence(RuleCode.PRICE_COLLAR, price="110.03"),
    Offence(RuleCode.ORDER_QTY, limits(order_qty_soft=Qty(5), order_qty_hard=Qty(5))),
    Offence(RuleCode.ORDER_NOTIONAL, limits(notional_soft=Decimal(500), notional_hard=Decimal(500))),
    Offence(RuleCode.POSITION_LIMIT, limits(position_pct=Decimal("0.5"))),
    Offence(RuleCode.GROSS_EXPOSURE, limits(gross_pct=Decimal("0.5"))),
    Offence(RuleCode.BUYING_POWER, limits(**LAX), qty="1100"),
    Offence(RuleCode.DUPLICATE, limits(duplicate_hard_count=1)),
    Offence(RuleCode.WORKING_ORDERS, limits(working_total=0)),
    Offence(RuleCode.WORKING_ORDERS, limits(working_per_symbol=0)),
    Offence(RuleCode.TURNOVER, limits(turnover_pct=Decimal("0.5"))),
    Offence(RuleCode.DAILY_LOSS, limits(daily_loss_pct=Decimal(0))),
    Offence(RuleCode.DRAWDOWN, fall_from_the_peak),
    Offence(RuleCode.PAUSED, pause_everybody),
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_innocent_order_is_taken_on_every_path(api: LocalApi, path: str) -> None:
    api.rig.core.state.agent_limits = EASY
    if path == "replace":
        await api.rig.submit(draft(qty=9, price=BASE))

    assert await PATHS[path](api, draft(qty=10, price="100.00")) == set()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("offence", OFFENCES, ids=lambda each: each.code.value)
async def test_an_offence_is_refused_on_every_path_by_the_same_rule(
    api: LocalApi, path: str, offence: Offence
) -> None:
    rig = api.rig
    rig.core.state.agent_limits = EASY
    if path == "replace":
        await rig.submit(draft(qty=9, price=BASE))
    before = len(rig.oracle().orders)
    await offence.prepare(rig)

    codes = await PATHS[path](api, draft(qty=offence.qty, price=offence.price))

    assert offence.code.value in codes
    assert len(rig.oracle().orders) == before


async def close_by_window(api: LocalApi) -> None:
    await api.rig.do(ClosePosition(AAPL, api.rig.key(), EVERY_RULE))


async def close_by_api(api: LocalApi) -> None:
    body = {"acknowledged": [code.value for code in RuleCode]}
    answer = await api.post("/v1/positions/AAPL/close", body)
    assert answer.status == 201, answer.body


async def close_by_agent(api: LocalApi) -> None:
    wanted = proposed(api.rig, draft(Side.SELL, 10))
    await api.rig.core.entry.approve(wanted, api.rig.key(), api.rig.actor())


# A halt takes cancels only, and what has the wrong form or comes too often the broker would refuse as well.
EXITS_PASS = [
    offence
    for offence in OFFENCES
    if offence.prepare is not halt
    and offence.code not in (RuleCode.TICK, RuleCode.PRICE_COLLAR, RuleCode.SESSION, RuleCode.DUPLICATE)
]


@pytest.mark.parametrize("close", [close_by_window, close_by_api, close_by_agent])
@pytest.mark.parametrize("offence", EXITS_PASS, ids=lambda each: each.code.value)
async def test_a_proven_exit_goes_on_every_path_whatever_forbids_to_open(
    api: LocalApi, close: Callable[[LocalApi], Awaitable[None]], offence: Offence
) -> None:
    rig = api.rig
    rig.core.state.agent_limits = EASY
    await rig.submit(draft(qty=10))
    await offence.prepare(rig)
    if close is close_by_agent and offence.prepare is lose_quote:
        with pytest.raises(Refused):  # a proposal does not hold without a price; a person can close
            await close(api)
        return
    await close(api)
    await rig.quiet()

    assert rig.core.state.positions.qty(AAPL) == 0


async def test_the_agent_may_only_propose(api: LocalApi) -> None:
    rig = api.rig
    rig.core.state.agent_limits = EASY
    agent = Actor("kim", "trader", Origin.AGENT, "s-1")

    command = SubmitOrder(draft(price="100.00"), rig.key(), EVERY_RULE)

    with pytest.raises(Refused) as caught:
        await rig.core.desk.execute(command, agent)
    assert caught.value.code is RefusalCode.NOT_PERMITTED
    # The rules would say the same behind the door.
    assert await codes_of(rig.core.entry.submit(command, agent)) == {"proposal"}


async def test_an_approved_proposal_is_an_order_of_the_agent(api: LocalApi) -> None:
    rig = api.rig
    rig.core.state.agent_limits = EASY

    done = await rig.core.entry.approve(proposed(rig, draft(price="100.00")), rig.key(), rig.actor())

    assert done.order.origin is Origin.AGENT
    assert (done.order.ord_type, done.order.terms.price) == (OrdType.LIMIT, Price("100.00"))


async def test_an_old_proposal_one_that_ran_away_and_the_same_thesis_again_are_refused(api: LocalApi) -> None:
    rig = api.rig
    rig.core.state.agent_limits = EASY
    made = proposed(rig, draft(price=BASE))

    old = replace(made, made_at=made.made_at - timedelta(seconds=901))
    away = replace(made, decision_px=Price("99.50"))
    assert await codes_of(rig.core.entry.approve(old, rig.key(), rig.actor())) == {"proposal"}
    assert await codes_of(rig.core.entry.approve(away, rig.key(), rig.actor())) == {"proposal"}
    assert await codes_of(rig.core.entry.approve(made, rig.key(), rig.actor())) == set()
    same = proposed(rig, draft(qty=3, price=BASE), "It  goes UP")
    assert await codes_of(rig.core.entry.approve(same, rig.key(), rig.actor())) == {"duplicate"}
    other = proposed(rig, draft(qty=3, price=BASE), "it is cheap")
    assert await codes_of(rig.core.entry.approve(other, rig.key(), rig.actor())) == set()


async def test_the_agent_is_held_to_limits_and_counts_of_its_own(api: LocalApi) -> None:
    rig = api.rig
    rig.core.state.agent_limits = replace(EASY, working_total=2, working_per_symbol=2)
    await rig.submit(draft(qty=4, price=BASE))

    async def propose(number: int) -> set[str]:
        made = proposed(rig, draft(qty=number, price=BASE), f"thesis {number}")
        return await codes_of(rig.core.entry.approve(made, rig.key(), rig.actor()))

    assert [await propose(number) for number in (1, 2, 3)] == [set(), set(), {"working_orders"}]
    assert await by_window(api, draft(qty=9, price=BASE)) == set()


async def test_the_pace_of_the_agent_is_its_own_and_counts_with_everybody_s(api: LocalApi) -> None:
    rig = api.rig
    rig.core.state.agent_limits = replace(EASY, per_minute=2)

    async def propose(number: int) -> None:
        made = proposed(rig, draft(qty=number, price=BASE), f"thesis {number}")
        await rig.core.entry.approve(made, rig.key(), rig.actor())

    await propose(1)
    await propose(2)
    with pytest.raises(Refused) as caught:
        await propose(3)

    assert caught.value.code is RefusalCode.THROTTLED
    assert caught.value.message.startswith("The agent made 2 orders in the last minute")
    assert rig.core.throttle.figures(EASY).last_minute == 2
    assert await by_window(api, draft(qty=9, price=BASE)) == set()


async def test_automation_opens_one_symbol_five_times_in_ten_minutes_and_a_person_as_often_as_he_likes(
    api: LocalApi,
) -> None:
    rig = api.rig
    await limits(entries_max=5)(rig)

    told = [await by_api(api, draft(qty=qty, price=BASE)) for qty in range(1, 7)]

    assert told == [set()] * 5 + [{"entries"}]
    assert await by_agent(api, draft(qty=9, price=BASE)) == {"entries"}
    assert await by_window(api, draft(qty=9, price=BASE)) == set()
    assert await by_api(api, replace(draft(qty=1, price=BASE), symbol="MSFT")) == set()
    await rig.wait(600, 20)
    assert await by_api(api, draft(qty=8, price=BASE)) == set()


async def test_a_start_forgets_no_entries_and_no_turnover(tmp_path: Path) -> None:
    api = await LocalApi.open(tmp_path, limits=replace(EASY, entries_max=2, turnover_pct=Decimal(5)))
    assert await by_api(api, draft(qty=20, price="100.02")) == set()
    assert await by_api(api, draft(qty=1, price=BASE)) == set()
    await api.client.close()
    await api.server.stop()

    await api.rig.kill()
    await api.rig.start()
    await api.rig.until_ready()

    rig = api.rig
    automat = Actor("kim", "trader", Origin.API, "s-1")
    work = rig.core.desk.execute(SubmitOrder(draft(qty=2, price=BASE), rig.key(), EVERY_RULE), automat)
    assert await codes_of(work) == {"entries"}
    # 2000.40 were traded and 99.90 may be: of the 5000 that may be, 2899.70 are left.
    assert await by_window(api, draft(qty=30, price="100.00")) == {"turnover"}
    assert await by_window(api, draft(qty=28, price="100.00")) == set()
    await rig.stop()


def total(orders: list[Order]) -> Decimal:
    return sum((order.order_qty * order.terms.price for order in orders if order.terms.price), Decimal(0))


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({"position_pct": Decimal(10)}, 9),  # each counts at the last trade, 100.01
        ({"gross_pct": Decimal(10)}, 9),
        ({"turnover_pct": Decimal(10)}, 10),
        ({"working_total": 7}, 7),
        ({"working_per_symbol": 7}, 7),
        ({"duplicate_hard_count": 4}, 3),
        ({"burst": 6, "per_second": 0.1}, 6),
        ({"per_minute": 6}, 6),
    ],
)
async def test_twenty_orders_at_once_do_not_share_one_limit(
    tmp_path: Path, changes: dict[str, Any], most: int
) -> None:
    rig = await Rig(tmp_path, limits=replace(EASY, **changes)).start()
    wanted = draft(qty=10, price="100.00")
    commands = [SubmitOrder(wanted, rig.key(), EVERY_RULE) for _ in range(20)]

    answers = asyncio.gather(
        *(rig.core.desk.execute(each, rig.actor()) for each in commands), return_exceptions=True
    )
    await rig.quiet()
    told = await answers

    taken = [each.order for each in told if not isinstance(each, BaseException)]
    assert all(isinstance(each, Refused) for each in told if isinstance(each, BaseException))
    assert len(taken) == most == len(rig.oracle().orders)
    await rig.stop()


async def test_twenty_purchases_at_once_cost_no_more_than_there_is(tmp_path: Path) -> None:
    rig = await Rig(tmp_path, limits=replace(EASY, **LAX)).start()
    commands = [SubmitOrder(draft(qty=95, price="100.00"), rig.key(), EVERY_RULE) for _ in range(20)]

    answers = asyncio.gather(
        *(rig.core.desk.execute(each, rig.actor()) for each in commands), return_exceptions=True
    )
    await rig.quiet()
    taken = [each.order for each in await answers if not isinstance(each, BaseException)]

    assert len(taken) == 10
    assert total(taken) * Decimal("1.0005") <= 100_000
    await rig.stop()


async def test_twenty_approvals_at_once_share_no_limit_of_the_agent(api: LocalApi) -> None:
    rig = api.rig
    rig.core.state.agent_limits = replace(EASY, working_total=5, working_per_symbol=5)
    made = [proposed(rig, draft(qty=number, price=BASE), f"thesis {number}") for number in range(1, 21)]

    answers = asyncio.gather(
        *(rig.core.entry.approve(each, rig.key(), rig.actor()) for each in made), return_exceptions=True
    )
    await rig.quiet()
    told = await answers

    assert sum(not isinstance(each, BaseException) for each in told) == 5
    assert len(rig.oracle().orders) == 5


async def test_twenty_sales_at_once_sell_what_is_held_once(tmp_path: Path) -> None:
    rig = await Rig(tmp_path).start()
    await rig.submit(draft(qty=100))
    commands = [SubmitOrder(draft(Side.SELL, 30, "100.50"), rig.key(), EVERY_RULE) for _ in range(20)]

    answers = asyncio.gather(
        *(rig.core.desk.execute(each, rig.actor()) for each in commands), return_exceptions=True
    )
    await rig.quiet()
    taken = [each for each in await answers if not isinstance(each, BaseException)]

    assert len(taken) == 3
    await rig.stop()
