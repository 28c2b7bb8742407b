"""Values of the domain as JSON: money and shares as text, times in UTC, what is unknown as null."""

import json
from dataclasses import fields
from datetime import datetime
from decimal import Decimal

from core.domain.audit import AuditRecord
from core.domain.execution import Fill
from core.domain.limits import Limits
from core.domain.market import Quote
from core.domain.messages import Difference, KillReport, PositionMark, ReconciliationRun
from core.domain.order import Order
from core.domain.records import TradingStateRecord
from core.domain.risk import EffectLine, LimitUse, Nearest, RuleResult, Verdict
from core.domain.terms import Legs, OrderTerms
from core.ids import Symbol
from core.orders.bodies import number

Facts = dict[str, object]


def moment(time: datetime | None) -> str | None:
    """Write a time as ISO 8601 with its zone, which is UTC."""
    return None if time is None else time.isoformat()


def order_facts(order: Order) -> Facts:
    """Write an order: its terms, its state and how far it is filled."""
    return {
        "cl_ord_id": order.cl_ord_id,
        "orig_cl_ord_id": order.orig_cl_ord_id,
        "order_id": order.order_id,
        "list_id": order.list_id,
        **terms_facts(order.terms),
        "cum_qty": number(order.cum_qty),
        "leaves_qty": number(order.leaves_qty),
        "avg_px": number(order.avg_px),
        "ord_status": order.ord_status.value,
        "text": order.text,
        "external": order.external,
        "created_at": moment(order.created_at),
        "updated_at": moment(order.updated_at),
    }


def terms_facts(terms: OrderTerms) -> Facts:
    """Write what an order asks for."""
    return {
        "symbol": terms.symbol,
        "side": terms.side.value,
        "ord_type": terms.ord_type.value,
        "time_in_force": terms.time_in_force.value,
        "order_qty": number(terms.order_qty),
        "cash_order_qty": number(terms.cash_order_qty),
        "price": number(terms.price),
        "stop_px": number(terms.stop_px),
        "trail_px": number(terms.trail_px),
        "trail_pct": number(terms.trail_pct),
        "extended_hours": terms.extended_hours,
        "legs": None if terms.legs is None else _legs(terms.legs),
    }


def _legs(legs: Legs) -> Facts:
    return {
        "contingency": legs.contingency.value,
        "take_profit": {"price": number(legs.take_profit)},
        "stop_loss": {"stop_px": number(legs.stop_px), "price": number(legs.stop_limit)},
    }


def verdict_facts(verdict: Verdict) -> Facts:
    """Write a judgement rule by rule, with before and after."""
    return {
        "refused": verdict.is_refused,
        "results": [_result(result) for result in verdict.results],
        "effect": [_effect(line) for line in verdict.effect],
        "nearest": None if verdict.nearest is None else _nearest(verdict.nearest),
        "worst_cost": number(verdict.worst_cost),
    }


def stored_verdict(body: str) -> Facts:
    """Read the judgement that was stored with an order; it was let out, so it was not refused."""
    stored: Facts = json.loads(body)
    return {"refused": False, "results": [], "effect": [], "nearest": None, "worst_cost": None} | stored


def _result(result: RuleResult) -> Facts:
    return {
        "code": result.code.value,
        "outcome": result.outcome.value,
        "text": result.text,
        "value": number(result.value),
        "limit": number(result.limit),
        "unit": result.unit.value,
        "field": result.field.value,
    }


def _effect(line: EffectLine) -> Facts:
    return {
        "name": line.name.value,
        "unit": line.unit.value,
        "now": number(line.now),
        "after": number(line.after),
        "breached": line.breached,
    }


def _nearest(nearest: Nearest) -> Facts:
    return {
        "order_qty": number(nearest.order_qty),
        "prices": [number(price) for price in nearest.prices],
        "stop_pxs": [number(price) for price in nearest.stop_pxs],
    }


def mark_facts(mark: PositionMark, *, external: bool) -> Facts:
    """Write a position; `external` says that not all of it was made by orders of this program."""
    return {
        "symbol": mark.symbol,
        "qty": number(mark.qty),
        "avg_px": number(mark.avg_px),
        "last_px": number(mark.last),
        "price_basis": None if mark.priced is None else mark.priced.basis.value,
        "price_time": None if mark.priced is None else moment(mark.priced.at),
        "value": number(mark.value),
        "day_pnl": number(mark.day_pnl),
        "total_pnl": number(mark.total_pnl),
        "stop_coverage": number(mark.stop_cover),
        "external": external,
    }


def fill_facts(fill: Fill) -> Facts:
    """Write a fill."""
    return {
        "exec_id": fill.exec_id,
        "cl_ord_id": fill.cl_ord_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "last_qty": number(fill.last_qty),
        "last_px": number(fill.last_px),
        "fee": number(fill.fee),
        "transact_time": moment(fill.transact_time),
        "inferred": fill.inferred,
        "corrects": fill.corrects,
    }


def quote_facts(symbol: Symbol, quote: Quote | None, now: float) -> Facts:
    """Write a quote with its age in seconds; all null where there was none yet.

    Args:
        symbol: whose quote it is.
        quote: the last one.
        now: monotonic seconds of our clock.
    """
    if quote is None:
        return dict[str, object].fromkeys(_QUOTE_NAMES) | {"symbol": symbol, "halted": False}
    return {
        "symbol": symbol,
        "bid": number(quote.bid),
        "ask": number(quote.ask),
        "bid_size": number(quote.bid_size),
        "ask_size": number(quote.ask_size),
        "last": number(quote.last),
        "prev_close": number(quote.prev_close),
        "change": number(quote.change),
        "change_pct": _percent(quote.change_pct),
        "volume": number(quote.volume),
        "halted": quote.halted,
        "time": moment(quote.time),
        "age_s": round(now - quote.received, 3),
    }


_QUOTE_NAMES = (
    "symbol", "bid", "ask", "bid_size", "ask_size", "last", "prev_close", "change", "change_pct", "volume",
    "halted", "time", "age_s",
)  # fmt: skip


def _percent(value: Decimal | None) -> str | None:
    # A quotient has no end; four decimals are more than a screen shows.
    return None if value is None else f"{value:.4f}"


def state_facts(record: TradingStateRecord) -> Facts:
    """Write the trading state, by whom and why."""
    return {
        "trading_state": record.state.value,
        "reason": record.reason,
        "actor": record.actor,
        "changed_at": moment(record.changed_at),
    }


def limits_facts(limits: Limits) -> Facts:
    """Write the limits; amounts and percentages as text, seconds and counts as numbers, symbols as a list."""
    return {each.name: _limit(getattr(limits, each.name)) for each in fields(limits)}


def _limit(value: object) -> object:
    if isinstance(value, Decimal):
        return number(value)
    return sorted(value) if isinstance(value, frozenset) else value


def use_facts(use: LimitUse) -> Facts:
    """Write how much of a limit is used."""
    return {
        "name": use.name,
        "used": number(use.used),
        "limit": number(use.limit),
        "unit": use.unit.value,
        "room": number(use.room),
        "room_unit": use.room_unit.value,
    }


def kill_facts(report: KillReport) -> Facts:
    """Write what the broker has confirmed, and what it has not."""
    return {
        "stage": report.stage.value,
        "proven": report.is_proven,
        "recorded": report.recorded,
        "total": report.total,
        "confirmed": report.confirmed,
        "unconfirmed": list(report.unconfirmed),
        "foreign": list(report.foreign),
        "closing": list(report.closing),
        "held": [{"symbol": symbol, "qty": number(qty)} for symbol, qty in report.held],
        "failures": list(report.failures),
    }


def run_facts(run: ReconciliationRun) -> Facts:
    """Write one comparison with the broker."""
    return {
        "began": moment(run.began),
        "ended": moment(run.ended),
        "failure": run.failure,
        "differences": [_difference(each) for each in run.differences],
    }


def _difference(difference: Difference) -> Facts:
    return {
        "kind": difference.kind.value,
        "subject": difference.subject,
        "ours": difference.ours,
        "broker": difference.broker,
        "repaired": difference.repaired,
    }


def record_facts(record: AuditRecord) -> Facts:
    """Write an audit record whole: its digest can be counted again from this."""
    return {each.name: getattr(record, each.name) for each in fields(record)}
