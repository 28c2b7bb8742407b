"""The chart's panel as a person meets it: late import, states, keys, mouse, own orders."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from core.domain.market import Bar, Timeframe
from core.domain.money import Price, Qty
from core.ids import Symbol
from ui.chart.marks import ChartFill, ChartOrder, ChartPosition
from ui.panels.chart import ChartPanel
from ui.theme.tokens import tokens

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
LIMIT = ChartOrder("IQ-1", True, Decimal(20), Decimal(40), "limit", Decimal("99.50"))
STOP = ChartOrder("IQ-2", False, Decimal(60), Decimal(60), "stop", Decimal("99.51"), is_stop=True)


def bars(count: int) -> list[Bar]:
    made = []
    for index in range(count):
        close = Decimal(100) + Decimal(index % 7) / 10
        prices = (close - Decimal("0.1"), close + Decimal("0.2"), close - Decimal("0.3"), close)
        time = OPEN + timedelta(minutes=5 * index)
        made.append(Bar(Symbol("AAPL"), time, *(Price(each) for each in prices), Qty(1_000 + index)))
    return made


@pytest.fixture
def panel(qtbot):
    made = ChartPanel()
    qtbot.addWidget(made)
    made.resize(796, 583)
    made.show()
    qtbot.waitUntil(lambda: made.stage._is_painted)
    made.set_symbol("AAPL", "Apple Inc.", "Nasdaq")
    return made


@pytest.fixture
def filled(panel, qtbot):
    panel.set_bar_values(bars(300))
    qtbot.waitUntil(lambda: panel.canvas is not None and panel.canvas.isVisible())
    panel.set_last(Decimal("100.5"), Decimal("0.5"))
    panel.set_orders([LIMIT, STOP])
    panel.set_position(ChartPosition(Decimal(60), Decimal("99.8"), Decimal(42)))
    panel.set_fills([ChartFill(True, Decimal(60), Decimal("99.8"), OPEN + timedelta(minutes=1_400))])
    panel.canvas.repaint()
    return panel


def test_importing_and_painting_the_panel_loads_neither_numpy_nor_pyqtgraph():
    script = (
        "import sys; from PySide6.QtWidgets import QApplication; from ui.panels.chart import ChartPanel;"
        "app = QApplication([]); panel = ChartPanel(); panel.grab(); app.processEvents();"
        "print([name for name in ('numpy', 'pyqtgraph') if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_an_empty_panel_says_what_will_be_there_and_its_key(qtbot):
    panel = ChartPanel()
    qtbot.addWidget(panel)

    words = panel.message.words

    assert (words.text, words.key) == ("An instrument's price history", "/")


def test_a_failed_query_shows_a_dash_and_the_reason(filled):
    filled.set_failed("the database could not be read")

    assert filled.message.isVisible()
    assert filled.message.words.text == "—"
    assert "the database could not be read" in filled.message.words.action


def test_bars_out_of_order_are_shown_as_a_failure(filled):
    first, second = bars(2)

    filled.set_bar_values([second, first])

    assert "rise strictly" in filled.message.words.action


def test_another_symbol_takes_the_old_bars_and_orders_off_the_screen(filled):
    filled.set_symbol("MSFT", "Microsoft", "Nasdaq")

    assert not filled.canvas.isVisible()
    assert filled.canvas.model.marks.orders == ()
    assert filled.canvas.model.marks.last is None


def test_bars_of_exact_values_are_drawn_with_the_same_figures(panel, qtbot):
    made = bars(5)

    panel.set_bar_values(made)
    qtbot.waitUntil(lambda: panel.canvas is not None)

    assert panel.canvas.model.series.bar(4) == tuple(
        float(each) for each in (made[4].open, made[4].high, made[4].low, made[4].close, made[4].volume)
    )


def test_bars_given_again_are_painted_at_once(filled, qtbot):
    painted = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() is QEvent.Type.Paint:
                painted.append(len(watched.model.series))
            return False

    watch = Watch(filled)
    QApplication.processEvents()
    filled.canvas.installEventFilter(watch)

    filled.set_bar_values(bars(200))

    qtbot.waitUntil(lambda: 200 in painted)


def test_a_new_bar_is_followed_and_a_bar_of_another_symbol_is_not_taken(filled):
    newest = bars(301)[-1]

    filled.update_bar(replace(newest, symbol=Symbol("MSFT")))
    assert len(filled.canvas.model.series) == 300
    filled.update_bar(newest)

    assert len(filled.canvas.model.series) == 301
    assert filled.canvas.model.view.right > 300


def test_a_bar_that_comes_before_the_drawing_is_not_lost(panel, qtbot):
    panel.set_bar_values(bars(10))
    panel.update_bar(bars(11)[-1])

    qtbot.waitUntil(lambda: panel.canvas is not None)

    assert len(panel.canvas.model.series) == 11


@pytest.mark.parametrize(("key", "period"), list(zip("123456", Timeframe, strict=True)))
def test_digits_choose_the_period(filled, qtbot, key, period):
    with qtbot.waitSignal(filled.timeframe_chosen) as caught:
        QTest.keyClick(filled.canvas, key)

    assert caught.args == [period.value]
    assert filled.timeframe is period


def test_arrow_keys_pan_and_zoom_and_end_returns(filled):
    canvas, view = filled.canvas, filled.canvas.model.view
    span = view.right - view.left

    QTest.keyClick(canvas, Qt.Key.Key_Up)
    assert view.right - view.left < span
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert view.left < 0
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert view.left > 0
    QTest.keyClick(canvas, Qt.Key.Key_End)

    assert view.follow
    assert view.right > 299


def test_the_wheel_zooms_around_the_mouse(filled):
    canvas, view = filled.canvas, filled.canvas.model.view
    under = view.index_of(300)
    place = QPointF(300, 200)
    turn = QWheelEvent(
        place,
        canvas.mapToGlobal(place),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )

    QApplication.sendEvent(canvas, turn)

    assert view.index_of(300) == pytest.approx(under)
    assert view.pitch > 7


def test_dragging_pans_and_stops_following(filled):
    canvas, view = filled.canvas, filled.canvas.model.view
    pitch, right = view.pitch, view.right

    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 300))
    QTest.mouseMove(canvas, QPoint(600, 300))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(600, 300))

    assert view.right == pytest.approx(right - 400 / pitch)
    assert not view.follow


def test_a_click_on_a_cross_asks_to_cancel_that_order_only(filled, qtbot):
    crosses = {cl_ord_id: area for area, cl_ord_id in filled.canvas.picture.tags._crosses}
    asked = []
    filled.cancel_requested.connect(asked.append)

    QTest.mouseClick(filled.canvas, Qt.MouseButton.LeftButton, pos=crosses["IQ-2"].center().toPoint())

    assert asked == ["IQ-2"]
    assert not crosses["IQ-1"].intersects(crosses["IQ-2"].adjusted(1, 1, -1, -1))


def test_pressing_a_cross_and_letting_go_elsewhere_cancels_nothing(filled):
    area, _ = filled.canvas.picture.tags._crosses[0]
    asked = []
    filled.cancel_requested.connect(asked.append)

    QTest.mousePress(filled.canvas, Qt.MouseButton.LeftButton, pos=area.center().toPoint())
    QTest.mouseRelease(filled.canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))

    assert asked == []


def test_the_menu_hides_an_indicator(filled):
    menu = filled.findChild(QMenu)

    menu.actions()[0].setChecked(False)

    assert [each.label for each in filled.canvas.model.shown_indicators()] == ["VWAP"]


def test_daily_bars_have_no_vwap(filled):
    filled.set_timeframe("1d")
    filled.set_bar_values(bars(10))

    assert [each.label for each in filled.canvas.model.shown_indicators()] == ["EMA 20"]


@pytest.mark.parametrize("count", [1, 5, 2_000])
def test_any_number_of_bars_is_painted(panel, qtbot, count):
    panel.set_bar_values(bars(count))
    qtbot.waitUntil(lambda: panel.canvas is not None and panel.canvas.isVisible())

    picture = panel.canvas.grab().toImage()

    colours = {picture.pixelColor(x, y).name() for x in range(730) for y in range(30, 430, 3)}
    assert tokens().gain_shape.name() in colours
