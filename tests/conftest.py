"""What every test shares: Qt without a screen, Hypothesis, the guards and the options for long runs."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Mapping

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.update(QT_API="pyside6", PYTEST_QT_API="pyside6", PYQTGRAPH_QT_LIB="PySide6")

import pytest
from hypothesis import HealthCheck, settings

from tests import scale

pytest_plugins = ["tests.guards"]

USUAL_EXAMPLES = 100
MUCH_RUBBISH = 200_000


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("investiq")
    group.addoption("--torture", type=int, metavar="N", help="kill cycles of the crash tests")
    group.addoption("--examples", type=int, metavar="N", help="examples of each property test")
    group.addoption(
        "--packaging", metavar="DIR", help="install what `make dist` made there into an empty Debian; as root"
    )
    group.addoption(
        "--rewrite-golden", action="store_true", help="replace the golden pictures by what is drawn now"
    )


def pytest_configure(config: pytest.Config) -> None:
    scale.ask(examples=config.getoption("--examples"), torture=config.getoption("--torture"))
    settings.register_profile(
        "investiq",
        max_examples=scale.examples(USUAL_EXAMPLES),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("investiq")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: a run ends when its last file does. The rest stays in random order."""
    items.sort(key=lambda item: "tests/property/" not in item.nodeid)


def _window_loop() -> asyncio.AbstractEventLoop:
    import qasync
    from PySide6.QtWidgets import QApplication

    return qasync.QEventLoop(QApplication.instance() or QApplication(["tests"]))


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run coroutines of a test that has widgets on Qt's loop, where its timers and slots run too."""
    fixtures = getattr(item, "fixturenames", None) or item._fixtureinfo.names_closure
    if {"qapp", "qtbot"} & set(fixtures):
        return {"qt": _window_loop}
    return {"asyncio": asyncio.new_event_loop}


def _has_windows(item: pytest.Item) -> bool:
    return bool({"qapp", "qtbot"} & set(getattr(item, "fixturenames", ())))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """From the first window on let nothing be collected but here, on the thread of the windows.

    A window that the collector ends on another thread leaves its timers behind, and Qt falls at the next
    one that is due. So does the program (app/collecting.py).
    """
    if _has_windows(item):
        gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let what a test has left go, and the windows of a whole file of tests at its end."""
    if nextitem is None or nextitem.path != item.path:
        _let_windows_go()
    elif not gc.isenabled() and gc.get_count()[0] > MUCH_RUBBISH:
        gc.collect(1)


def _let_windows_go() -> None:
    if "PySide6.QtWidgets" not in sys.modules:
        return
    from PySide6.QtCore import QEvent
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    if app is not None:
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        gc.collect()
