"""Orders, reports and verdicts as canonical JSON, and an order in words."""

import hashlib
from decimal import Decimal

from core.domain.audit import payload_of
from core.domain.execution import ExecutionReport, Fill
from core.domain.money import normal, plain
from core.domain.order import Order
from core.domain.risk import Nearest, RuleResult, Verdict
from core.domain.terms import NewOrderList, NewOrderSingle, OrderDraft, OrderTerms, canonical


def number(value: Decimal | None) -> str | None:
    """Write a number in its one spelling; None stays None."""
    return None if value is None else plain(normal(value))


def terms_facts(terms: OrderTerms) -> dict[str, object]:
    """List what an order asks for; what came with later order types is left out where it is not used."""
    legs = terms.legs
    added: dict[str, object] = {
        "trail_px": number(terms.trail_px),
        "trail_pct": number(terms.trail_pct),
        "extended_hours": terms.extended_hours or None,
        "cash_order_qty": number(terms.cash_order_qty),
        "contingency": None if legs is None else legs.contingency.value,
        "take_profit": None if legs is None else number(legs.take_profit),
        "leg_stop_px": None if legs is None else number(legs.stop_px),
        "leg_stop_limit": None if legs is None else number(legs.stop_limit),
    }
    return {
        "symbol": terms.symbol,
        "side": terms.side.value,
        "ord_type": terms.ord_type.value,
        "time_in_force": terms.time_in_force.value,
        "order_qty": number(terms.order_qty),
        "price": number(terms.price),
        "stop_px": number(terms.stop_px),
        **{key: value for key, value in added.items() if value is not None},
    }


def order_message(order: Order) -> NewOrderSingle | NewOrderList:
    """Return what is sent for an order that is new at the broker."""
    kind = NewOrderSingle if order.terms.legs is None else NewOrderList
    return kind(order.cl_ord_id, order.terms)


def order_body(order: NewOrderSingle | NewOrderList) -> str:
    """Write exactly what is sent."""
    return payload_of({"cl_ord_id": order.cl_ord_id, **terms_facts(order.terms)})


def verdict_body(verdict: Verdict, decision_px: Decimal | None = None) -> str:
    """Write a judgement, rule by rule, with the price that the decision counted on where there is one."""
    added = {} if decision_px is None else {"decision_px": number(decision_px)}
    return payload_of(
        {
            **added,
            "results": [_result_facts(result) for result in verdict.results],
            "effect": [
                {"name": line.name.value, "now": number(line.now), "after": number(line.after)}
                for line in verdict.effect
            ],
            "worst_cost": number(verdict.worst_cost),
            **({} if verdict.nearest is None else {"nearest": _nearest_facts(verdict.nearest)}),
        }
    )


def refusal_body(verdict: Verdict) -> str:
    """Write why a judgement refused, with all of it."""
    near = verdict.nearest
    return payload_of(
        {
            "reason": verdict.breaches[0].text,
            "rules": [result.code.value for result in verdict.breaches],
            "nearest_qty": None if near is None else number(near.order_qty),
            "verdict": verdict_body(verdict),
        }
    )


def _nearest_facts(nearest: Nearest) -> dict[str, object]:
    return {
        "order_qty": number(nearest.order_qty),
        "prices": [number(each) for each in nearest.prices],
        "stop_pxs": [number(each) for each in nearest.stop_pxs],
    }


def _result_facts(result: RuleResult) -> dict[str, object]:
    return {
        "code": result.code.value,
        "outcome": result.outcome.value,
        "value": number(result.value),
        "limit": number(result.limit),
        "unit": result.unit.value,
        "text": result.text,
    }


def report_facts(report: ExecutionReport) -> dict[str, object]:
    """List what a broker said."""
    return {
        "exec_id": report.exec_id,
        "exec_type": report.exec_type.value,
        "ord_status": report.ord_status.value,
        "cum_qty": number(report.cum_qty),
        "leaves_qty": number(report.leaves_qty),
        "avg_px": number(report.avg_px),
        "last_qty": number(report.last_qty),
        "last_px": number(report.last_px),
        "fee": number(report.fee),
        "transact_time": report.transact_time.isoformat(),
        "text": report.text,
        "list_id": report.list_id,
        "exec_ref_id": report.exec_ref_id,
    }


def inferred_facts(fill: Fill) -> dict[str, object]:
    """List what was inferred, and that it was."""
    return {
        "exec_id": fill.exec_id,
        "last_qty": number(fill.last_qty),
        "last_px": number(fill.last_px),
        "inferred": True,
    }


def fingerprint(terms: OrderTerms) -> str:
    """Return the hex SHA-256 that an idempotency key and a confirmation are bound to."""
    return hashlib.sha256(canonical(terms).encode()).hexdigest()


def in_words(terms: OrderTerms) -> str:
    """Say an order in the words that people search for: `AAPL buy 20 limit 189.43`."""
    kind = terms.ord_type.value.replace("_", " ")
    size = str(number(terms.order_qty)) if terms.cash_order_qty is None else f"${terms.cash_order_qty:.2f}"
    prices = [_cents(value) for value in (terms.stop_px, terms.price) if value is not None]
    trail = [_cents(terms.trail_px)] if terms.trail_px is not None else []
    trail += [f"{number(terms.trail_pct)}%"] if terms.trail_pct is not None else []
    return " ".join([terms.symbol, terms.side.value, size, kind, *prices, *trail, *_legs_in_words(terms)])


def _legs_in_words(terms: OrderTerms) -> list[str]:
    legs = terms.legs
    if legs is None:
        return []
    limit = [] if legs.stop_limit is None else ["limit", _cents(legs.stop_limit)]
    return [
        legs.contingency.value,
        "take profit",
        _cents(legs.take_profit),
        "stop loss",
        _cents(legs.stop_px),
        *limit,
    ]


def _cents(price: Decimal) -> str:
    exponent = price.as_tuple().exponent
    return plain(price) if isinstance(exponent, int) and exponent < -1 else f"{price:.2f}"


def order_in_words(order: Order) -> str:
    """Say an order in words."""
    return in_words(order.terms)


def archived_words(order: Order) -> str:
    """Say that the broker took back or corrected a fill that stands in an archive."""
    words = f"{order_in_words(order)}: the broker took back or corrected a fill of order {order.cl_ord_id}"
    return f"{words} that stands in an archive. Nothing was booked: compare the position with the broker's."


def draft_in_words(draft: OrderDraft) -> str:
    """Say what was typed, which may not be an order at all."""
    parts = [
        draft.symbol,
        draft.side.value,
        draft.order_qty,
        draft.ord_type.value,
        draft.stop_px,
        draft.price,
    ]
    return " ".join(part[:40] for part in parts if part)
