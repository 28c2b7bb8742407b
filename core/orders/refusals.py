"""What a broker's answer is called in the record, and an answer to the call itself as a report."""

from datetime import datetime

from core.domain.audit import AuditAction
from core.domain.execution import ExecType, ExecutionReport
from core.domain.money import Qty
from core.domain.order import Order
from core.domain.terms import OrdStatus
from core.ids import ExecId

# What an order's text begins with where the broker never saw the order.
NOT_SENT = "Not sent: "

ACTION_OF: dict[ExecType, AuditAction] = {
    ExecType.NEW: AuditAction.ORDER_ACCEPTED,
    ExecType.TRADE: AuditAction.ORDER_FILLED,
    ExecType.CANCELED: AuditAction.ORDER_CANCELED,
    ExecType.REPLACED: AuditAction.ORDER_REPLACED,
    ExecType.REJECTED: AuditAction.ORDER_REJECTED,
    ExecType.EXPIRED: AuditAction.ORDER_EXPIRED,
    ExecType.CANCEL_REJECTED: AuditAction.CANCEL_REFUSED,
    ExecType.REPLACE_REJECTED: AuditAction.REPLACE_REFUSED,
}


def refusal(order: Order, text: str, now: datetime) -> ExecutionReport:
    """Turn the refusal of a call into the report that ends the order.

    The broker's answer to the call is the evidence; the report's id is derived from the order,
    so that the same refusal is never booked twice.
    """
    return ExecutionReport(
        exec_id=ExecId(f"refused:{order.cl_ord_id}"),
        exec_type=ExecType.REJECTED,
        cl_ord_id=order.cl_ord_id,
        order_id=None,
        terms=order.terms,
        ord_status=OrdStatus.REJECTED,
        cum_qty=order.cum_qty,
        leaves_qty=Qty(0),
        avg_px=order.avg_px,
        transact_time=now,
        text=text,
    )
