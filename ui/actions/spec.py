"""An action as data, and the facts of the window that decide whether it can be done now."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from core.domain.access import Mode, Role, TradingState


class Selection(Enum):
    """What kind of row is selected in the panel that has the focus."""

    NONE = auto()
    SYMBOL = auto()
    POSITION = auto()
    ORDER = auto()


class Scope(Enum):
    """Where a key acts: everywhere, or while a table, the ticket or a sheet has the focus.

    A bare letter must not be EVERYWHERE: it would act while a person thinks of typing.
    """

    EVERYWHERE = auto()
    TABLE = auto()
    TICKET = auto()
    SHEET = auto()


class Section(Enum):
    """The submenu, and the heading on the key sheet; the value is its title."""

    TRADING = "Trading"
    ORDERS = "Orders"
    POSITIONS = "Positions"
    WATCHLIST = "Watchlist"
    CHART = "Chart"
    AUDIT = "Audit"
    PANELS = "Panels"
    LOOK = "Look"
    PROGRAM = "Program"


@dataclass(frozen=True, slots=True)
class UiContext:
    """All that enablement may depend on; the window makes a new one when a fact changes.

    Attributes:
        symbol: the linked symbol, empty if there is none.
        selection: kind of the selected row.
        order_is_open: the selected order can still be cancelled or replaced.
        order_is_unknown: nobody knows where the selected order stands.
        working: open orders, all symbols.
        working_here: open orders of the linked symbol.
        held_here: a position in the linked symbol exists.
        ticket_is_filled: the ticket holds an order that may be reviewed.
        sheet_is_open: the confirmation sheet stands and may be answered.
        backup_runs: a backup is being made.
        chosen: ids of the choices that are on, such as ``theme.dark``.
    """

    profile_is_open: bool = False
    is_locked: bool = False
    is_demo: bool = False
    is_connected: bool = False
    mode: Mode = Mode.SIM
    role: Role = Role.VIEWER
    trading_state: TradingState = TradingState.ACTIVE
    symbol: str = ""
    selection: Selection = Selection.NONE
    order_is_open: bool = False
    order_is_unknown: bool = False
    working: int = 0
    working_here: int = 0
    held_here: bool = False
    ticket_is_filled: bool = False
    sheet_is_open: bool = False
    backup_runs: bool = False
    chosen: frozenset[str] = frozenset()


Condition = tuple[Callable[[UiContext], bool], str]
"""A fact that must hold, and in a few words what to do when it does not."""

_RANK = {Role.VIEWER: 0, Role.TRADER: 1, Role.ADMIN: 2}


def may(role: Role, needed: Role) -> bool:
    """Say whether a role is shown an action; what it may *do* is decided by the desk."""
    return _RANK[role] >= _RANK[needed]


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing that a person can do.

    Attributes:
        id: stable, English; also the QAction's objectName.
        text: imperative, in sentence case; ends in … when it asks something first.
        handler: name under which the window hands in what is called.
        keys: portable key sequences; the first is the one shown.
        role: who is shown it.
        needs: all must hold; the first that does not gives the reason.
        menus: panels whose context menu has it, by their objectName.
        in_menu: whether the main menu has it.
        in_palette: whether the palette finds it.
        words: other words under which the palette finds it.
        detail: what the palette says beside it, from the context.
        is_choice: it is on or off; ``UiContext.chosen`` says which.
        when_locked: it can be done on the locked screen.
        hint: a word beside its cap while Ctrl is held.
    """

    id: str
    text: str
    handler: str
    section: Section
    keys: tuple[str, ...] = ()
    scope: Scope = Scope.EVERYWHERE
    icon: str = ""
    role: Role = Role.VIEWER
    needs: tuple[Condition, ...] = ()
    menus: tuple[str, ...] = ()
    in_menu: bool = True
    in_palette: bool = True
    words: str = ""
    detail: Callable[[UiContext], str] | None = None
    is_choice: bool = False
    when_locked: bool = False
    hint: str = ""

    def obstacle(self, context: UiContext) -> str:
        """Return why the action cannot be done now, empty if it can."""
        if context.is_locked and not self.when_locked:
            return "unlock first"
        if not may(context.role, self.role):
            return f"needs the role {self.role.value}"
        return next((reason for holds, reason in self.needs if not holds(context)), "")
