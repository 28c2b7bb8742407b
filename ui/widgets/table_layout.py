"""Which columns a table shows, how wide and in which order: chosen in a menu, kept as a dict."""

from collections.abc import Mapping
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from ui.widgets.table_view import TableView

Saved = dict[str, object]


def save(view: TableView) -> Saved:
    """Return the layout of a table, with stable column keys, ready for JSON."""
    head, columns = view.head, view.table.columns
    order = [head.logicalIndex(at) for at in range(head.count())]
    key, descending = view.table.sorted_by
    return {
        "order": [columns[number].key for number in order],
        "hidden": [columns[number].key for number in order if head.isSectionHidden(number)],
        "widths": {
            columns[number].key: head.sectionSize(number)
            for number in order
            if not head.isSectionHidden(number)
        },
        "sort": key,
        "descending": descending,
    }


def restore(view: TableView, saved: Mapping[str, object]) -> None:
    """Lay a table out as saved; what is missing, unknown or of another type is left as it is."""
    numbers = {column.key: number for number, column in enumerate(view.table.columns)}
    order, hidden, widths = saved.get("order"), saved.get("hidden"), saved.get("widths")
    if isinstance(order, list):
        known = [key for key in dict.fromkeys(order) if key in numbers]
        for place, key in enumerate(known):
            view.head.moveSection(view.head.visualIndex(numbers[key]), place)
    if isinstance(hidden, list):
        for key, number in numbers.items():
            view.head.setSectionHidden(number, key in hidden and not view.table.columns[number].frozen)
    if isinstance(widths, dict):
        for key, width in widths.items():
            if key in numbers and isinstance(width, int) and 24 <= width <= 2000:
                view.head.resizeSection(numbers[key], width)
    sort = saved.get("sort")
    view.table.sort_by(sort if isinstance(sort, str) else None, saved.get("descending") is True)


def reset(view: TableView) -> None:
    """Lay a table out as it came."""
    columns = view.table.columns
    restore(
        view,
        {
            "order": [column.key for column in columns],
            "hidden": [],
            "widths": {column.key: column.width for column in columns},
            "sort": None,
        },
    )


def columns_menu(view: TableView, parent: QWidget) -> QMenu:
    """Return a menu with a check for each column; the frozen one cannot be hidden."""
    menu = QMenu("Columns", parent)
    for number, column in enumerate(view.table.columns):
        action = menu.addAction(column.title)
        action.setCheckable(True)
        action.setChecked(not view.head.isSectionHidden(number))
        action.setEnabled(not column.frozen)
        action.toggled.connect(partial(_show, view, number))
    menu.addSeparator()
    menu.addAction("Reset columns").triggered.connect(partial(_reset, view))
    return menu


def _show(view: TableView, number: int, shown: bool) -> None:
    view.head.setSectionHidden(number, not shown)


def _reset(view: TableView, _checked: bool = False) -> None:
    reset(view)
