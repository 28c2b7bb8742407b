"""The facts that an action may need, each with the words for when it does not hold."""

from core.domain.access import TradingState
from ui.actions.spec import Condition, Selection, UiContext

OPEN: Condition = (lambda c: c.profile_is_open, "open a profile first")
SYMBOL: Condition = (lambda c: bool(c.symbol), "choose a symbol first")
NOT_HALTED: Condition = (lambda c: c.trading_state is not TradingState.HALTED, "trading is halted")
HALTED: Condition = (lambda c: c.trading_state is not TradingState.ACTIVE, "trading is active")
CONNECTED: Condition = (lambda c: c.is_connected, "the broker cannot be reached")
FILLED: Condition = (lambda c: c.ticket_is_filled, "fill in the ticket first")
SHEET: Condition = (lambda c: c.sheet_is_open, "review the order first")
ORDER: Condition = (lambda c: c.selection is Selection.ORDER, "select an order first")
WORKING: Condition = (lambda c: c.order_is_open, "the order has ended")
UNKNOWN: Condition = (lambda c: c.order_is_unknown, "its outcome is known")
ANY_WORKING: Condition = (lambda c: c.working > 0, "no order is working")
WORKING_HERE: Condition = (lambda c: c.working_here > 0, "no order is working in this symbol")
HELD: Condition = (lambda c: c.held_here, "nothing is held in this symbol")
POSITION: Condition = (lambda c: c.selection is Selection.POSITION, "select a position first")
WATCHED: Condition = (lambda c: c.selection is Selection.SYMBOL, "select a symbol first")
KEPT: Condition = (lambda c: not c.is_demo, "keep this profile first")
BACKING_UP: Condition = (lambda c: c.backup_runs, "no backup is being made")
NOT_BACKING_UP: Condition = (lambda c: not c.backup_runs, "a backup is being made already")
DEMO: Condition = (lambda c: c.is_demo, "this profile is kept already")


def in_symbol(context: UiContext) -> str:
    """Say how many orders work in the linked symbol."""
    return f"{context.working_here} working in {context.symbol}" if context.symbol else ""


def of_symbol(context: UiContext) -> str:
    """Name the linked symbol."""
    return context.symbol


def working(context: UiContext) -> str:
    """Say how many orders work."""
    return f"{context.working} working"
