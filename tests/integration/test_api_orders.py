"""The local API: orders placed, repeated, judged, changed, ended and settled."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.access import Mode, Role
from core.domain.confirmation import ConfirmationReply
from core.domain.limits import Limits
from core.domain.messages import ReplaceOrder, SetConfirmAlways, Submitted
from core.domain.money import Price
from core.domain.order import Order
from core.domain.risk import Verdict
from core.domain.terms import OrdStatus, OrdType, Side
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId
from tests.builders import AAPL, NOON, terms
from tests.fakes.local_api import KEYS, LocalApi, limit
from tests.fakes.rig import EASY, EVERY_RULE


@pytest.fixture
async def api(tmp_path: Path):
    made = await LocalApi.open(tmp_path)
    yield made
    await made.close()


async def test_order_is_placed_filled_and_told_with_its_verdict(api: LocalApi) -> None:
    placed = await api.post("/v1/orders", limit())
    await api.rig.quiet()

    (order,) = (await api.get("/v1/orders")).body["orders"]

    assert placed.status == 201
    assert placed.body["verdict"]["refused"] is False
    assert placed.body["order"]["cl_ord_id"] == order["cl_ord_id"]
    assert (order["order_qty"], order["cum_qty"], order["avg_px"]) == ("10", "10", "100.02")
    assert order["ord_status"] == "FILLED"
    assert (await api.get(f"/v1/orders/{order['cl_ord_id']}")).body == order


async def test_same_key_and_body_answers_the_same_order_with_the_verdict_of_then(api: LocalApi) -> None:
    first = await api.post("/v1/orders", limit(), Idempotency_Key="decision-1")
    await api.rig.quiet()

    again = await api.post("/v1/orders", limit(), Idempotency_Key="decision-1")

    assert (first.status, again.status) == (201, 200)
    assert again.body["order"]["cl_ord_id"] == first.body["order"]["cl_ord_id"]
    assert [rule["code"] for rule in again.body["verdict"]["results"]] == [
        rule["code"] for rule in first.body["verdict"]["results"]
    ]
    assert len((await api.get("/v1/orders")).body["orders"]) == 1
    assert again.headers["Idempotency-Key"] == "decision-1"


async def test_same_key_with_another_body_is_a_conflict(api: LocalApi) -> None:
    await api.post("/v1/orders", limit(), Idempotency_Key="decision-1")

    other = await api.post("/v1/orders", limit("11"), Idempotency_Key="decision-1")

    assert (other.status, other.code) == (409, "idempotency_conflict")


async def test_acknowledgement_is_no_part_of_the_fingerprint(api: LocalApi) -> None:
    first = await api.post("/v1/orders", limit(), Idempotency_Key="k")

    again = await api.post("/v1/orders", limit(acknowledged=["duplicate"]), Idempotency_Key="k")

    assert (first.status, again.status) == (201, 200)


async def test_a_key_is_made_and_told_where_none_is_given(api: LocalApi) -> None:
    placed = await api.post("/v1/orders", limit())

    again = await api.post("/v1/orders", limit(), Idempotency_Key=placed.headers["Idempotency-Key"])

    assert again.status == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 129])
async def test_a_key_that_is_none_is_malformed(api: LocalApi, key: str) -> None:
    refused = await api.post("/v1/orders", limit(), Idempotency_Key=key)

    assert (refused.status, refused.code) == (400, "malformed")


async def test_soft_rule_asks_and_passes_once_it_is_acknowledged(tmp_path: Path) -> None:
    api = await LocalApi.open(tmp_path, limits=Limits(burst=100, per_second=100.0))
    body = limit("150", "100.02")

    asked = await api.post("/v1/orders", body, Idempotency_Key="k")
    rules = asked.details["rules"]
    passed = await api.post("/v1/orders", {**body, "acknowledged": rules}, Idempotency_Key="k")

    assert (asked.status, asked.code) == (422, "needs_acknowledgement")
    assert "order_notional" in rules
    assert passed.status == 201
    await api.close()


async def test_hard_rule_refuses_with_the_verdict_in_the_details(api: LocalApi) -> None:
    refused = await api.post("/v1/orders", limit("1000", "150"))

    assert (refused.status, refused.code) == (422, "risk")
    assert refused.details["verdict"]["refused"] is True
    assert "price_collar" in refused.details["rules"]
    assert any(rule["outcome"] == "hard" for rule in refused.details["verdict"]["results"])


async def test_halted_trading_locks_orders_and_lets_cancels_pass(api: LocalApi) -> None:
    resting = await api.post("/v1/orders", limit(price="99.00"))
    halted = await api.post("/v1/halt", {"reason": "lunch"})

    refused = await api.post("/v1/orders", limit())
    ended = await api.ask("DELETE", f"/v1/orders/{resting.body['order']['cl_ord_id']}")

    assert (halted.status, halted.body["trading_state"]) == (200, "HALTED")
    assert (refused.status, refused.code) == (423, "halted")
    assert ended.status == 202


async def test_throttle_says_when_to_come_again(tmp_path: Path) -> None:
    api = await LocalApi.open(tmp_path, limits=Limits(burst=1, per_second=0.25, duplicate_hard_count=100))
    await api.post("/v1/orders", limit())

    slowed = await api.post("/v1/orders", limit(qty="11"))

    assert (slowed.status, slowed.code) == (429, "throttled")
    assert slowed.headers["Retry-After"] == "4"
    await api.close()


async def test_preview_judges_and_sends_nothing(api: LocalApi) -> None:
    passes = await api.post("/v1/orders/preview", limit())
    fails = await api.post("/v1/orders/preview", limit("1000", "150"))

    assert (passes.status, passes.body["verdict"]["refused"]) == (200, False)
    assert {line["name"] for line in passes.body["verdict"]["effect"]} >= {"position", "buying_power"}
    assert passes.body["quote"]["symbol"] == "AAPL"
    assert (fails.status, fails.body["verdict"]["refused"]) == (200, True)
    assert (await api.get("/v1/orders")).body["orders"] == []


async def test_order_is_replaced_and_keeps_what_was_not_named(api: LocalApi) -> None:
    resting = await api.post("/v1/orders", limit(price="99.00"))
    old = resting.body["order"]["cl_ord_id"]

    replaced = await api.ask("PATCH", f"/v1/orders/{old}", {"price": "98.50"})
    await api.rig.quiet()
    opened = (await api.get("/v1/orders?state=open")).body["orders"]

    assert replaced.status == 202
    assert replaced.body["order"]["orig_cl_ord_id"] == old
    assert [(each["price"], each["order_qty"]) for each in opened] == [("98.5", "10")]
    assert (await api.get(f"/v1/orders/{old}")).body["ord_status"] == "REPLACED"


async def test_replacing_by_nothing_is_malformed(api: LocalApi) -> None:
    resting = await api.post("/v1/orders", limit(price="99.00"))

    refused = await api.ask("PATCH", f"/v1/orders/{resting.body['order']['cl_ord_id']}", {})

    assert (refused.status, refused.code) == (400, "malformed")


async def test_bracket_is_placed_with_its_legs_told_as_ours(api: LocalApi) -> None:
    legs = {"take_profit": {"price": "110.00"}, "stop_loss": {"stop_px": "95.00"}}

    placed = await api.post("/v1/orders", limit(bracket=legs))
    await api.rig.quiet()
    opened = (await api.get("/v1/orders?state=open")).body["orders"]

    entry = placed.body["order"]
    assert placed.status == 201
    assert entry["legs"] == {
        "contingency": "bracket",
        "take_profit": {"price": "110"},
        "stop_loss": {"stop_px": "95", "price": None},
    }
    assert {(each["side"], each["price"], each["stop_px"]) for each in opened} == {
        ("sell", "110", None),
        ("sell", None, "95"),
    }
    assert {(each["list_id"], each["external"]) for each in opened} == {(entry["cl_ord_id"], False)}


async def test_amount_in_dollars_stays_one_in_the_book(api: LocalApi) -> None:
    known = api.rig.core.state.instruments
    known[AAPL] = replace(known[AAPL], fractionable=True)
    body = {"symbol": "AAPL", "side": "buy", "ord_type": "market", "cash_order_qty": "500"}

    placed = await api.post("/v1/orders", body)
    await api.rig.quiet()

    found = (await api.get(f"/v1/orders/{placed.body['order']['cl_ord_id']}")).body
    assert placed.status == 201
    assert found["cash_order_qty"] == "500"


@pytest.mark.parametrize("distance", [{"trail_px": "2.00"}, {"trail_pct": "3"}])
async def test_trailing_stop_is_placed_and_protects(api: LocalApi, distance: dict[str, str]) -> None:
    await api.post("/v1/orders", limit())
    await api.rig.quiet()
    body = {"symbol": "AAPL", "side": "sell", "ord_type": "trailing_stop", "order_qty": "10", **distance}

    placed = await api.post("/v1/orders", body)
    await api.rig.quiet()
    (position,) = (await api.get("/v1/positions")).body["positions"]

    assert placed.status == 201
    assert position["stop_coverage"] == "10"


async def test_order_is_cancelled(api: LocalApi) -> None:
    resting = await api.post("/v1/orders", limit(price="99.00"))
    cl_ord_id = resting.body["order"]["cl_ord_id"]

    asked = await api.ask("DELETE", f"/v1/orders/{cl_ord_id}")
    await api.rig.quiet()
    again = await api.ask("DELETE", f"/v1/orders/{cl_ord_id}")

    assert (asked.status, asked.body["order"]["cl_ord_id"]) == (202, cl_ord_id)
    assert (await api.get(f"/v1/orders/{cl_ord_id}")).body["ord_status"] == "CANCELED"
    assert (again.status, again.code) == (409, "order_not_open")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/orders/IQ-nope"),
        ("DELETE", "/v1/orders/IQ-nope"),
        ("POST", "/v1/orders/IQ-nope/resend"),
        ("POST", "/v1/orders/IQ-nope/give-up"),
    ],
)
async def test_unknown_order_is_not_found(api: LocalApi, method: str, path: str) -> None:
    missing = await api.ask(method, path)

    assert (missing.status, missing.code) == (404, "unknown_order")


async def test_unknown_order_cannot_be_replaced(api: LocalApi) -> None:
    missing = await api.ask("PATCH", "/v1/orders/IQ-nope", {"price": "1"})

    assert (missing.status, missing.code) == (404, "unknown_order")


async def test_position_is_closed_by_an_order_of_ours(api: LocalApi) -> None:
    await api.post("/v1/orders", limit())
    await api.rig.quiet()

    closed = await api.post("/v1/positions/aapl/close", {"acknowledged": [each.value for each in EVERY_RULE]})
    await api.rig.quiet()
    nothing = await api.post("/v1/positions/AAPL/close")

    assert closed.status == 201
    assert (closed.body["order"]["side"], closed.body["order"]["order_qty"]) == ("sell", "10")
    assert (await api.get("/v1/positions")).body["positions"] == []
    assert (nothing.status, nothing.code) == (404, "no_position")


async def test_unknown_order_is_sent_again_or_given_up(api: LocalApi) -> None:
    api.rig.market.faults.lose_request()
    lost = await api.post("/v1/orders", limit(price="99.00"))
    cl_ord_id = lost.body["order"]["cl_ord_id"]

    early = await api.post(f"/v1/orders/{cl_ord_id}/give-up")
    await api.rig.wait(60)
    sent = await api.post(f"/v1/orders/{cl_ord_id}/resend")
    await api.rig.quiet()
    late = await api.post(f"/v1/orders/{cl_ord_id}/give-up")

    assert lost.body["order"]["ord_status"] == OrdStatus.UNKNOWN
    assert (early.status, early.code) == (409, "still_asking")
    assert sent.status == 200
    assert (late.status, late.code) == (409, "order_not_unknown")


async def test_live_order_is_refused_where_nobody_can_confirm(tmp_path: Path) -> None:
    def nobody(request):
        raise Refused(RefusalCode.NO_WINDOW, "No window is open to confirm it in.")

    api = await LocalApi.open(tmp_path, mode=Mode.LIVE)
    api.rig.confirmer.answer = nobody

    refused = await api.post("/v1/orders", limit(acknowledged=[each.value for each in EVERY_RULE]))

    assert (refused.status, refused.code) == (423, "no_window")
    assert (await api.get("/v1/orders")).body["orders"] == []
    await api.close()


async def test_soft_rule_of_a_live_order_is_asked_in_the_window_whatever_was_acknowledged(
    tmp_path: Path,
) -> None:
    api = await LocalApi.open(tmp_path, mode=Mode.LIVE, limits=Limits(burst=100))
    api.rig.confirmer.answer = lambda request: ConfirmationReply(request.digest, accepted=False)

    refused = await api.post("/v1/orders", limit("150", acknowledged=[each.value for each in EVERY_RULE]))

    assert [request.needs_typed_qty for request in api.rig.confirmer.asked] == [True]
    assert (refused.status, refused.code) == (403, "not_confirmed")
    await api.close()


async def test_same_decision_twice_at_once_is_in_flight(tmp_path: Path) -> None:
    api = await LocalApi.open(tmp_path, limits=EASY)
    await api.rig.do(SetConfirmAlways(on=True))
    asked = asyncio.Event()

    async def ask(_request):
        asked.set()
        await asyncio.Event().wait()

    api.rig.confirmer.ask = ask
    async with asyncio.TaskGroup() as group:
        first = group.create_task(api.post("/v1/orders", limit(), Idempotency_Key="k"))
        await asked.wait()

        second = await api.post("/v1/orders", limit(), Idempotency_Key="k")
        await api.rig.wait(31)

    assert (second.status, second.code) == (409, "in_flight")
    assert (first.result().status, first.result().code) == (409, "confirmation_expired")
    await api.close()


async def test_order_whose_sender_hung_up_is_sent_once_and_found_by_its_key(api: LocalApi) -> None:
    body = json.dumps(limit()).encode()
    head = (
        f"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{api.server.port}\r\nX-API-Key: {KEYS[Role.TRADER]}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    is_sent = asyncio.Event()
    submit = api.rig.market.broker.submit

    async def watched(order):
        report = await submit(order)
        is_sent.set()
        return report

    api.rig.market.broker.submit = watched
    _, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()
    await is_sent.wait()
    await api.rig.quiet()

    again = await api.post("/v1/orders", limit(), Idempotency_Key="k")

    assert again.status == 200
    assert len((await api.get("/v1/orders")).body["orders"]) == 1
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("change", "trail_px", "trail_pct"),
    [({"order_qty": "5"}, "1.5", ""), ({"trail_px": "2"}, "2", ""), ({"trail_pct": "3"}, "", "3")],
)
async def test_replacing_a_trailing_stop_keeps_its_distance_unless_another_is_named(
    api: LocalApi, change: dict[str, str], trail_px: str, trail_pct: str
) -> None:
    trailing = replace(terms(Side.SELL, 10), ord_type=OrdType.TRAILING_STOP, trail_px=Price("1.50"))
    order = Order(ClOrdId("IQ-trail"), trailing, NOON, NOON, acked=True)
    api.rig.core.state.orders.put(order)
    seen = []

    async def carry_out(command, _actor):
        seen.append(command)
        return Submitted(order, Verdict(()))

    api.rig.core.desk._handlers[ReplaceOrder] = carry_out

    asked = await api.ask("PATCH", "/v1/orders/IQ-trail", change)

    assert asked.status == 202
    assert [(each.order_qty, each.trail_px, each.trail_pct) for each in seen] == [
        (change.get("order_qty", "10"), trail_px, trail_pct)
    ]
