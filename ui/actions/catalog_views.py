"""The part of the catalogue that works on watchlist, chart and audit."""

from ui.actions.conditions import OPEN, WATCHED, of_symbol
from ui.actions.spec import ActionSpec, Section

_WATCH = "panel.watchlist"
_POSITIONS = "panel.positions"
_ORDERS = "panel.orders"
_AUDIT = "panel.audit"

WATCHLIST = (
    ActionSpec(
        "symbol.find",
        "Find a symbol",
        "find_symbol",
        Section.WATCHLIST,
        ("/",),
        icon="magnifying-glass",
        in_palette=False,
    ),
    ActionSpec(
        "watchlist.add",
        "Add a symbol…",
        "add_symbol",
        Section.WATCHLIST,
        icon="plus",
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
    ActionSpec(
        "watchlist.remove",
        "Remove the symbol",
        "remove_symbol",
        Section.WATCHLIST,
        icon="minus",
        needs=(OPEN, WATCHED),
        menus=(_WATCH,),
        detail=of_symbol,
    ),
    ActionSpec(
        "watchlist.new",
        "New list…",
        "new_watchlist",
        Section.WATCHLIST,
        icon="list-plus",
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
    ActionSpec(
        "watchlist.choose",
        "Choose a list…",
        "choose_watchlist",
        Section.WATCHLIST,
        icon="list",
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
    ActionSpec(
        "watchlist.rename",
        "Rename the list…",
        "rename_watchlist",
        Section.WATCHLIST,
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
    ActionSpec(
        "watchlist.delete",
        "Delete the list…",
        "delete_watchlist",
        Section.WATCHLIST,
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
    ActionSpec(
        "watchlist.import",
        "Import a list from CSV…",
        "import_watchlist",
        Section.WATCHLIST,
        icon="download-simple",
        needs=(OPEN,),
        menus=(_WATCH,),
    ),
)

CHART = (
    ActionSpec(
        "chart.zoom_in",
        "Zoom in",
        "chart_zoom_in",
        Section.CHART,
        ("Ctrl++", "Ctrl+="),
        icon="magnifying-glass-plus",
    ),
    ActionSpec(
        "chart.zoom_out",
        "Zoom out",
        "chart_zoom_out",
        Section.CHART,
        ("Ctrl+-",),
        icon="magnifying-glass-minus",
    ),
    ActionSpec(
        "chart.latest",
        "Go to the latest bar",
        "chart_latest",
        Section.CHART,
        ("Ctrl+End",),
        icon="skip-forward",
    ),
)

AUDIT = (
    ActionSpec(
        "audit.verify",
        "Verify the audit chain",
        "verify_audit",
        Section.AUDIT,
        icon="shield-check",
        needs=(OPEN,),
        menus=(_AUDIT,),
        words="check",
    ),
    ActionSpec(
        "audit.search",
        "Search the audit log",
        "search_audit",
        Section.AUDIT,
        ("Ctrl+F",),
        icon="magnifying-glass",
    ),
    ActionSpec(
        "audit.filter",
        "Filter the audit log",
        "filter_audit",
        Section.AUDIT,
        ("Ctrl+Shift+F",),
        icon="funnel",
        needs=(OPEN,),
        menus=(_AUDIT,),
        words="order actor time date from to when who",
    ),
    ActionSpec(
        "audit.proof",
        "Show the proof: anchors and archives",
        "show_audit_proof",
        Section.AUDIT,
        ("Ctrl+Shift+A",),
        icon="anchor",
        needs=(OPEN,),
        menus=(_AUDIT,),
        words="verified sealed witness chain",
    ),
    ActionSpec(
        "table.export",
        "Export the table as CSV…",
        "export_table",
        Section.AUDIT,
        icon="export",
        menus=(_ORDERS, _POSITIONS, "panel.portfolio", _AUDIT),
    ),
)
