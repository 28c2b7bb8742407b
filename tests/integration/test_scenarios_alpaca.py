"""The acceptance scenarios OR-1 to OR-8, over real sockets at the local Alpaca server.

Numbers are those of the list of scenarios. After each one our book is held against the server's, exactly.
"""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.access import TradingState
from core.domain.audit import AuditAction
from core.domain.breakers import BreakerName
from core.domain.messages import (
    AcknowledgeBreaker,
    DifferenceKind,
    GiveUpOrder,
    KillTrading,
    Reconcile,
    Reconciled,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.domain.order import Order
from core.domain.terms import OrdStatus, Side, TimeInForce
from core.errors import Refused
from core.ids import Symbol
from tests.builders import AAPL
from tests.fakes.alpaca_rig import AlpacaRig
from tests.fakes.rig import EVERY_RULE, draft
from tests.fakes.streaming_rig import StreamingRig

FAR, NEAR = "90.00", "100.02"
NEW = Symbol("APLX")
ORDERS = "/v2/orders"


@pytest.fixture
async def rig(tmp_path: Path):
    made = await AlpacaRig(tmp_path).serve()
    yield made
    await made.stop()


async def lost(rig: AlpacaRig, action: str = "drop_before", **options) -> Order:
    """Send an order whose answer does not come."""
    rig.server.faults.http(action, "POST", ORDERS, **options)
    return await rig.submit(draft(qty=10, price=FAR))


async def fails(rig: AlpacaRig, wanted=None) -> Refused:
    with pytest.raises(Refused) as caught:
        await rig.submit(wanted or draft(qty=1))
    return caught.value


# OR-1: the request is lost before the broker sees it.


async def test_or_1_lost_request_stays_unknown_and_nothing_is_sent_by_itself(rig: AlpacaRig) -> None:
    order = await lost(rig)

    await rig.wait(120, 5)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.UNKNOWN
    assert rig.server.journal.posts(order.cl_ord_id) == 1
    actions = await rig.store.read(rig.audit_actions())
    assert actions.count(AuditAction.ORDER_LOOKED_UP) >= 2
    await rig.agree()


async def test_or_1_lost_request_is_sent_again_under_the_same_id_when_a_person_says_so(
    rig: AlpacaRig,
) -> None:
    order = await lost(rig)
    await rig.wait(60, 5)

    await rig.do(ResendOrder(order.cl_ord_id))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW
    first, second = (each.body for each in rig.server.journal.requests("POST", ORDERS))
    assert first == second
    assert list(rig.ours_at_server()) == [order.cl_ord_id]
    await rig.agree()


async def test_or_1_order_that_was_given_up_and_arrives_late_is_cancelled_with_an_alarm(
    rig: AlpacaRig,
) -> None:
    order = await lost(rig)
    await rig.wait(60, 5)
    await rig.do(GiveUpOrder(order.cl_ord_id))
    (request,) = rig.server.journal.requests("POST", ORDERS)

    rig.server.exchange.submit(request.body)
    await rig.quiet()

    assert rig.at_server(order.cl_ord_id).status == "canceled"
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED
    assert any("given up" in text for text in rig.alarms())
    await rig.agree()


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("drop_after", {}),
        ("reply_status", {"status": 504, "phase": "after"}),
        ("reply_status", {"status": 500, "phase": "after", "body": "html"}),
        ("truncate", {}),
        ("cut_off", {}),
        ("html_200", {"phase": "after"}),
    ],
)
async def test_or_1_order_that_arrived_without_an_answer_is_found_and_never_sent_twice(
    rig: AlpacaRig, action: str, options: dict
) -> None:
    order = await lost(rig, action, **options)

    await rig.wait(5, 1)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.server.journal.posts(order.cl_ord_id) == 1
    await rig.agree()


# OR-2, killed at each moment of a submit: tests/crash/test_crash_alpaca.py.


# OR-3: a double click, Enter held down, two windows.


async def test_or_3_the_same_decision_many_times_at_once_is_one_order(rig: AlpacaRig) -> None:
    command = SubmitOrder(draft(qty=10, price=FAR), rig.key(), EVERY_RULE)

    tasks = [await rig.begin(command) for _ in range(5)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    made = {each.order.cl_ord_id for each in answers if not isinstance(each, Exception)}
    assert len(made) == 1
    assert sum(rig.server.journal.posts_by_id().values()) == 1
    await rig.agree()


async def test_or_3_the_same_decision_again_while_the_first_has_no_answer_is_one_order(
    rig: AlpacaRig,
) -> None:
    rig.server.faults.http("delay_reply", "POST", ORDERS)
    command = SubmitOrder(draft(qty=10, price=FAR), rig.key(), EVERY_RULE)
    first = await rig.begin(command)

    second = await rig.begin(command)
    rig.server.faults.release()
    await rig.quiet()
    await asyncio.gather(first, second, return_exceptions=True)

    assert sum(rig.server.journal.posts_by_id().values()) == 1
    await rig.agree()


# OR-4: fills before the answer, twice, and backwards.


async def test_or_4_fill_before_the_answer_is_booked_once(rig: AlpacaRig) -> None:
    rig.server.faults.http("event_first", "POST", ORDERS)

    order = await rig.submit(draft(qty=10, price=NEAR))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 10
    await rig.agree()


async def test_or_4_every_event_twice_is_booked_once(rig: AlpacaRig) -> None:
    rig.server.faults.frame("duplicate", times=None)
    rig.server.exchange.partial_fills(AAPL, [3, 3, 4], at_once=True)

    order = await rig.submit(draft(qty=10, price=NEAR))

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.agree()


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
async def test_or_4_events_backwards_end_in_the_same_book(rig: AlpacaRig, skip: int) -> None:
    rig.server.faults.frame("reorder", skip=skip)
    rig.server.exchange.partial_fills(AAPL, [3, 3, 4], at_once=True)

    order = await rig.submit(draft(qty=10, price=NEAR))
    await rig.wait(3, 1)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.agree()


# OR-5: fills while the stream is down for 30 s.


async def test_or_5_fills_while_the_stream_was_down_are_booked_within_ten_seconds(
    rig: AlpacaRig, expected_log
) -> None:
    expected_log("link.lost")
    order = await rig.submit(draft(qty=10, price=FAR))
    await rig.lose_network()
    rig.server.exchange.partial_fills(AAPL, [4, 6])
    for _ in range(2):
        rig.server.exchange.quote(AAPL, "89.00", "89.02")
    await rig.wait(30, 5)
    before = rig.order(order.cl_ord_id).cum_qty
    await rig.have_network()

    await rig.wait(10, 0.5)
    for _ in range(20):
        if rig.core.state.ready:
            break
        await rig.wait(1, 0.5)

    assert before == 0
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.agree()


# OR-6: orders of the broker's web site.


async def test_or_6_orders_of_others_are_shown_counted_and_left_alone(rig: AlpacaRig) -> None:
    other = rig.server.exchange.external_order(
        symbol=AAPL, side="buy", qty="7", type="limit", limit_price=FAR
    )
    await rig.quiet()

    shown = rig.order(other["client_order_id"])
    assert shown.external
    assert rig.core.state.orders.working(AAPL).buy_qty == 7
    assert rig.at_server(other["client_order_id"]).is_open
    await rig.agree()


async def test_or_6_orders_of_others_at_the_start_are_adopted_and_not_cancelled(rig: AlpacaRig) -> None:
    await rig.kill()
    other = rig.server.exchange.external_order(
        symbol=AAPL, side="buy", qty="7", type="limit", limit_price=FAR
    )

    await rig.start()

    assert rig.order(other["client_order_id"]).external
    assert rig.server.journal.requests("DELETE") == []
    assert rig.at_server(other["client_order_id"]).is_open
    await rig.agree()


async def test_or_6_order_that_cannot_be_read_is_told_and_shuts_its_symbol_only(
    rig: AlpacaRig, expected_log
) -> None:
    expected_log("word.unknown")
    order = await rig.submit(draft(qty=10, price=NEAR))
    made = rig.server.exchange.external_order(symbol=AAPL, side="buy", qty="7", type="limit", limit_price=FAR)
    await rig.quiet()
    other = rig.server.exchange.external_order(
        symbol="MSFT", side="buy", qty="7", type="limit", limit_price=FAR
    )
    await rig.kill()
    odd = rig.at_server(made["client_order_id"])
    odd.side = "flip"

    await rig.start()
    run = rig.core.reconciler.last_run
    refused = await fails(rig, draft(qty=1, price=FAR))
    leaving = await fails(rig, draft(Side.SELL, qty=10))
    elsewhere = await rig.submit(draft(qty=1, price=FAR, symbol="MSFT"))

    assert run is not None
    (found,) = (each for each in run.differences if not each.repaired)
    assert (found.kind, found.subject) == (DifferenceKind.UNREADABLE_ORDER, odd.client_order_id)
    assert "flip" in found.broker
    assert any(AAPL in text and "cannot be read" in text for text in rig.alarms())
    assert "the position in AAPL" in refused.message
    assert "the position in AAPL" in leaving.message
    assert rig.order(elsewhere.cl_ord_id).ord_status is OrdStatus.NEW
    assert rig.order(other["client_order_id"]).external
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED

    odd.side = "buy"
    rig.server.exchange.hand.cancel(odd.client_order_id)
    await rig.wait(40, 5)
    again = await rig.submit(draft(Side.SELL, qty=10, price="100.00"))
    assert rig.order(again.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.agree()


async def test_or_6_kill_switch_leaves_an_order_that_cannot_be_read_alone(
    rig: AlpacaRig, expected_log
) -> None:
    expected_log("word.unknown")
    for price in (FAR, "91.00"):
        await rig.submit(draft(qty=1, price=price))
    odd = rig.server.exchange.external_order(
        symbol="MSFT", side="buy", qty="7", type="limit", limit_price=FAR
    )
    rig.at_server(odd["client_order_id"]).side = "flip"

    report = await rig.do(KillTrading("test", flatten=False))

    assert odd["client_order_id"] in report.foreign
    assert rig.at_server(odd["client_order_id"]).is_open
    assert [each.is_open for each in rig.ours_at_server().values()] == [False, False]


async def test_or_6_cancel_on_the_web_site_ends_our_order(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))

    rig.server.exchange.hand.cancel(order.cl_ord_id)
    await rig.quiet()

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.CANCELED
    await rig.agree()


# OR-7: replacements without an answer, and against a fill.


async def replaced(rig: AlpacaRig, order: Order, qty: str = "12", price: str = "91.00") -> None:
    await rig.do(ReplaceOrder(order.cl_ord_id, rig.key(), qty, price, "", EVERY_RULE))


@pytest.mark.parametrize("action", ["drop_after", "drop_before"])
async def test_or_7_replacement_without_an_answer_leaves_one_live_order(rig: AlpacaRig, action: str) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    rig.server.faults.http(action, "PATCH", "*")

    await replaced(rig, order)
    await rig.wait(90, 5)

    alive = [each for each in rig.ours_at_server().values() if each.is_open]
    assert len(alive) == 1
    assert sum(each.leaves for each in alive) <= 12
    ours = [each for each in rig.core.state.orders.open() if each.ord_status is not OrdStatus.UNKNOWN]
    assert [each.cl_ord_id for each in ours] == [alive[0].client_order_id]
    await rig.agree()


async def test_or_7_order_that_fills_before_its_replacement_is_not_doubled(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    rig.server.exchange.settings.auto_replace = False

    await replaced(rig, order)
    rig.server.exchange.hand.fill(order.cl_ord_id, price=FAR)
    rig.server.exchange.hand.finish_replace(order.cl_ord_id)
    await rig.wait(10, 1)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    assert rig.core.state.positions.qty(AAPL) == 10
    assert rig.core.state.orders.open() == ()
    await rig.agree()


async def test_or_7_part_that_fills_during_a_replacement_is_kept(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    rig.server.exchange.settings.auto_replace = False

    await replaced(rig, order, qty="10")
    rig.server.exchange.hand.fill(order.cl_ord_id, 4, FAR)
    rig.server.exchange.hand.refuse_replace(order.cl_ord_id)
    await rig.wait(10, 1)

    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.PARTIALLY_FILLED
    assert len(rig.core.state.orders.open()) == 1
    await rig.agree()


# OR-8: busts, corrections, a billionth of a share, a cent of cash, a split, another symbol.


async def test_or_8_bust_takes_the_shares_back_by_an_entry_of_its_own(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    execution = rig.server.exchange.hand.fill(order.cl_ord_id, price=FAR)
    await rig.quiet()
    held = rig.core.state.positions.qty(AAPL)

    rig.server.exchange.bust(execution)
    await rig.quiet()

    fills = await rig.store.read(lambda reader: reader.fills())
    assert [fill.signed_qty for fill in fills] == [10, -10]
    assert (held, rig.core.state.positions.qty(AAPL)) == (10, 0)
    assert rig.core.state.account.cash == rig.server.exchange.account.cash
    assert any("took a fill back" in text for text in rig.alarms())


async def test_or_8_shares_that_fill_again_after_a_bust_are_booked_at_once(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    exchange = rig.server.exchange
    exchange.bust(exchange.hand.fill(order.cl_ord_id, 4, FAR))
    await rig.wait(1, 1)
    assert rig.order(order.cl_ord_id).cum_qty == 0

    exchange.hand.fill(order.cl_ord_id, 4, FAR)
    await rig.quiet()

    fills = await rig.store.read(lambda reader: reader.fills())
    assert [(fill.signed_qty, fill.inferred) for fill in fills] == [(4, False), (-4, False), (4, False)]
    assert rig.order(order.cl_ord_id).cum_qty == rig.core.state.positions.qty(AAPL) == 4
    await rig.wait(60, 5)
    assert rig.core.state.positions.qty(AAPL) == 4


@pytest.mark.parametrize("is_told", [True, False])
async def test_or_8_second_bust_of_shares_that_filled_again_takes_them_back(
    rig: AlpacaRig, is_told: bool
) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    exchange = rig.server.exchange
    exchange.bust(exchange.hand.fill(order.cl_ord_id, 4, FAR))
    await rig.wait(1, 1)
    if not is_told:
        rig.server.faults.frame("lose", word="*fill")
    again = exchange.hand.fill(order.cl_ord_id, 4, FAR)
    await rig.wait(1, 1)
    await rig.do(Reconcile())
    held = rig.core.state.positions.qty(AAPL)

    exchange.bust(again)
    await rig.quiet()

    assert held == 4
    assert rig.core.state.positions.qty(AAPL) == rig.order(order.cl_ord_id).cum_qty == 0
    fills = await rig.store.read(lambda reader: reader.fills())
    assert [(fill.signed_qty, fill.inferred) for fill in fills] == [
        (4, False), (-4, False), (4, not is_told), (-4, not is_told),
    ]  # fmt: skip
    assert (await rig.do(Reconcile())).differences == ()
    assert rig.core.state.account.cash == exchange.account.cash


async def test_or_8_correction_books_the_new_price_by_entries_of_its_own(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))
    execution = rig.server.exchange.hand.fill(order.cl_ord_id, price=FAR)
    await rig.quiet()

    rig.server.exchange.correct(execution, "89.50")
    await rig.quiet()

    fills = await rig.store.read(lambda reader: reader.fills())
    assert [(fill.signed_qty, str(fill.last_px)) for fill in fills] == [
        (10, "90"), (-10, "90"), (10, "89.5"),
    ]  # fmt: skip
    assert rig.core.state.positions.qty(AAPL) == 10
    assert rig.core.state.account.cash == rig.server.exchange.account.cash


async def test_or_8_billionth_of_a_share_is_booked_as_it_is(rig: AlpacaRig) -> None:
    order = await rig.submit(draft(qty=10, price=FAR))

    rig.server.exchange.hand.fill(order.cl_ord_id, "0.000000001", FAR)
    rig.server.exchange.hand.fill(order.cl_ord_id, "9.999999999", FAR)
    await rig.wait(2, 0.5)

    fills = await rig.store.read(lambda reader: reader.fills())
    assert [fill.last_qty for fill in fills] == [Decimal("0.000000001"), Decimal("9.999999999")]
    assert rig.order(order.cl_ord_id).ord_status is OrdStatus.FILLED
    await rig.agree()


async def test_or_8_one_cent_of_cash_is_told_and_taken_over(rig: AlpacaRig) -> None:
    # No activity tells of it, as one would of a fee.
    rig.server.exchange.account.book_cash("", Decimal("-0.01"))

    await rig.wait(95, 5)

    told = [each for event in rig.events if isinstance(event, Reconciled) for each in event.run.differences]
    assert [(each.kind, each.ours, each.broker) for each in told] == [
        (DifferenceKind.CASH, "100000", "99999.99"),
    ]  # fmt: skip
    assert rig.core.state.account.cash == Decimal("99999.99")
    await rig.agree()


async def test_or_8_split_is_told_and_the_brokers_number_taken_over(rig: AlpacaRig) -> None:
    await rig.submit(draft(qty=10, price=NEAR))

    rig.server.exchange.split(AAPL, 2)
    await rig.wait(150, 5)

    assert rig.core.state.positions.qty(AAPL) == 20
    assert any("taken over" in text for text in rig.alarms())


@pytest.fixture
async def streaming(tmp_path: Path):
    made = StreamingRig(tmp_path)
    await made.serve()
    await made.wait(1, 1)
    yield made
    await made.stop()


async def test_or_8_changed_symbol_is_told_and_the_shares_go_on_under_the_new_one(
    streaming: StreamingRig, expected_log
) -> None:
    rig, cash = streaming, streaming.core.state.account
    expected_log("link.lost")
    await rig.submit(draft(qty=10, price=NEAR))
    working = await rig.submit(draft(qty=5, price=FAR, tif=TimeInForce.GTC))
    left = cash.cash

    rig.server.exchange.rename(AAPL, NEW, is_told=False)
    await rig.wait(1, 1, refresh=False)
    before = await rig.do(Reconcile())
    await rig.wait(150, 5, refresh=False)

    # What nobody has proved is told, under both symbols, and not taken over at once.
    told = {each.subject: (each.ours, each.broker, each.repaired) for each in before.differences}
    assert told == {AAPL: ("10", "0", False), NEW: ("0", "10", False)}
    assert any(AAPL in text and NEW in text and "symbol" in text for text in rig.alarms())
    assert rig.order(working.cl_ord_id).ord_status is OrdStatus.CANCELED
    old, new = rig.core.state.positions.get(AAPL), rig.core.state.positions.get(NEW)
    assert old is not None
    assert new is not None
    assert (old.qty, old.realised, new.qty, new.cost) == (0, 0, 10, Decimal("1000.20"))
    assert cash.cash == left == rig.server.exchange.account.cash
    fills = await rig.store.read(lambda reader: reader.fills())
    assert [(fill.symbol, fill.signed_qty) for fill in fills] == [(AAPL, 10), (AAPL, -10), (NEW, 10)]


async def test_or_8_changed_symbol_is_traded_from_the_next_day_on(
    streaming: StreamingRig, expected_log
) -> None:
    rig = streaming
    expected_log("link.lost")
    await rig.submit(draft(qty=10, price=NEAR))
    rig.server.exchange.rename(AAPL, NEW, is_told=False)
    await rig.wait(150, 5, refresh=False)

    await rig.wait(86_400 - 150, 3_600, refresh=False)
    await rig.connect()
    rig.server.exchange.quote(NEW, "101.00", "101.02")
    await rig.wait(1, 0.125, refresh=False)
    held_back = await fails(rig, draft(qty=2, symbol=NEW))
    await rig.do(AcknowledgeBreaker(BreakerName.DRIFT, "", "AAPL is APLX now"), "admin")
    await rig.do(ResumeTrading("AAPL is APLX now"), "admin")
    await rig.submit(draft(qty=2, symbol=NEW))
    await rig.submit(draft(Side.SELL, qty=12, symbol=NEW))

    assert "reduced" in held_back.message
    assert AAPL not in rig.core.state.instruments
    assert rig.core.state.positions.held() == ()
    assert rig.server.exchange.account.positions == {}


async def test_or_8_changed_symbol_that_the_broker_tells_of_is_booked_at_once(
    streaming: StreamingRig,
) -> None:
    rig = streaming
    await rig.submit(draft(qty=10, price=NEAR))

    rig.server.exchange.rename(AAPL, NEW)
    await rig.wait(1, 1, refresh=False)
    run = await rig.do(Reconcile())
    again = await rig.do(Reconcile())

    assert [(each.kind, each.subject, each.ours, each.broker) for each in run.differences] == [
        (DifferenceKind.SHARES_MOVED, AAPL, "10", "0"),
        (DifferenceKind.SHARES_MOVED, NEW, "0", "10"),
    ]  # fmt: skip
    assert again.differences == ()
    assert rig.alarms() == []
    fills = await rig.store.read(lambda reader: reader.fills())
    assert [(each.symbol, each.signed_qty) for each in fills] == [(AAPL, 10), (AAPL, -10), (NEW, 10)]
    old, new = rig.core.state.positions.get(AAPL), rig.core.state.positions.get(NEW)
    assert old is not None
    assert new is not None
    assert (old.qty, old.realised, new.qty, new.cost) == (0, 0, 10, Decimal("1000.20"))
    assert rig.core.state.account.cash == rig.server.exchange.account.cash
    assert rig.core.latch.record.state is TradingState.ACTIVE


async def test_or_8_symbol_that_changes_back_is_booked_by_the_rows_that_are_new(
    streaming: StreamingRig,
) -> None:
    rig = streaming
    await rig.submit(draft(qty=10, price=NEAR))
    rig.server.exchange.rename(AAPL, NEW)
    await rig.do(Reconcile())
    await rig.kill()
    await rig.start()
    await rig.wait(1, 1, refresh=False)

    rig.server.exchange.rename(NEW, AAPL)
    run = await rig.do(Reconcile())

    assert {each.subject: each.broker for each in run.differences} == {AAPL: "10", NEW: "0"}
    assert {each.symbol: each.qty for each in rig.core.state.positions.held()} == {AAPL: 10}


async def test_or_8_rows_that_do_not_explain_a_difference_to_the_share_book_nothing(
    streaming: StreamingRig,
) -> None:
    rig = streaming
    await rig.submit(draft(qty=10, price=NEAR))
    rig.server.exchange.rename(AAPL, NEW)
    rig.server.exchange.split(NEW, 2)

    run = await rig.do(Reconcile())

    assert {(each.kind, each.subject, each.repaired) for each in run.differences} == {
        (DifferenceKind.SHARES_MOVED, AAPL, True),
        (DifferenceKind.POSITION, NEW, False),
    }
    assert rig.core.state.positions.get(NEW) is None
