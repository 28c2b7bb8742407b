"""Positions, orders and fills: side by side where there is room, else behind one row of tabs."""

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QPoint, Qt, Signal, SignalInstance
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from ui.panels.menus import add_menu_tool
from ui.widgets.panel import PanelHead
from ui.widgets.table_layout import columns_menu
from ui.widgets.table_view import TableView

SIDE_BY_SIDE = 1536  # px of the window
_LEFT, _RIGHT = 738, 500


class Tab(Protocol):
    """What stands behind a tab."""

    title: str
    view: TableView

    @property
    def counted(self) -> SignalInstance: ...
    @property
    def menu_wanted(self) -> SignalInstance: ...


class TabGroup(QWidget):
    """A head with a title for each member, and the member that is chosen.

    Attributes:
        export_wanted: the table of the chosen member is wanted as a file.
        chosen: the person went to another member.
    """

    export_wanted = Signal(object)
    chosen = Signal()

    def __init__(self, members: Sequence[tuple[QWidget, Tab]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._members = list(members)
        self.head = PanelHead([tab.title for _, tab in members], self)
        self.stack = QStackedWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.stack, 1)
        self.head.tab_chosen.connect(self.choose)
        for number, (_, tab) in enumerate(members):
            tab.counted.connect(lambda text, number=number: self.head.set_count(text, number))
        add_menu_tool(
            self.head, "Columns", "columns", lambda at: columns_menu(self.current.view, self).popup(at)
        )
        add_menu_tool(
            self.head, "Export as CSV", "export", lambda _: self.export_wanted.emit(self.current.view)
        )
        add_menu_tool(self.head, "More", "dots-three", self._open_menu)

    def _open_menu(self, at: QPoint) -> None:
        self.current.menu_wanted.emit(at)

    @property
    def current(self) -> Tab:
        """The chosen member."""
        return self._members[self.number][1]

    @property
    def number(self) -> int:
        """The number of the chosen member."""
        return max(0, self.stack.currentIndex())

    def choose(self, number: int) -> None:
        """Show a member."""
        self.head.set_current(number)
        self.stack.setCurrentIndex(number)
        self.chosen.emit()

    def adopt(self) -> None:
        """Take the members in, wherever they are now."""
        for widget, _ in self._members:
            self.stack.addWidget(widget)
        self.choose(min(self.number, len(self._members) - 1))

    def has(self, widget: QWidget) -> int:
        """Return the number of a member, -1 if it is none."""
        return next((at for at, (member, _) in enumerate(self._members) if member is widget), -1)


class Blotter(QSplitter):
    """Regroups its panels when the window crosses a width; nothing else about them changes.

    Args:
        left: how many of the members stand at the left, where there is room for two groups.
    """

    def __init__(
        self, members: Sequence[tuple[QWidget, Tab]], *, left: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        self.left, self.right = TabGroup(members[:left], self), TabGroup(members[left:], self)
        self.all = TabGroup(members, self)
        for group in (self.left, self.right, self.all):
            self.addWidget(group)
        self._is_wide: bool | None = None
        self.set_wide(is_wide=True)
        self.setSizes([_LEFT, _RIGHT, 0])

    @property
    def groups(self) -> tuple[TabGroup, ...]:
        """The groups, shown or not."""
        return (self.left, self.right, self.all)

    def set_wide(self, *, is_wide: bool) -> None:
        """Stand side by side, or behind one row of tabs."""
        if is_wide == self._is_wide:
            return
        self._is_wide = is_wide
        shown = (self.left, self.right) if is_wide else (self.all,)
        for group in shown:
            group.adopt()
        for group in self.groups:
            group.setVisible(group in shown)

    def show_panel(self, widget: QWidget) -> None:
        """Bring a panel to the front."""
        for group in self.groups:
            number = group.has(widget)
            if number >= 0 and not group.isHidden():
                group.choose(number)
