"""The part of the catalogue that stops and starts trading, and acts on what is held."""

from core.domain.access import Role
from ui.actions.conditions import HALTED, HELD, NOT_HALTED, OPEN, POSITION, SYMBOL, of_symbol
from ui.actions.spec import ActionSpec, Section

_POSITIONS = "panel.positions"

TRADING = (
    ActionSpec(
        "trading.halt",
        "Halt trading",
        "halt",
        Section.TRADING,
        ("Ctrl+Shift+H",),
        icon="hand",
        role=Role.VIEWER,
        when_locked=True,
        words="stop panic",
        hint="halt",
    ),
    ActionSpec(
        "trading.kill",
        "Kill: halt and cancel everything…",
        "kill",
        Section.TRADING,
        ("Ctrl+Shift+X",),
        icon="warning-octagon",
        role=Role.TRADER,
        needs=(OPEN,),
        words="panic stop everything",
    ),
    ActionSpec(
        "trading.resume",
        "Resume trading…",
        "resume",
        Section.TRADING,
        icon="play",
        role=Role.ADMIN,
        needs=(OPEN, HALTED),
    ),
    ActionSpec(
        "risk.breakers",
        "Circuit breakers…",
        "show_breakers",
        Section.TRADING,
        ("Ctrl+Shift+B",),
        icon="lightning",
        needs=(OPEN,),
        words="trip acknowledge drawdown loss",
    ),
    ActionSpec(
        "risk.parameters",
        "Risk parameters and target…",
        "edit_parameters",
        Section.TRADING,
        ("Ctrl+Shift+P",),
        icon="sliders-horizontal",
        needs=(OPEN,),
        words="limits settings loosen tighten history",
    ),
    ActionSpec(
        "risk.radar",
        "Risk radar in detail",
        "show_radar",
        Section.TRADING,
        icon="gauge",
        needs=(OPEN,),
        words="volatility beta liquidity target",
    ),
    ActionSpec(
        "orders.reconcile",
        "Compare with the broker now",
        "reconcile",
        Section.TRADING,
        icon="scales",
        role=Role.TRADER,
        needs=(OPEN,),
        words="reconcile differences drift",
    ),
    ActionSpec(
        "order.confirm_in_sim",
        "Ask before sending in the simulator",
        "toggle_confirm_in_sim",
        Section.TRADING,
        icon="shield-check",
        needs=(OPEN,),
        is_choice=True,
        words="confirmation sheet",
    ),
)

POSITIONS = (
    ActionSpec(
        "position.close",
        "Close the position",
        "close_position",
        Section.POSITIONS,
        ("Ctrl+Shift+E",),
        icon="sign-out",
        role=Role.TRADER,
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
        Section.POSITIONS,
        ("Ctrl+I",),
        icon="tree-structure",
        needs=(OPEN, POSITION),
        menus=(_POSITIONS,),
        words="fills lots provenance why",
    ),
)
