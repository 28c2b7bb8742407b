"""The table on screen: selection by key, copy and export, layout, pixels where they must be."""

from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QEnterEvent, QGuiApplication, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.domain.spreadsheet import neutral
from ui import format as fmt
from ui.models.columns import Align, Column, Ink, Kind, RowState
from ui.models.table import KeyedTableModel
from ui.theme.tokens import tokens
from ui.widgets import table_layout
from ui.widgets.table_export import as_number
from ui.widgets.table_view import TableView
from ui.widgets.total_row import TotalRow

Row = tuple[str, Decimal | None]

COLUMNS = (
    Column[Row]("name", "Name", 90, lambda r: r[0], weight=500, sort_key=lambda r: r[0], frozen=True),
    Column[Row](
        "pnl", "P&L", 90, lambda r: fmt.pnl(r[1]), Align.RIGHT, Kind.CHANGE, value=lambda r: r[1],
        ink=lambda r: {1: Ink.GAIN, -1: Ink.LOSS}.get(fmt.sign(r[1])), direction=lambda r: fmt.sign(r[1]),
        sort_key=lambda r: r[1], flash=True,
    ),
    Column[Row]("note", "Note", 200, lambda r: f"={r[0]}\tx"),
)  # fmt: skip


@pytest.fixture
def model() -> KeyedTableModel[Row]:
    made: KeyedTableModel[Row] = KeyedTableModel(
        COLUMNS, lambda r: r[0], state=lambda r: RowState.WARN if r[0] == "ODD" else RowState.NORMAL
    )
    made.replace_all(
        [("AAPL", Decimal(56)), ("XOM", Decimal("-1120.5")), ("ADBE", Decimal(0)), ("ODD", None)]
    )
    return made


@pytest.fixture
def view(qtbot: QtBot, model: KeyedTableModel[Row]) -> TableView:
    made = TableView(model, "Positions")
    qtbot.addWidget(made)
    made.resize(400, 24 + 24 * 6 + 10)
    with qtbot.waitExposed(made):
        made.show()
    return made


def pixels(image: QImage, left: int, top: int, width: int, height: int) -> set[str]:
    points = ((x, y) for x in range(left, left + width) for y in range(top, top + height))
    return {QColor(image.pixel(x, y)).name().upper() for x, y in points}


def test_selection_by_key_survives_sort_and_removal(view: TableView, model: KeyedTableModel[Row]) -> None:
    view.select_key("XOM")

    model.sort_by("pnl")
    model.remove(["AAPL"])

    assert view.current_key() == "XOM"
    assert view.selected_keys() == ["XOM"]


def test_current_key_is_announced_once(view: TableView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.key_chosen) as chosen:
        view.select_key("ADBE")

    assert chosen.args == ["ADBE"]


def test_select_of_an_unknown_key_selects_nothing(view: TableView) -> None:
    view.select_key("AAPL")

    view.select_key("nobody")

    assert (view.current_key(), view.selected_keys()) == (None, [])


def test_copy_gives_plain_numbers_and_harmless_text(view: TableView, qtbot: QtBot) -> None:
    view.select_key("XOM")

    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)

    assert QGuiApplication.clipboard().text() == "XOM\t-1120.50\t'=XOM x"


def test_csv_has_a_head_numbers_and_no_formula(view: TableView) -> None:
    lines = view.to_csv().splitlines()

    assert lines[0] == "Name,P&L,Note"
    assert lines[1] == "AAPL,56.00,'=AAPL\tx"
    assert lines[4].startswith("ODD,,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_neutral_text_never_starts_a_formula(start: str) -> None:
    assert neutral(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize(
    ("text", "number"),
    [("\u22121,120.50", "-1120.50"), ("+0.31", "0.31"), ("\u2014", ""), ("halt", None), ("NaN", None)],
)
def test_number_for_export_is_plain_or_none(text: str, number: str | None) -> None:
    assert as_number(text) == number


def test_layout_that_was_saved_is_restored(view: TableView, model: KeyedTableModel[Row]) -> None:
    view.head.moveSection(1, 2)
    view.head.setSectionHidden(1, True)
    model.sort_by("name", descending=True)
    saved = table_layout.save(view)
    table_layout.reset(view)

    table_layout.restore(view, saved)

    assert table_layout.save(view) == saved
    assert [column.key for column in view.shown_columns()] == ["name", "note"]


def test_layout_from_another_version_is_taken_as_far_as_it_goes(view: TableView) -> None:
    table_layout.restore(
        view,
        {
            "order": ["gone", "note", 7],
            "hidden": ["name", "gone"],
            "widths": {"note": "wide", "name": 120},
            "sort": 3,
        },
    )

    assert view.shown_columns()[0].key == "note"
    assert not view.head.isSectionHidden(0)
    assert view.head.sectionSize(0) == 120


def test_click_on_a_head_sorts_largest_first_then_smallest_then_not(
    view: TableView, model: KeyedTableModel[Row]
) -> None:
    found = []
    for _ in range(3):
        view.head.sectionClicked.emit(1)
        found.append(model.sorted_by)

    assert found == [("pnl", True), ("pnl", False), (None, False)]


def test_selected_row_has_its_ground_and_a_bar_at_the_left(view: TableView, qtbot: QtBot) -> None:
    view.clearFocus()
    view.select_key("AAPL")

    image = view.viewport().grab().toImage()

    assert pixels(image, 0, 2, 2, 20) == {tokens().accent.name().upper()}
    assert pixels(image, 3, 2, 6, 20) == {tokens().surface3.name().upper()}


def test_row_with_a_warning_is_tinted(view: TableView) -> None:
    image = view.viewport().grab().toImage()

    assert pixels(image, 2, 24 * 3 + 2, 6, 20) == {tokens().warn_tint.name().upper()}


def test_gain_and_loss_have_arrows_in_one_column_and_zero_has_none(view: TableView) -> None:
    image = view.viewport().grab().toImage()
    gain, loss = tokens().gain_shape.name().upper(), tokens().loss_shape.name().upper()

    up, down, zero = (pixels(image, 100, 24 * line, 20, 24) for line in range(3))

    assert gain in up
    assert loss in down
    assert not {gain, loss} & zero


def test_line_that_does_not_fit_is_not_painted(view: TableView, model: KeyedTableModel[Row]) -> None:
    model.replace_all([(f"ROW{number}", Decimal(number)) for number in range(20)])

    image = view.viewport().grab().toImage()

    assert pixels(image, 0, 24 * 6, 300, 10) == {tokens().surface1.name().upper()}


def test_text_stays_inside_the_paint_of_its_cell(view: TableView, model: KeyedTableModel[Row]) -> None:
    model.replace_all([("A name far too long for its column", Decimal(1))])

    image = view.viewport().grab().toImage()

    assert pixels(image, 91, 2, 8, 20) == {tokens().surface1.name().upper()}


def test_bare_letters_are_left_to_the_window(view: TableView, qtbot: QtBot) -> None:
    view.select_key("AAPL")

    qtbot.keyClick(view, Qt.Key.Key_X)

    assert view.current_key() == "AAPL"


def test_enter_activates_the_row(view: TableView, qtbot: QtBot) -> None:
    view.select_key("ADBE")

    with qtbot.waitSignal(view.key_activated) as activated:
        qtbot.keyClick(view, Qt.Key.Key_Return)

    assert activated.args == ["ADBE"]


def test_click_on_a_group_head_folds_it(qtbot: QtBot) -> None:
    model: KeyedTableModel[Row] = KeyedTableModel(COLUMNS, lambda r: r[0], group=lambda r: r[0][0])
    model.replace_all([("AA", Decimal(1)), ("AB", Decimal(1)), ("BA", Decimal(1))])
    view = TableView(model, "Watchlist")
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()

    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, 10))

    assert model.lines.key_at(0) is None
    assert model.rowCount() == 3


def test_frozen_column_stays_when_the_table_is_scrolled_sideways(view: TableView, qtbot: QtBot) -> None:
    view.resize(200, 200)
    before = pixels(view.viewport().grab().toImage(), 12, 4, 40, 16)
    view.horizontalScrollBar().setValue(60)

    after = pixels(view.viewport().grab().toImage(), 12, 4, 40, 16)

    assert view.head.frozen_section() == 0
    assert before == after


def test_empty_table_says_what_will_be_there(view: TableView, model: KeyedTableModel[Row]) -> None:
    model.replace_all([])
    nothing = pixels(view.viewport().grab().toImage(), 50, 50, 300, 60)

    view.set_empty("What you hold, and what it earns.", "Try the simulator", "Enter")

    words = pixels(view.viewport().grab().toImage(), 50, 50, 300, 60)
    assert nothing == {tokens().surface1.name().upper()}
    assert max(QColor(name).lightness() for name in words) > 150


def test_total_row_stands_under_its_columns(view: TableView, qtbot: QtBot) -> None:
    total = TotalRow(view, [COLUMNS[0], COLUMNS[1]])
    qtbot.addWidget(total)
    total.resize(400, 24)

    total.set_row(("Total", Decimal("-1064.50")))

    assert total.accessibleName() == "Total: Name Total, P&L \u22121,064.50"
    assert tokens().loss_shape.name().upper() in pixels(total.grab().toImage(), 90, 2, 40, 20)


def test_frame_of_a_hidden_table_takes_changes_in_and_announces_none(
    view: TableView, model: KeyedTableModel[Row]
) -> None:
    view.hide()
    model.upsert([("AAPL", Decimal(57))])

    assert view.frame() == 0
    assert model.rows["AAPL"] == ("AAPL", Decimal(57))


def test_scrolled_table_keeps_its_top_row_when_rows_come_above(
    view: TableView, model: KeyedTableModel[Row]
) -> None:
    model.replace_all([(f"ROW{number:02}", Decimal(number)) for number in range(10, 40)])
    model.sort_by("name")
    QApplication.processEvents()
    view.verticalScrollBar().setValue(5)

    model.upsert([(f"ROW{number:02}", Decimal(number)) for number in range(5)])
    view.frame()

    assert model.lines.id_at(view.verticalScrollBar().value()) == "ROW15"


def test_mouse_over_the_table_lights_a_row_and_holds_the_order(
    view: TableView, model: KeyedTableModel[Row]
) -> None:
    point = QPointF(40, 24 * 2 + 5)
    buttons, none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(view.viewport(), QEnterEvent(point, point, point))

    QApplication.sendEvent(
        view.viewport(), QMouseEvent(QEvent.Type.MouseMove, point, point, buttons, buttons, none)
    )

    held, lit = model.hold_order, view.rows.hovered
    QApplication.sendEvent(view.viewport(), QEvent(QEvent.Type.Leave))
    assert (held, lit, model.hold_order, view.rows.hovered) == (True, 2, False, -1)
