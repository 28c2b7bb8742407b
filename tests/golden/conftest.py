"""The window of one fixed moment, and the pictures it is laid beside."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.domain.access import Mode
from core.domain.messages import AckMeasured, LoadBars, PreviewOrder, VerifyAudit
from tests.golden import scenes
from tests.golden.comparison import difference
from tests.ui import pretend
from ui import banners, bar_links, notices
from ui import format as fmt
from ui.bridge import Bridge
from ui.dialogs import confirm
from ui.main_window import MainWindow
from ui.panels import audit, orders
from ui.theme.stylesheet import apply_look
from ui.theme.tokens import Look, ThemeName, load_theme

PICTURES = Path(__file__).parent / "pictures"


class Scene:
    """One window and the bridge under it, which measures no frames."""

    def __init__(self, window: MainWindow, bridge: Bridge, qtbot: QtBot) -> None:
        self.window, self.bridge, self._qtbot = window, bridge, qtbot

    def verdict(self) -> str:
        return self.window.parts.ticket.body.verdict.saying.words()

    def type_order(self, qty: str) -> None:
        """Fill in a quantity, and wait until it is judged."""
        ticket = self.window.parts.ticket
        ticket.form.qty.setFocus()
        ticket.form.qty.selectAll()
        judged = ticket._previewer.judged
        with self._qtbot.waitSignal(judged, check_params_cb=lambda made: made.draft.order_qty == qty):
            QTest.keyClicks(ticket.form.qty, qty)
        self.window.parts.watchlist.view.setFocus()


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["investiq-test"]


@pytest.fixture(autouse=True)
def still(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no clock run on and no cursor blink."""
    QApplication.setCursorFlashTime(0)
    fmt.set_zone(fmt.Zone.ET)
    monkeypatch.setattr(bar_links, "utc_now", lambda: scenes.NOW)
    monkeypatch.setattr(confirm, "monotonic", lambda: scenes.CLOCK_S)
    for taker in (banners.UnknownBanner, orders.OrdersPanel, notices.Notices, audit.AuditPanel):
        monkeypatch.setitem(taker.__init__.__kwdefaults__, "now", lambda: scenes.NOW)


@pytest.fixture
def draw(qapp: QApplication, qtbot: QtBot) -> Iterator[Callable[..., Scene]]:
    """Open the window with everything on it: theme, size and mode are what differs."""
    bridges = []

    def make(
        theme: ThemeName = ThemeName.DARK, size: tuple[int, int] = (1600, 1000), mode: Mode = Mode.SIM
    ) -> Scene:
        apply_look(qapp, Look(load_theme(theme), reduced_motion=True))
        core = pretend.PretendCore(scenes.snapshot(mode))
        core.answers[LoadBars] = scenes.bars()
        core.answers[PreviewOrder] = scenes.judge
        core.answers[VerifyAudit] = scenes.REPORT
        bridge = Bridge(core.send, clock=lambda: scenes.CLOCK_S)
        bridges.append(bridge)
        window = MainWindow(bridge)
        qtbot.addWidget(window)
        window.resize(*size)
        window.show()
        window.activateWindow()
        bridge.request_snapshot()
        scene = Scene(window, bridge, qtbot)
        qtbot.waitUntil(lambda: window.parts.chart.canvas is not None)
        qtbot.waitUntil(lambda: scene.verdict().startswith("Passes"))
        body = window.parts.risk.body
        qtbot.waitUntil(lambda: body.radar.note() != "" and body.breakers.text() == "11 of 11 armed")
        bridge._frames.stop()  # no frame is measured: a stall would stand in the status bar
        bridge.ack_measured.emit(AckMeasured(12.0, 41.0))
        window.status.show_stall(9.0)
        return scene

    yield make
    for bridge in bridges:
        bridge.stop()


def picture_of(widget: QWidget) -> QImage:
    """Paint a widget as it stands, at scale 1."""
    for _ in range(3):  # what folds for want of room is laid out once more
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        QApplication.processEvents()
    image = widget.grab().toImage()
    assert image.devicePixelRatio() == 1, "the pictures are drawn at scale 1"
    return image


@pytest.fixture
def compare(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[QWidget, str], None]:
    """Compare a widget with the picture of this name, or replace the picture with --rewrite-golden."""

    def check(widget: QWidget, name: str) -> None:
        image, path = picture_of(widget), PICTURES / f"{name}.png"
        if request.config.getoption("--rewrite-golden"):
            image.convertToFormat(QImage.Format.Format_RGB888).save(str(path), None, 0)
            return
        golden = QImage(str(path))
        assert not golden.isNull(), f"there is no picture {path.name}: run make golden, and look at it"
        assert golden.size() == image.size()
        found = difference(image, golden)
        drawn = tmp_path / path.name
        image.save(str(drawn))
        assert found.is_none, f"{path.name} differs: {found}; drawn now: {drawn}"

    return check
