"""The acceptance scenarios of risk, by their numbers, through the whole core."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.adapters.calendar import MarketCalendar
from core.domain.access import TradingState
from core.domain.audit import AuditAction
from core.domain.confirmation import ConfirmationReply
from core.domain.instrument import TickRule
from core.domain.market import MarketSession, SessionPhase
from core.domain.messages import (
    CancelOrder,
    ClosePosition,
    HaltTrading,
    PreviewOrder,
    ReplaceOrder,
    SetConfirmAlways,
    SubmitOrder,
)
from core.domain.money import Price, Qty
from core.domain.portfolio import BrokerPosition
from core.domain.records import AuditQuery
from core.domain.risk import Outcome, RuleCode, Verdict
from core.domain.terms import Contingency, OrderDraft, OrdStatus, OrdType, Side, TimeInForce
from core.errors import BrokerUnavailable, RefusalCode, Refused
from tests.builders import AAPL
from tests.fakes.local_api import LocalApi
from tests.fakes.market import CLOSES, OPENS
from tests.fakes.rig import EVERY_RULE, Rig, draft

RESTING = "99.90"
HARD, SKIPPED = Outcome.HARD, Outcome.NOT_EVALUATED


@pytest.fixture
async def rig(tmp_path: Path):
    made = await Rig(tmp_path).start()
    yield made
    await made.stop()


async def verdict_of(rig: Rig, command: Any) -> Verdict:
    """Give a command that a rule refuses, and return what every rule said."""
    sent = len(rig.oracle().orders)
    with pytest.raises(Refused) as caught:
        await rig.do(command)
    assert len(rig.oracle().orders) == sent
    assert isinstance(caught.value.cause, Verdict)
    return caught.value.cause


async def refusals(rig: Rig, wanted: OrderDraft) -> set[RuleCode]:
    verdict = await verdict_of(rig, SubmitOrder(wanted, rig.key(), EVERY_RULE))
    return {each.code for each in verdict.results if each.outcome is HARD}


async def closes(rig: Rig) -> None:
    await rig.do(ClosePosition(AAPL, rig.key(), EVERY_RULE))
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_rk_1_halted_takes_nothing_but_cancels_on_any_way_in(tmp_path: Path) -> None:
    api = await LocalApi.open(tmp_path)
    rig = api.rig
    await rig.submit(draft(qty=10))
    order = await rig.submit(draft(qty=5, price=RESTING))
    await rig.do(HaltTrading("enough"))

    assert RuleCode.TRADING_STATE in await refusals(rig, draft())
    assert RuleCode.TRADING_STATE in await refusals(rig, draft(Side.SELL, 20))  # 10 of it would open a short
    bracket = replace(draft(), contingency=Contingency.BRACKET, take_profit="130", stop_loss="80")
    assert RuleCode.TRADING_STATE in await refusals(rig, bracket)
    up = ReplaceOrder(order.cl_ord_id, rig.key(), "50", RESTING, "", EVERY_RULE)
    assert (await verdict_of(rig, up)).is_refused
    body = {"symbol": "AAPL", "side": "sell", "ord_type": "market", "order_qty": "20"}
    assert (await api.post("/v1/orders", body)).status == 423
    assert (await api.ask("PATCH", f"/v1/orders/{order.cl_ord_id}", {"order_qty": "50"})).status == 423
    assert (await api.ask("DELETE", f"/v1/orders/{order.cl_ord_id}")).status == 202
    await rig.quiet()
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED
    await api.close()


async def test_rk_1_a_halt_lets_a_cancel_out_of_the_window_too(rig: Rig) -> None:
    order = await rig.submit(draft(price=RESTING))
    await rig.do(HaltTrading("enough"))

    await rig.do(CancelOrder(order.cl_ord_id))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED


MISSING = {
    "the account is old": lambda state: setattr(state.account, "_received", -61.0),
    "the account was never told": lambda state: setattr(state.account, "_account", None),
    "the account cannot be read": lambda state: state.garbled.update(account="account cash: found 'abc'"),
    "positions are old": lambda state: setattr(state, "positions_at", -31.0),
    "positions were never told": lambda state: setattr(state, "positions_at", None),
    "there is no quote": lambda state: state.quotes._quotes.pop(AAPL),
    "there is no session": lambda state: setattr(state, "session", None),
    "the clock is off": lambda state: setattr(state, "session", replace(state.session, clock_off_s=-2.0)),
    "the stream is down": lambda state: setattr(state, "ready", False),
    "the book is not written": lambda state: setattr(state, "book_writable", False),
}


@pytest.mark.parametrize("lost", MISSING)
async def test_rk_2_what_is_missing_old_or_in_error_denies_with_its_name_and_lets_an_exit_go(
    rig: Rig, lost: str
) -> None:
    await rig.submit(draft(qty=10))
    MISSING[lost](rig.core.state)

    verdict = await verdict_of(rig, SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))

    words = {each.code: each.text for each in verdict.results if each.outcome is HARD}
    names = ("account", "position", "broker", "quote", "session", "clock", "stream")
    assert any(name in words[RuleCode.FACTS].lower() for name in names)
    if lost not in ("the account was never told", "the book is not written", "there is no session"):
        await closes(rig)


async def test_rk_2_a_quote_that_grows_old_denies_until_the_next_one(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    await rig.wait(6, 1, refresh=False)

    assert RuleCode.FACTS in await refusals(rig, draft(price=RESTING))

    rig.market.refresh()
    await rig.quiet()
    order = await rig.submit(draft(price=RESTING))
    assert order.ord_status is OrdStatus.NEW


async def test_rk_2_positions_that_are_not_answered_deny_after_thirty_seconds(rig: Rig, expected_log) -> None:
    expected_log("account.unanswered")
    expected_log("reconciliation.unanswered")
    await rig.submit(draft(qty=10))

    async def mute() -> tuple[BrokerPosition, ...]:
        raise BrokerUnavailable("no answer")

    rig.market.broker.positions = mute
    await rig.wait(25, 5)
    await rig.submit(draft(qty=1, price=RESTING))
    await rig.wait(10, 5)

    verdict = await verdict_of(rig, SubmitOrder(draft(price=RESTING), rig.key(), EVERY_RULE))
    (found,) = (each for each in verdict.results if each.outcome is HARD)
    assert found.code is RuleCode.FACTS
    assert found.text.startswith("What the broker said is held is 3")
    await closes(rig)


async def test_rk_2_positions_are_asked_for_often_enough_for_the_rule(rig: Rig) -> None:
    for _ in range(12):
        await rig.wait(10, 1)
        at = rig.core.state.positions_at
        assert at is not None
        assert rig.clock.monotonic() - at <= 15


async def test_rk_3_more_than_is_held_is_not_sold_nor_the_same_shares_twice(rig: Rig) -> None:
    await rig.submit(draft(qty=100))

    assert RuleCode.SELL_HELD in await refusals(rig, draft(Side.SELL, 101, "100.00"))
    await rig.submit(draft(Side.SELL, 100, "100.50"))
    assert RuleCode.SELL_HELD in await refusals(rig, draft(Side.SELL, 100, "100.50"))
    assert RuleCode.SELL_HELD in await refusals(rig, draft(Side.SELL, 1))


@pytest.mark.parametrize(
    ("qty", "price", "code"),
    [
        ("10", "150.03", RuleCode.PRICE_COLLAR),
        ("10", "0", RuleCode.NUMBERS),
        ("10", "-1", RuleCode.NUMBERS),
        ("10", "NaN", RuleCode.NUMBERS),
        ("10", "Infinity", RuleCode.NUMBERS),
        ("10", "1e308", RuleCode.NUMBERS),
        ("10", "1" + "0" * 30, RuleCode.NUMBERS),
        ("0", RESTING, RuleCode.NUMBERS),
        ("-1", RESTING, RuleCode.NUMBERS),
        ("NaN", RESTING, RuleCode.NUMBERS),
        ("1e308", RESTING, RuleCode.NUMBERS),
        ("10", "99.905", RuleCode.TICK),
    ],
)
async def test_rk_3_numbers_far_away_or_none_at_all_are_refused(
    rig: Rig, qty: str, price: str, code: RuleCode
) -> None:
    assert code in await refusals(rig, draft(qty=qty, price=price))


async def test_rk_3_a_sale_far_below_the_market_is_refused(rig: Rig) -> None:
    await rig.submit(draft(qty=100))

    assert RuleCode.PRICE_COLLAR in await refusals(rig, draft(Side.SELL, 10, "50.00"))


async def test_rk_3_half_a_cent_is_a_step_from_its_date_on_and_not_before(rig: Rig) -> None:
    known = rig.core.state.instruments
    day = OPENS.date()

    def since(first: date) -> None:
        half = TickRule(first, Decimal(1), Decimal("0.005"))
        known[AAPL] = replace(known[AAPL], ticks=(*known[AAPL].ticks[:2], half))

    since(date(day.year, day.month, day.day + 1))
    assert await refusals(rig, draft(price="99.905")) == {RuleCode.TICK}
    since(day)
    preview = await rig.do(PreviewOrder(draft(price="99.905")))
    assert not preview.verdict.is_refused


@pytest.mark.parametrize(
    "shown",
    [
        {"bid": None, "bid_size": Qty(0)},
        {"ask": None, "ask_size": Qty(0)},
        {"bid": None, "ask": None, "bid_size": Qty(0), "ask_size": Qty(0)},
        {"bid": Price("90.00")},
    ],
)
async def test_rk_4_a_market_order_meets_no_empty_or_wide_book(rig: Rig, shown: dict[str, Any]) -> None:
    rig.market.show(**shown)
    await rig.quiet()

    assert RuleCode.SPREAD in await refusals(rig, draft())


async def test_rk_4_a_market_order_is_capped_and_never_fills_beyond_its_limit(rig: Rig) -> None:
    rig.market.quote("100.00", "100.02", size=5)
    await rig.quiet()

    order = await rig.submit(draft(qty=20))
    rig.market.quote("104.00", "104.02")
    await rig.quiet()

    assert (order.ord_type, order.terms.price) == (OrdType.LIMIT, Price("101.02"))
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.PARTIALLY_FILLED
    assert rig.order(order.cl_ord_id).cum_qty == 5


async def test_rk_4_crossing_an_own_order_is_refused_and_names_it(rig: Rig) -> None:
    await rig.submit(draft(qty=100))
    sale = await rig.submit(draft(Side.SELL, 50, "100.30"))

    verdict = await verdict_of(rig, SubmitOrder(draft(price="100.30"), rig.key(), EVERY_RULE))

    (found,) = (each for each in verdict.results if each.outcome is HARD)
    assert found.code is RuleCode.SELF_TRADE
    assert sale.cl_ord_id in found.text
    assert RuleCode.SELF_TRADE in await refusals(rig, draft())
    near = verdict.nearest
    assert near is not None
    assert near.prices == (Price("100.29"),)


async def test_rk_6_a_halted_symbol_takes_limit_orders_that_wait_and_no_market_order(rig: Rig) -> None:
    nothing = {"bid": None, "ask": None, "bid_size": Qty(0), "ask_size": Qty(0)}
    rig.market.show(halted=True, **nothing)
    await rig.quiet()

    assert RuleCode.SESSION in await refusals(rig, draft())
    order = await rig.submit(draft(price=RESTING))

    assert order.ord_status is OrdStatus.NEW
    rig.market.show(halted=False, bid=Price("99.88"), ask=Price("99.90"), bid_size=Qty(9), ask_size=Qty(99))
    await rig.quiet()
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED


async def test_rk_6_a_market_wide_breaker_halts_every_symbol(rig: Rig) -> None:
    for symbol in (AAPL, "MSFT"):
        rig.market.show(symbol, halted=True)
    await rig.quiet()

    for symbol in (AAPL, "MSFT"):
        assert RuleCode.SESSION in await refusals(rig, draft(symbol=symbol))


MOMENTS = [
    # 13:30 in New York, half an hour after the early close: queued for the evening session or refused.
    (datetime(2026, 11, 27, 18, 30, tzinfo=UTC), SessionPhase.POST),
    (datetime(2026, 11, 27, 17, 30, tzinfo=UTC), SessionPhase.REGULAR),
    (datetime(2026, 11, 26, 17, 30, tzinfo=UTC), SessionPhase.CLOSED),
    (datetime(2026, 11, 24, 7, 0, tzinfo=UTC), SessionPhase.CLOSED),  # overnight, 02:00 in New York
    (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), SessionPhase.PRE),
    (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), SessionPhase.CLOSED),  # a Sunday
]


@pytest.mark.parametrize(("moment", "phase"), MOMENTS)
async def test_rk_6_half_days_holidays_and_the_night_follow_the_calendar(
    rig: Rig, moment: datetime, phase: SessionPhase
) -> None:
    calendar = MarketCalendar()
    await calendar.prepare(moment)
    session = calendar.session(moment)
    rig.core.state.session = session

    market = await rig.do(PreviewOrder(draft()))
    at_once = await rig.do(PreviewOrder(draft(price=RESTING, tif=TimeInForce.IOC)))
    waiting = await rig.do(PreviewOrder(draft(price=RESTING)))

    assert session.phase is phase
    is_open = phase is SessionPhase.REGULAR
    for preview in (market, at_once):
        codes = {each.code for each in preview.verdict.results if each.outcome is HARD}
        assert (RuleCode.SESSION in codes) is not is_open
    assert not waiting.verdict.is_refused


async def test_rk_6_outside_the_market_an_order_waits_as_it_is_shown(rig: Rig) -> None:
    rig.market.session = lambda: MarketSession(rig.market.now, SessionPhase.CLOSED, OPENS, CLOSES)
    await rig.wait(1, 1)

    order = await rig.submit(draft(price="100.50", tif=TimeInForce.GTC))

    assert RuleCode.SESSION in await refusals(rig, draft())
    assert order.is_open


async def test_the_sheet_the_digest_the_record_and_the_broker_have_the_one_limit(rig: Rig) -> None:
    await rig.do(SetConfirmAlways(True))
    asking = await rig.begin(SubmitOrder(draft(qty=10), key := rig.key(), EVERY_RULE))
    request = rig.confirmer.asked[-1]
    assert (request.terms.ord_type, request.terms.price) == (OrdType.LIMIT, Price("101.02"))
    asking.cancel()
    await rig.quiet()

    def answer(asked: Any) -> ConfirmationReply:
        rig.market.quote("100.10", "100.12")  # less than half a percent: the yes holds, for the limit it saw
        return ConfirmationReply(asked.digest, accepted=True)

    rig.confirmer.answer = answer
    done = await rig.do(SubmitOrder(draft(qty=10), key, EVERY_RULE))

    order, told = done.order, rig.oracle().orders[done.order.cl_ord_id]
    assert rig.confirmer.asked[-1].terms == order.terms
    assert (told["ord_type"], told["price"]) == ("limit", "101.02")
    page = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(limit=50)))
    (prepared,) = (each for each in page if each.action == AuditAction.ORDER_PREPARED)
    assert '"price":"101.02"' in prepared.payload
    spread = next(each for each in done.verdict.results if each.code is RuleCode.SPREAD)
    assert "limit order at 101.02" in spread.text


async def test_the_same_decision_again_is_the_same_order_though_the_quote_moved(rig: Rig) -> None:
    key = rig.key()
    order = await rig.submit(draft(qty=10), key)
    rig.market.quote("102.00", "102.02")
    await rig.quiet()

    again = await rig.do(SubmitOrder(draft(qty=10), key, EVERY_RULE))

    assert again.repeated
    assert again.order.cl_ord_id == order.cl_ord_id
    with pytest.raises(Refused) as caught:
        await rig.do(SubmitOrder(draft(qty=10, price="101.02"), key, EVERY_RULE))
    assert caught.value.code is RefusalCode.IDEMPOTENCY_CONFLICT


async def test_a_preview_shows_the_limit_that_would_be_sent_and_the_closing_order_has_one(rig: Rig) -> None:
    preview = await rig.do(PreviewOrder(draft(qty=10)))

    assert preview.sent is not None
    assert (preview.sent.ord_type, preview.sent.price) == (OrdType.LIMIT, Price("101.02"))
    await rig.submit(draft(qty=10))
    closing = (await rig.do(ClosePosition(AAPL, rig.key(), EVERY_RULE))).order
    assert (closing.ord_type, closing.terms.price) == (OrdType.LIMIT, Price("99.00"))
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_an_exit_that_cannot_be_capped_goes_at_market(rig: Rig) -> None:
    await rig.submit(draft(qty=10))
    rig.market.show(bid=Price("90.00"))
    await rig.quiet()

    closing = (await rig.do(ClosePosition(AAPL, rig.key(), EVERY_RULE))).order

    assert closing.ord_type is OrdType.MARKET
    assert rig.core.state.positions.qty(AAPL) == 0


async def test_a_refusal_is_recorded_with_every_rule_and_the_nearest_order(rig: Rig) -> None:
    verdict = await verdict_of(rig, SubmitOrder(draft(qty=900, price="100.005"), rig.key(), EVERY_RULE))

    near = verdict.nearest
    assert near is not None
    page = await rig.store.read(lambda reader: reader.audit_page(AuditQuery(limit=5)))
    record = next(each for each in page if each.action == AuditAction.ORDER_REFUSED)
    facts = json.loads(record.payload)
    written = json.loads(facts["verdict"])
    assert facts["nearest_qty"] == str(near.order_qty)
    assert written["nearest"] == {"order_qty": "99", "prices": ["100", "100.01"], "stop_pxs": []}
    assert [each["code"] for each in written["results"]] == [each.code.value for each in verdict.results]
    offered = draft(qty=int(near.order_qty or 0), price="100.01")
    assert rig.core.state.trading_state is TradingState.ACTIVE
    assert not (await rig.do(PreviewOrder(offered))).verdict.is_refused
