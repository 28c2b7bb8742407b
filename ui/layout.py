"""Where everything stands: splitters, tabs and columns, saved a second after they moved, under stable ids."""

import json
from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QSplitter, QWidget

from core.domain.messages import SaveSetting
from ui.bridge import Bridge
from ui.panels.blotter import TabGroup
from ui.widgets import table_layout
from ui.widgets.table_view import TableView

SETTING = "layout"
VERSION = 1
_LARGEST = 20_000  # px
SAVE_MS = 1000  # late enough to merge a drag, early enough to survive a crash

# Sizes in px at 1600 x 1000; the splitters scale them.
SIZES = {
    "columns": [1239, 360],
    "rows": [581, 201, 152],
    "market": [442, 796],
    "left": [449, 132],
    "right": [600, 335],
    "blotter": [738, 500, 0],
    "portfolio": [500, 238],
}
SMALL = {"columns": [951, 328], "rows": [455, 170, 111], "market": [274, 676], "right": [536, 200]}
SMALL_BELOW = 1400


class LayoutKeeper(QObject):
    """Saves a layout when it changes, and restores it. Another version is ignored, never guessed at.

    Args:
        splitters: by stable id.
        tables: by stable id.
        tabs: groups of tabs, by stable id.
    """

    def __init__(
        self,
        bridge: Bridge,
        splitters: Mapping[str, QSplitter],
        tables: Mapping[str, TableView],
        tabs: Mapping[str, TabGroup],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._splitters, self._tables = dict(splitters), dict(tables)
        self._tabs = dict(tabs)
        self._saved = ""
        self._is_restored = False
        self._later = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._later.timeout.connect(self.save_now)
        for splitter in self._splitters.values():
            splitter.splitterMoved.connect(self._later.start)
        for table in self._tables.values():
            for signal in (table.head.sectionResized, table.head.sectionMoved):
                signal.connect(self._note)
            table.table.headerDataChanged.connect(self._note)
        for group in self._tabs.values():
            group.chosen.connect(self._note)

    def _note(self, *_: object) -> None:
        if self._is_restored:
            self._later.start()

    def state(self) -> dict[str, object]:
        """Return the layout as it is, ready for JSON."""
        return {
            "version": VERSION,
            "splitters": {name: splitter.sizes() for name, splitter in self._splitters.items()},
            "tables": {name: table_layout.save(table) for name, table in self._tables.items()},
            "tabs": {name: group.number for name, group in self._tabs.items()},
        }

    def save_now(self) -> None:
        """Store the layout, unless it is the stored one."""
        self._later.stop()
        text = json.dumps(self.state(), sort_keys=True)
        if self._is_restored and text != self._saved:
            self._saved = text
            self._bridge.send(SaveSetting(SETTING, text))

    def restore(self, text: str) -> None:
        """Lay out as stored; what cannot be read stays as it is. From now on changes are saved."""
        try:
            found = json.loads(text or "{}")
        except ValueError:
            found = {}
        if isinstance(found, dict) and found.get("version") == VERSION:
            self._restore_splitters(found.get("splitters"))
            self._restore_tables(found.get("tables"))
            self._restore_tabs(found.get("tabs"))
        self._saved = text
        self._is_restored = True

    def _restore_splitters(self, found: object) -> None:
        if not isinstance(found, dict):
            return
        for name, splitter in self._splitters.items():
            sizes = found.get(name)
            if not isinstance(sizes, list) or len(sizes) != splitter.count():
                continue
            if all(isinstance(size, int) and 0 <= size <= _LARGEST for size in sizes) and any(sizes):
                splitter.setSizes(sizes)

    def _restore_tables(self, found: object) -> None:
        if not isinstance(found, dict):
            return
        for name, table in self._tables.items():
            saved = found.get(name)
            if isinstance(saved, dict):
                table_layout.restore(table, saved)

    def _restore_tabs(self, found: object) -> None:
        if not isinstance(found, dict):
            return
        for name, group in self._tabs.items():
            number = found.get(name)
            if isinstance(number, int) and 0 <= number < group.stack.count():
                group.choose(number)

    def reset(self) -> None:
        """Lay everything out as it came."""
        for name, sizes in SIZES.items():
            self._splitters[name].setSizes(sizes)
        for group in self._tabs.values():
            group.choose(0)
        for table in self._tables.values():
            table_layout.reset(table)
        self._note()


def splitter(way: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    """Put widgets side by side or above one another, a hairline between them."""
    made = QSplitter(way)
    made.setHandleWidth(1)
    made.setChildrenCollapsible(False)
    for widget in widgets:
        made.addWidget(widget)
    return made
