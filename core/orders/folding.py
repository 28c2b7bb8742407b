"""One report folded into one order, and what a person should be told of it."""

from dataclasses import replace
from datetime import datetime

from core.domain.execution import ExecType, ExecutionReport
from core.domain.order import Order, apply_report, is_legal
from core.ids import is_ours
from core.orders.bodies import number, order_in_words


def fold(order: Order, report: ExecutionReport, now: datetime) -> Order:
    """Fold a report in; the legs of another program's list stay that program's."""
    after = apply_report(order, report, now)
    if after.list_id is not None and not is_ours(after.list_id):
        return replace(after, external=True)
    return after


def warning(before: Order | None, after: Order, report: ExecutionReport) -> str:
    """Say what is alarming in a change; empty where nothing is.

    A bust and a correction always are: shares or money that were counted on are gone.
    """
    words = order_in_words(after)
    if report.exec_type is ExecType.TRADE_CANCEL:
        return f"{words}: the broker took a fill back; {number(after.cum_qty)} shares are filled now."
    if report.exec_type is ExecType.TRADE_CORRECT:
        return f"{words}: the broker corrected a fill; {number(after.cum_qty)} shares are filled now."
    if before is not None and not is_legal(before.ord_status, after.ord_status):
        return f"{words} went from {before.ord_status} to {after.ord_status}, which should not happen."
    return ""
