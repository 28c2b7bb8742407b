"""What a person chose of the look: kept as one setting, applied at once."""

import json
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from core.domain.messages import SaveSetting
from ui import format as fmt
from ui.bridge import Bridge
from ui.theme.stylesheet import apply_look
from ui.theme.tokens import DENSITIES, GainLoss, ThemeName, load_theme, look

Choice = TypeVar("Choice", bound=StrEnum)

SETTING = "look"
_MOTION = "motion.reduced"


class LookKeeper(QObject):
    """Knows which of the catalogue's choices of look are on.

    Attributes:
        changed: the look is another; tables have to take over the row height, times the zone.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._palette = GainLoss.BLUE_ORANGE

    @property
    def chosen(self) -> frozenset[str]:
        """The ids of all choices that are on."""
        now = look()
        names = {
            f"theme.{now.tokens.name.value}",
            f"gain_loss.{self._palette.value}",
            f"density.{now.density.name}",
            f"zone.{fmt.zone().value}",
        }
        return frozenset(names | ({_MOTION} if now.reduced_motion else set()))

    def choose(self, action: str) -> None:
        """Put a choice in force, and remember it."""
        self._apply(self._with(action))
        self._bridge.send(SaveSetting(SETTING, json.dumps(sorted(self.chosen))))

    def restore(self, text: str) -> None:
        """Put a stored look in force; what cannot be read is left as it is."""
        try:
            names = json.loads(text or "[]")
        except ValueError:
            return
        if isinstance(names, list) and names:
            known = [name for name in names if isinstance(name, str)]
            self._apply(frozenset(known))

    def _with(self, action: str) -> frozenset[str]:
        if action == _MOTION:
            return self.chosen ^ {_MOTION}
        kind = action.split(".", 1)[0]
        return frozenset(name for name in self.chosen if not name.startswith(f"{kind}.")) | {action}

    def _apply(self, names: frozenset[str]) -> None:
        values = dict(name.split(".", 1) for name in names if "." in name)
        now = look()
        self._palette = _one_of(GainLoss, values.get("gain_loss"), self._palette)
        theme = _one_of(ThemeName, values.get("theme"), now.tokens.name)
        fmt.set_zone(_one_of(fmt.Zone, values.get("zone"), fmt.zone()))
        made = replace(
            now,
            tokens=load_theme(theme, self._palette),
            density=DENSITIES.get(values.get("density", ""), now.density),
            reduced_motion=_MOTION in names,
        )
        app = QApplication.instance()
        if made != now and isinstance(app, QApplication):
            apply_look(app, made)
        self.changed.emit()


def _one_of(kind: type[Choice], text: str | None, otherwise: Choice) -> Choice:
    return next((each for each in kind if each.value == text), otherwise)
