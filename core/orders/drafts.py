"""Terms written out again as they would be typed, so that they are read and judged as any order is."""

from decimal import Decimal

from core.domain.money import normal, plain
from core.domain.terms import OrderDraft, OrderTerms


def draft_of(terms: OrderTerms) -> OrderDraft:
    """Write an order as a draft; the estimate of a cash order is left out, to be made anew."""
    legs = terms.legs
    return OrderDraft(
        symbol=terms.symbol,
        side=terms.side,
        ord_type=terms.ord_type,
        time_in_force=terms.time_in_force,
        order_qty="" if terms.is_cash else _typed(terms.order_qty),
        price=_typed(terms.price),
        stop_px=_typed(terms.stop_px),
        trail_px=_typed(terms.trail_px),
        trail_pct=_typed(terms.trail_pct),
        extended_hours=terms.extended_hours,
        cash_order_qty=_typed(terms.cash_order_qty),
        contingency=None if legs is None else legs.contingency,
        take_profit="" if legs is None else _typed(legs.take_profit),
        stop_loss="" if legs is None else _typed(legs.stop_px),
        stop_loss_limit="" if legs is None else _typed(legs.stop_limit),
    )


def _typed(value: Decimal | None) -> str:
    return "" if value is None else plain(normal(value))
