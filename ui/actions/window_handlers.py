"""What the actions of the look, the panels and the program do."""

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QWidget

from ui.actions.choices import LOOK, PANEL_NAMES
from ui.actions.keeping import Keeping
from ui.actions.registry import Handlers
from ui.parts import Parts

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
            "keep_profile": Keeping(self._parts).begin,
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
            "portfolio": (parts.portfolio, parts.portfolio.view),
        }
        panel, target = targets[name]
        parts.blotter.show_panel(panel)
        target.setFocus()

    def full_screen(self) -> None:
        """Fill the screen, or no longer."""
        window = self._parts.window
        (window.showNormal if window.isFullScreen() else window.showFullScreen)()

    def _zoom(self, factor: float) -> None:
        canvas = self._parts.chart.canvas
        if canvas is not None:
            canvas.zoom(factor)

    def _latest(self) -> None:
        canvas = self._parts.chart.canvas
        if canvas is not None:
            canvas.to_newest()
