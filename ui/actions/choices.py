"""The part of the catalogue that moves the focus and changes how the window looks."""

from ui.actions.spec import ActionSpec, Section

PANEL_NAMES = ("watchlist", "chart", "positions", "orders", "ticket", "risk", "audit", "portfolio")
PANELS = tuple(
    ActionSpec(
        f"panel.{name}", f"Go to {name.capitalize()}", f"show_{name}", Section.PANELS, (f"Ctrl+{number}",)
    )
    for number, name in enumerate(PANEL_NAMES, start=1)
)


_CHOICES = (
    ("theme.dark", "Dark theme", "colours"),
    ("theme.light", "Light theme", "colours"),
    ("theme.contrast", "High-contrast theme", "colours"),
    ("gain_loss.blue_orange", "Up and down in blue and orange", "colours palette"),
    ("gain_loss.green_red", "Up and down in green and red", "colours palette"),
    ("gain_loss.reversed", "Up and down in red and green", "colours palette"),
    ("gain_loss.mono", "Up and down without colour", "colours palette"),
    ("density.dense", "Dense rows", "row height"),
    ("density.normal", "Normal rows", "row height"),
    ("density.roomy", "Roomy rows", "row height"),
    ("zone.et", "Times of the exchange (ET)", "clock time zone"),
    ("zone.local", "Times of this computer", "clock time zone"),
    ("zone.utc", "Times in UTC", "clock time zone"),
    ("motion.reduced", "Reduced motion", "flash animation"),
)

LOOK = (
    *(
        ActionSpec(action, text, action.replace(".", "_"), Section.LOOK, is_choice=True, words=words)
        for action, text, words in _CHOICES
    ),
    ActionSpec("layout.reset", "Reset the layout", "reset_layout", Section.LOOK, icon="layout"),
    ActionSpec("window.full_screen", "Full screen", "full_screen", Section.LOOK, ("F11",), is_choice=True),
)
