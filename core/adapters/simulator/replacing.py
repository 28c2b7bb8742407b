"""What cannot be replaced, and by what."""

from dataclasses import replace

from core.adapters.simulator.conditions import is_part, leg_prices_refusal, misfit
from core.adapters.simulator.entry import DoorView, refusal
from core.adapters.simulator.lists import changed_legs
from core.adapters.simulator.working import WorkingOrder
from core.domain.terms import OrderTerms


def old_refusal(old: WorkingOrder, terms: OrderTerms) -> str | None:
    """Return why an order cannot be replaced by another, whatever the market does, or None."""
    if not old.is_open:
        return f"the order is {old.ord_status.value}: there is nothing to replace"
    if (terms.symbol, terms.side, terms.ord_type) != (old.terms.symbol, old.terms.side, old.terms.ord_type):
        return "symbol, side and order type cannot be replaced"
    if is_part(old.terms) or is_part(terms):
        return "parts of a share and amounts cannot be replaced: cancel, and order anew"
    if terms.order_qty <= old.cum_qty:
        return f"{old.cum_qty} shares are filled already: the new quantity must be more"
    return None


def list_refusal(old: WorkingOrder, terms: OrderTerms, view: DoorView) -> str | None:
    """Return why an order of a list cannot be replaced by another, or None: its prices may change."""
    if (terms.order_qty, terms.time_in_force) != (old.terms.order_qty, old.terms.time_in_force):
        return "of an order with take profit and stop loss only prices can be replaced"
    legs, group = changed_legs(old, terms), old.group
    if legs is None or group is None or view.instrument is None:
        return "the prices of take profit and stop loss belong to the order"
    if not _keeps_legs(old, terms):
        return "take profit and stop loss are replaced by their own ids"
    is_entry = not old.is_leg
    base = terms.price if is_entry else group.first.limit if group.first.is_open else None
    bare = replace(terms, legs=None)
    return (
        misfit(bare, view.instrument, view.now.date(), None)
        or leg_prices_refusal(legs, -group.side.sign, base if group.is_bracket else None)
        or (refusal(bare, view) if is_entry else None)
    )


def _keeps_legs(old: WorkingOrder, terms: OrderTerms) -> bool:
    before, after = old.terms.legs, terms.legs
    if before is None or after is None or after == before:
        return after is None or before is not None
    return old.is_leg and terms.price is not None and after == replace(before, take_profit=terms.price)
