"""Orders: placed, looked at beforehand, changed, ended and settled; each by the desk's own commands."""

from core.api.bodies import AcknowledgedBody, OrderBody, ReplaceBody, refuse
from core.api.calls import KEY_OF_DECISION, Answer, Call
from core.api.facts import order_facts, quote_facts, stored_verdict, terms_facts, verdict_facts
from core.api.reads import find_order
from core.domain.messages import (
    CancelOrder,
    ClosePosition,
    ExplainOrder,
    GiveUpOrder,
    PreviewOrder,
    ReplaceOrder,
    ResendOrder,
    SubmitOrder,
    Submitted,
)
from core.ids import ClOrdId, Symbol
from core.orders.bodies import number


async def submit(call: Call) -> Answer:
    """Send an order, once for its key: 201, and 200 where this key made it before."""
    body = await call.body(OrderBody)
    done = await call.do(SubmitOrder(body.draft(), call.key, body.acknowledged))
    return await _sent(call, done, 201)


async def preview(call: Call) -> Answer:
    """Judge an order without sending it."""
    body = await call.body(OrderBody)
    found = await call.do(PreviewOrder(body.draft()))
    seen = found.quote
    shown = None if seen is None else quote_facts(seen.symbol, seen, call.clock.monotonic())
    sent = None if found.sent is None else terms_facts(found.sent)
    return Answer({"verdict": verdict_facts(found.verdict), "quote": shown, "sent": sent})


async def replace(call: Call) -> Answer:
    """Ask for new terms of an order; what is not named stays as it is."""
    cl_ord_id = ClOrdId(call.place("cl_ord_id"))
    body = await call.body(ReplaceBody)
    given = (body.order_qty, body.price, body.stop_px, body.trail_px, body.trail_pct)
    if all(each is None for each in given):
        refuse("expected a new order_qty, price, stop_px, trail_px or trail_pct")
    terms = (await find_order(call, cl_ord_id)).terms
    new_trail = body.trail_px is not None or body.trail_pct is not None
    command = ReplaceOrder(
        cl_ord_id=cl_ord_id,
        key=call.key,
        order_qty=_or(body.order_qty, number(terms.order_qty)),
        price=_or(body.price, number(terms.price)),
        stop_px=_or(body.stop_px, number(terms.stop_px)),
        acknowledged=body.acknowledged,
        trail_px=_or(body.trail_px, None if new_trail else number(terms.trail_px)),
        trail_pct=_or(body.trail_pct, None if new_trail else number(terms.trail_pct)),
    )
    return await _sent(call, await call.do(command), 202)


def _or(given: str | None, known: str | None) -> str:
    return given if given is not None else known or ""


async def cancel(call: Call) -> Answer:
    """Ask for an order's end; its state tells the rest."""
    cl_ord_id = ClOrdId(call.place("cl_ord_id"))
    await call.do(CancelOrder(cl_ord_id))
    return Answer({"order": order_facts(await find_order(call, cl_ord_id))}, 202)


async def resend(call: Call) -> Answer:
    """Send an UNKNOWN order again: same id, same body."""
    order = await call.do(ResendOrder(ClOrdId(call.place("cl_ord_id"))))
    return Answer({"order": order_facts(order)})


async def give_up(call: Call) -> Answer:
    """End the waiting for an UNKNOWN order that the broker does not know."""
    order = await call.do(GiveUpOrder(ClOrdId(call.place("cl_ord_id"))))
    return Answer({"order": order_facts(order)})


async def close_position(call: Call) -> Answer:
    """Close what is held of a symbol by an ordinary order of ours."""
    symbol = Symbol(call.place("symbol").upper())
    body = await call.body(AcknowledgedBody)
    done = await call.do(ClosePosition(symbol, call.key, body.acknowledged))
    return await _sent(call, done, 201)


async def _sent(call: Call, done: Submitted, status: int) -> Answer:
    verdict = verdict_facts(done.verdict)
    if done.repeated:
        # The judgement of then, not one of now: the order went out on it.
        verdict = stored_verdict((await call.do(ExplainOrder(done.order.cl_ord_id))).verdict)
        status = 200
    body = {"order": order_facts(done.order), "verdict": verdict}
    return Answer(body, status, {KEY_OF_DECISION: call.key})
