"""The one list of everything that a person can do. Menus, keys, palette and key sheet are made from it."""

from dataclasses import dataclass

from core.domain.access import Role
from ui.actions.catalog_orders import ORDERS
from ui.actions.catalog_trading import POSITIONS, TRADING
from ui.actions.catalog_views import AUDIT, CHART, WATCHLIST
from ui.actions.choices import LOOK, PANELS
from ui.actions.conditions import BACKING_UP, DEMO, KEPT, NOT_BACKING_UP, OPEN
from ui.actions.spec import ActionSpec, Section

PROGRAM = (
    ActionSpec(
        "palette.open",
        "Find a command or symbol",
        "open_palette",
        Section.PROGRAM,
        ("Ctrl+K",),
        icon="magnifying-glass",
        in_palette=False,
    ),
    ActionSpec(
        "profile.open", "Open a profile…", "open_profile", Section.PROGRAM, ("Ctrl+O",), icon="folder-open"
    ),
    ActionSpec(
        "profile.keep",
        "Keep this profile…",
        "keep_profile",
        Section.PROGRAM,
        icon="floppy-disk",
        needs=(OPEN, DEMO),
        words="save demo",
    ),
    ActionSpec(
        "session.lock", "Lock", "lock", Section.PROGRAM, ("Ctrl+L",), icon="lock-simple", needs=(OPEN,)
    ),
    ActionSpec(
        "session.lock_after",
        "Lock after…",
        "lock_after",
        Section.PROGRAM,
        icon="timer",
        role=Role.TRADER,
        needs=(OPEN,),
        words="idle minutes",
    ),
    ActionSpec(
        "backup.create",
        "Back up now",
        "make_backup",
        Section.PROGRAM,
        ("Ctrl+Shift+S",),
        icon="archive",
        role=Role.ADMIN,
        needs=(OPEN, KEPT, NOT_BACKING_UP),
        words="save copy restore",
    ),
    ActionSpec(
        "backup.stop",
        "Stop the backup",
        "stop_backup",
        Section.PROGRAM,
        icon="stop-circle",
        role=Role.ADMIN,
        needs=(OPEN, BACKING_UP),
        words="cancel",
    ),
    ActionSpec("settings.open", "Settings…", "open_settings", Section.PROGRAM, ("Ctrl+,",), icon="gear"),
    ActionSpec(
        "help.keys",
        "Key sheet",
        "show_keys",
        Section.PROGRAM,
        ("F1",),
        icon="keyboard",
        when_locked=True,
        words="help shortcuts",
    ),
    ActionSpec(
        "app.quit", "Quit", "quit", Section.PROGRAM, icon="sign-out", when_locked=True, words="exit close"
    ),
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
