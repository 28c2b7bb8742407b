"""The first minute: three ways to begin, and the few looks that a person may want at once."""

from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.dialogs.sheet_dialog import SheetDialog
from ui.dialogs.welcome_parts import Card, ChangeSample, RowsSample, Tile
from ui.models.columns import Ink
from ui.theme.tokens import GainLoss, ThemeName, density, tokens
from ui.widgets.buttons import Button, Dress
from ui.widgets.labels import Text
from ui.widgets.panel import Hairline

_WIDTH = 600
_PALETTES = (
    (GainLoss.BLUE_ORANGE, "Blue, orange"),
    (GainLoss.GREEN_RED, "Green, red"),
    (GainLoss.MONO, "Mono"),
)


class Start(StrEnum):
    """How a person begins."""

    SIMULATOR = "simulator"
    ALPACA_PAPER = "alpaca_paper"
    PROFILE = "profile"


_CARDS = (
    (
        Start.SIMULATOR, "play", "Try the simulator",
        "100,000.00 of simulated money, prices already moving, every rule on", "Enter",
    ),
    (
        Start.ALPACA_PAPER, "link", "Connect Alpaca paper",
        "Practice money at a broker; needs the keys of a paper account", "2",
    ),
    (
        Start.PROFILE, "folder-open", "Open a profile",
        "One you made before, or one restored from a backup", "3",
    ),
)  # fmt: skip


class Welcome(SheetDialog):
    """Offers a start. It stays until one is chosen or Esc leaves the window without a profile.

    Attributes:
        chosen: the Start.
        look_chosen: id of a choice of the catalogue, such as ``density.dense``.
        keys_wanted: the key sheet is wanted.
    """

    chosen = Signal(object)
    look_chosen = Signal(str)
    keys_wanted = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, "dialog.welcome", "Welcome to InvestIQ", width=_WIDTH)
        self.add_line("Nothing to sign up for. Nothing leaves this computer until you connect a broker.")
        self.column.addSpacing(8)
        self.cards: dict[Start, Card] = {}
        for start, icon, title, sentence, key in _CARDS:
            card = Card(icon, title, sentence, key)
            card.clicked.connect(lambda _=False, start=start: self.choose(start))
            self.cards[start] = card
            self.column.addWidget(card)
        self.column.addSpacing(8)
        self.column.addWidget(Hairline())
        self.column.addSpacing(4)
        self._add_looks()
        self._add_foot()

    def _add_looks(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(16)
        palettes = [
            (f"gain_loss.{each.value}", name, Tile(name, ChangeSample(each)), each is GainLoss.BLUE_ORANGE)
            for each, name in _PALETTES
        ]
        heights = [
            (f"density.{name}", name, Tile(name.capitalize(), RowsSample(name)), name == density().name)
            for name in ("dense", "normal", "roomy")
        ]
        for title, tiles, stretch in (("Up and down", palettes, 7), ("Rows", heights, 5)):
            group = QWidget()
            column = QVBoxLayout(group)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(4)
            column.addWidget(Text(title, size=11, ink=Ink.TEXT3))
            line = QHBoxLayout()
            line.setSpacing(4)
            for action, _, tile, is_on in tiles:
                tile.setChecked(is_on)
                tile.clicked.connect(lambda _=False, action=action: self.look_chosen.emit(action))
                line.addWidget(tile)
            column.addLayout(line)
            row.addWidget(group, stretch)
        self.column.addLayout(row)

    def _add_foot(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        self._theme = Button(self._theme_words(), Dress.QUIET, key="T", height=28)
        self._theme.clicked.connect(self._toggle_theme)
        keys = Button("Key sheet", Dress.QUIET, key="F1", height=28)
        keys.clicked.connect(self.keys_wanted)
        for button in (self._theme, keys):
            button.setSizePolicy(button.sizePolicy().Policy.Fixed, button.sizePolicy().Policy.Fixed)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(Text("All of this can be changed later", ink=Ink.TEXT3))
        self.column.addSpacing(8)
        self.column.addLayout(row)

    @staticmethod
    def _theme_words() -> str:
        return "Dark theme" if tokens().name is ThemeName.LIGHT else "Light theme"

    def _toggle_theme(self) -> None:
        self.look_chosen.emit("theme.dark" if tokens().name is ThemeName.LIGHT else "theme.light")
        self._theme.setText(self._theme_words())

    def open_welcome(self) -> None:
        """Show it, the simulator first."""
        self.open_sheet(self.cards[Start.SIMULATOR])

    def choose(self, start: Start) -> None:
        """Begin so."""
        self.dismiss()
        self.chosen.emit(start)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # a click beside the sheet chooses nothing

    def keyPressEvent(self, event: QKeyEvent) -> None:
        starts = {
            Qt.Key.Key_1: Start.SIMULATOR,
            Qt.Key.Key_2: Start.ALPACA_PAPER,
            Qt.Key.Key_3: Start.PROFILE,
        }
        start = starts.get(Qt.Key(event.key()))
        if event.isAutoRepeat() or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif start is not None:
            self.choose(start)
        elif event.key() == Qt.Key.Key_T:
            self._toggle_theme()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.choose(Start.SIMULATOR)
        else:
            super().keyPressEvent(event)
