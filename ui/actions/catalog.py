"""The one list of everything that a person can do. Menus, keys, palette and key sheet are made from it."""

from dataclasses import dataclass

from core.domain.access import Role
from ui.actions.choices import LOOK, PANELS
from ui.actions.conditions import (
    ANY_WORKING,
    CONNECTED,
    DEMO,
    FILLED,
    HALTED,
    HELD,
    NOT_HALTED,
    OPEN,
    ORDER,
    POSITION,
    SHEET,
    SYMBOL,
    UNKNOWN,
    WATCHED,
    WORKING,
    WORKING_HERE,
    in_symbol,
    of_symbol,
    working,
)
from ui.actions.spec import ActionSpec, Scope, Section

_T, _O, _POS, _W, _C = Section.TRADING, Section.ORDERS, Section.POSITIONS, Section.WATCHLIST, Section.CHART
_A, _P = Section.AUDIT, Section.PROGRAM
_TRADER, _ADMIN = Role.TRADER, Role.ADMIN
_WATCH, _POSITIONS, _ORDERS = "panel.watchlist", "panel.positions", "panel.orders"

TRADING = (
    ActionSpec(
        "trading.halt",
        "Halt trading",
        "halt",
        _T,
        ("Ctrl+Shift+H",),
        icon="hand",
        role=Role.VIEWER,
        when_locked=True,
        words="stop panic",
        hint="halt",
    ),
    ActionSpec(
        "trading.kill",
        "Kill: halt, cancel, flatten…",
        "kill",
        _T,
        icon="warning-octagon",
        role=_TRADER,
        needs=(OPEN,),
        words="panic flatten close everything",
    ),
    ActionSpec(
        "trading.resume",
        "Resume trading…",
        "resume",
        _T,
        icon="play",
        role=_ADMIN,
        needs=(OPEN, HALTED),
    ),
    ActionSpec(
        "order.confirm_in_sim",
        "Ask before sending in the simulator",
        "toggle_confirm_in_sim",
        _T,
        icon="shield-check",
        needs=(OPEN,),
        is_choice=True,
        words="confirmation sheet",
    ),
)

ORDERS = (
    ActionSpec(
        "ticket.buy",
        "Buy",
        "ticket_buy",
        _O,
        ("B",),
        Scope.TABLE,
        "arrow-up",
        _TRADER,
        (OPEN, SYMBOL),
        (_WATCH, _POSITIONS),
        detail=of_symbol,
        words="new order ticket long",
    ),
    ActionSpec(
        "ticket.sell",
        "Sell",
        "ticket_sell",
        _O,
        ("S",),
        Scope.TABLE,
        "arrow-down",
        _TRADER,
        (OPEN, SYMBOL),
        (_WATCH, _POSITIONS),
        detail=of_symbol,
        words="new order ticket short",
    ),
    ActionSpec(
        "order.review",
        "Review the order",
        "review_order",
        _O,
        ("Ctrl+Return", "Ctrl+Enter"),
        icon="checks",
        role=_TRADER,
        needs=(OPEN, CONNECTED, NOT_HALTED, FILLED),
        words="send submit",
    ),
    ActionSpec(
        "order.submit",
        "Send the reviewed order",
        "submit_order",
        _O,
        ("Alt+S",),
        Scope.SHEET,
        "paper-plane-right",
        _TRADER,
        (OPEN, CONNECTED, NOT_HALTED, SHEET),
        in_menu=False,
        in_palette=False,
    ),
    ActionSpec(
        "ticket.clear", "Clear the ticket", "clear_ticket", _O, icon="eraser", role=_TRADER, needs=(OPEN,)
    ),
    ActionSpec(
        "order.cancel",
        "Cancel selected order",
        "cancel_order",
        _O,
        ("Delete",),
        Scope.TABLE,
        "x-circle",
        _TRADER,
        (OPEN, ORDER, WORKING),
        (_ORDERS,),
    ),
    ActionSpec(
        "order.replace",
        "Change selected order…",
        "replace_order",
        _O,
        ("F2",),
        Scope.TABLE,
        "pencil-simple",
        _TRADER,
        (OPEN, NOT_HALTED, ORDER, WORKING),
        (_ORDERS,),
        words="replace amend price quantity",
    ),
    ActionSpec(
        "orders.cancel_symbol",
        "Cancel all orders in the symbol",
        "cancel_symbol",
        _O,
        ("Ctrl+Shift+K",),
        icon="x-circle",
        role=_TRADER,
        needs=(OPEN, SYMBOL, WORKING_HERE),
        menus=(_ORDERS,),
        detail=in_symbol,
        hint="cancel",
    ),
    ActionSpec(
        "orders.cancel_all",
        "Cancel all orders",
        "cancel_all",
        _O,
        icon="x-circle",
        role=_TRADER,
        needs=(OPEN, ANY_WORKING),
        detail=working,
    ),
    ActionSpec(
        "order.resend",
        "Send again under the same id…",
        "resend_order",
        _O,
        icon="arrow-clockwise",
        role=_TRADER,
        needs=(OPEN, NOT_HALTED, ORDER, UNKNOWN),
        menus=(_ORDERS,),
        words="unknown outcome",
    ),
    ActionSpec(
        "order.give_up",
        "Give up an order that nobody knows…",
        "give_up_order",
        _O,
        icon="prohibit",
        role=_TRADER,
        needs=(OPEN, ORDER, UNKNOWN),
        menus=(_ORDERS,),
        words="unknown outcome",
    ),
    ActionSpec(
        "order.copy_id",
        "Copy the order's id",
        "copy_order_id",
        _O,
        icon="copy",
        needs=(OPEN, ORDER),
        menus=(_ORDERS,),
    ),
)

POSITIONS = (
    ActionSpec(
        "position.close",
        "Close the position",
        "close_position",
        _POS,
        ("Ctrl+Shift+E",),
        icon="sign-out",
        role=_TRADER,
        needs=(OPEN, SYMBOL, HELD, NOT_HALTED),
        menus=(_POSITIONS,),
        detail=of_symbol,
        words="exit flatten",
        hint="close",
    ),
    ActionSpec(
        "position.explain",
        "Take the figures apart",
        "explain_position",
        _POS,
        ("Ctrl+I",),
        icon="tree-structure",
        needs=(OPEN, POSITION),
        menus=(_POSITIONS,),
        words="fills lots provenance why",
    ),
)

WATCHLIST = (
    ActionSpec(
        "symbol.find", "Find a symbol", "find_symbol", _W, ("/",), icon="magnifying-glass", in_palette=False
    ),
    ActionSpec(
        "watchlist.add", "Add a symbol…", "add_symbol", _W, icon="plus", needs=(OPEN,), menus=(_WATCH,)
    ),
    ActionSpec(
        "watchlist.remove",
        "Remove the symbol",
        "remove_symbol",
        _W,
        icon="minus",
        needs=(OPEN, WATCHED),
        menus=(_WATCH,),
        detail=of_symbol,
    ),
    ActionSpec(
        "watchlist.new", "New list…", "new_watchlist", _W, icon="list-plus", needs=(OPEN,), menus=(_WATCH,)
    ),
    ActionSpec(
        "watchlist.choose",
        "Choose a list…",
        "choose_watchlist",
        _W,
        icon="list",
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
    ActionSpec(
        "watchlist.rename", "Rename the list…", "rename_watchlist", _W, needs=(OPEN,), menus=(_WATCH,)
    ),
    ActionSpec(
        "watchlist.delete", "Delete the list…", "delete_watchlist", _W, needs=(OPEN,), menus=(_WATCH,)
    ),
    ActionSpec(
        "watchlist.import",
        "Import a list from CSV…",
        "import_watchlist",
        _W,
        icon="download-simple",
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
)

CHART = (
    ActionSpec(
        "chart.zoom_in", "Zoom in", "chart_zoom_in", _C, ("Ctrl++", "Ctrl+="), icon="magnifying-glass-plus"
    ),
    ActionSpec(
        "chart.zoom_out", "Zoom out", "chart_zoom_out", _C, ("Ctrl+-",), icon="magnifying-glass-minus"
    ),
    ActionSpec(
        "chart.latest", "Go to the latest bar", "chart_latest", _C, ("Ctrl+End",), icon="skip-forward"
    ),
    ActionSpec(
        "chart.hollow", "Candles, hollow or filled", "toggle_hollow", _C, icon="chart-bar", is_choice=True
    ),
)

AUDIT = (
    ActionSpec(
        "audit.verify",
        "Verify the audit chain",
        "verify_audit",
        _A,
        icon="shield-check",
        needs=(OPEN,),
        menus=("panel.audit",),
        words="check",
    ),
    ActionSpec(
        "audit.search", "Search the audit log", "search_audit", _A, ("Ctrl+F",), icon="magnifying-glass"
    ),
    ActionSpec(
        "table.export",
        "Export the table as CSV…",
        "export_table",
        _A,
        icon="export",
        menus=(_ORDERS, _POSITIONS),
    ),
)

PROGRAM = (
    ActionSpec(
        "palette.open",
        "Find a command or symbol",
        "open_palette",
        _P,
        ("Ctrl+K",),
        icon="magnifying-glass",
        in_palette=False,
    ),
    ActionSpec("profile.open", "Open a profile…", "open_profile", _P, ("Ctrl+O",), icon="folder-open"),
    ActionSpec(
        "profile.keep",
        "Keep this profile…",
        "keep_profile",
        _P,
        icon="floppy-disk",
        needs=(OPEN, DEMO),
        words="save demo",
    ),
    ActionSpec("session.lock", "Lock", "lock", _P, ("Ctrl+L",), icon="lock-simple", needs=(OPEN,)),
    ActionSpec("settings.open", "Settings…", "open_settings", _P, ("Ctrl+,",), icon="gear"),
    ActionSpec(
        "help.keys",
        "Key sheet",
        "show_keys",
        _P,
        ("F1",),
        icon="keyboard",
        when_locked=True,
        words="help shortcuts",
    ),
    ActionSpec("app.quit", "Quit", "quit", _P, icon="sign-out", when_locked=True, words="exit close"),
)

CATALOG: tuple[ActionSpec, ...] = (
    *TRADING,
    *ORDERS,
    *POSITIONS,
    *WATCHLIST,
    *CHART,
    *AUDIT,
    *PANELS,
    *LOOK,
    *PROGRAM,
)


@dataclass(frozen=True, slots=True)
class KeyNote:
    """A key that a widget handles itself, for the key sheet."""

    key: str
    text: str


WIDGET_KEYS: tuple[KeyNote, ...] = (
    KeyNote("Tab", "next field of the ticket"),
    KeyNote("↑ ↓", "one tick; with Shift ten"),
    KeyNote("Space", "hold 0.6 s on Send to send"),
    KeyNote("Esc", "close or clear; never sends"),
    KeyNote("Enter", "take the offer; open the row"),
    KeyNote("Ctrl+C", "copy the selected rows"),
    KeyNote("Ctrl", "hold: see keys where they act"),
)
