"""What the actions of the look, the panels and the program do."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QWidget

from core.domain.messages import KeepProfile
from ui.actions.choices import LOOK, PANEL_NAMES
from ui.actions.registry import Handlers
from ui.dialogs.text_input import TextInput
from ui.parts import Parts

_SHORTEST_PASSPHRASE = 8
_ZOOM = 1.25
_CHOICES = tuple(spec.id for spec in LOOK if spec.is_choice and spec.id != "window.full_screen")


class WindowHandlers:
    """Moving the focus, changing the look, keeping and closing.

    Args:
        overlays: opens the palette, the key sheet, the menu, the lock and the welcome sheet, by name.
        reset_layout: lays everything out as it came.
    """

    def __init__(
        self, parts: Parts, overlays: dict[str, Callable[[], object]], reset_layout: Callable[[], object]
    ) -> None:
        self._parts, self._overlays, self._reset = parts, overlays, reset_layout

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        looks = {each.replace(".", "_"): partial(self._parts.look.choose, each) for each in _CHOICES}
        panels = {f"show_{name}": partial(self.show_panel, name) for name in PANEL_NAMES}
        chart: dict[str, Callable[[], object]] = {
            "chart_zoom_in": partial(self._zoom, 1 / _ZOOM),
            "chart_zoom_out": partial(self._zoom, _ZOOM),
            "chart_latest": self._latest,
        }
        return {
            **looks,
            **panels,
            **chart,
            **self._overlays,
            "reset_layout": self._reset,
            "full_screen": self.full_screen,
            "keep_profile": self.keep_profile,
            "quit": self._parts.window.close,
        }

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front and give it the focus."""
        parts = self._parts
        targets: dict[str, tuple[QWidget, QWidget]] = {
            "watchlist": (parts.watchlist, parts.watchlist.view),
            "chart": (parts.chart, parts.chart),
            "positions": (parts.positions, parts.positions.view),
            "orders": (parts.orders, parts.orders.view),
            "ticket": (parts.ticket, parts.ticket.form.qty),
            "risk": (parts.risk, parts.risk),
            "audit": (parts.audit, parts.audit.view),
        }
        panel, target = targets[name]
        parts.blotter.show_panel(panel)
        target.setFocus()

    def full_screen(self) -> None:
        """Fill the screen, or no longer."""
        window = self._parts.window
        (window.showNormal if window.isFullScreen() else window.showFullScreen)()

    def keep_profile(self) -> None:
        """Ask for a name, then for a passphrase, and make the throwaway profile permanent."""
        TextInput(
            self._parts.window,
            "Keep this profile",
            "Give it a name. Its orders, fills and log stay as they are.",
            "Next",
            self._ask_passphrase,
        ).open_field()

    def _ask_passphrase(self, name: str) -> None:
        def fault(text: str) -> str:
            return (
                ""
                if len(text) >= _SHORTEST_PASSPHRASE
                else f"At least {_SHORTEST_PASSPHRASE} characters; it locks the database."
            )

        dialog = TextInput(
            self._parts.window,
            f"A passphrase for {name}",
            "It opens the profile from now on. Nobody can recover it for you.",
            "Keep",
            lambda passphrase: self._keep(name, passphrase),
            fault_of=fault,
        )
        dialog.field.setEchoMode(dialog.field.EchoMode.Password)
        dialog.open_field()

    def _keep(self, name: str, passphrase: str) -> None:
        def kept(folder: Path) -> None:
            self._parts.notices.say(f"Kept as {name} in {folder}.")

        self._parts.bridge.send(KeepProfile(name, passphrase), kept)

    def _zoom(self, factor: float) -> None:
        canvas = self._parts.chart.canvas
        if canvas is not None:
            canvas.zoom(factor)

    def _latest(self) -> None:
        canvas = self._parts.chart.canvas
        if canvas is not None:
            canvas.to_newest()
