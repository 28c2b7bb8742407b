"""The window and the core, brought together: who starts first, and who ends last."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from app import crash
from app import profile as profiles
from app.cli import exit_code_of
from app.collecting import Collector, settle
from app.local_api import with_profile_api
from app.opening import check_may_start
from app.options import DesktopOptions, Kind
from app.runtime import CoreThread, Running
from app.sessions import start_profile, start_temporary
from core.clock import SystemClock
from core.domain.messages import Command
from core.errors import (
    CredentialMissing,
    InvestIQError,
    KeyringUnavailable,
    RefusalCode,
    Refused,
    WrongPassphrase,
)
from core.metrics import Watched, watched
from resources import ICON
from ui.bridge import Bridge
from ui.chart import warm
from ui.dialogs.unlock import UnlockSheet, unlock_sheet
from ui.dialogs.welcome import Start
from ui.main_window import MainWindow
from ui.theme.stylesheet import apply_theme, prepare_theme
from ui.theme.tokens import load_theme

if TYPE_CHECKING:
    from app.connecting import PaperConnecting, Probe, Probed
    from core.domain.credentials import AlpacaCredentials

SWITCH_INTERVAL_S = 0.0005
SETTLED_AFTER_MS = 3_000
END_WITHIN_S = 12.0

# What a person can put right beside the open sheet.
_MENDABLE = (WrongPassphrase, Refused, CredentialMissing, KeyringUnavailable)

_log = structlog.get_logger("desktop")


class Desktop(QObject):
    """One run of the window. Lives in the GUI thread."""

    _started = Signal(object)

    def __init__(self, options: DesktopOptions, app: QApplication, probe: "Probe") -> None:
        super().__init__()
        self._options = options
        self._probe = probe
        self._app = app
        self._core: CoreThread | None = None
        self._unlock: UnlockSheet | None = None
        self._unasked: DesktopOptions | None = None
        self._connecting: PaperConnecting | None = None
        self._exit_code = 0
        self._is_painted = False
        self._shot_is_due = options.screenshot is not None
        # Ages are counted on the core's own clock, which stamps what it receives.
        self.bridge = Bridge(self._send, clock=SystemClock().monotonic)
        self.window = MainWindow(self.bridge)
        self.window.installEventFilter(self)
        self._collector = Collector(self)
        self.bridge.snapshot_loaded.connect(self._on_snapshot)
        self._started.connect(self._on_started)

    def _send(self, command: Command[Any]) -> "Future[Any]":
        if self._core is None:
            nobody: Future[Any] = Future()
            nobody.set_exception(Refused(RefusalCode.NOT_READY, "No profile is open yet."))
            return nobody
        return self._core.send(command)

    def open(self) -> None:
        """Show the window; everything slow comes after its first paint."""
        self.window.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice the first paint."""
        if event.type() is QEvent.Type.Paint and not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self._after_first_paint)
        return super().eventFilter(watched, event)

    def _after_first_paint(self) -> None:
        if self._options.mark_first_paint is not None:
            self._options.mark_first_paint.write_text(str(time.monotonic_ns()))
        self._collector.begin()
        self.window.removeEventFilter(self)
        self._app.setWindowIcon(QIcon(str(ICON)))  # after the paint: it loads a plug-in
        self.bridge.start()
        if self._options.kind is Kind.WELCOME:
            self.window.show_welcome(self._begin)
        elif self._options.kind is Kind.PROFILE and self._options.passphrase is None:
            self._open_or_ask(self._options)
        else:
            self._start_core(self._options)

    def _begin(self, start: Start) -> None:
        if start is Start.SIMULATOR:
            self._start_core(replace(self._options, kind=Kind.DEMO))
            return
        if start is Start.ALPACA_PAPER:
            from app.connecting import PaperConnecting

            self._connecting = PaperConnecting(
                self.window, self._options.data_dir, self._probe, self._open_paper, self._leave_connecting
            )
            return
        name = profiles.last_used(self._options.data_dir) or next(
            iter(profiles.names(self._options.data_dir)), None
        )
        if name is None:
            self._explain("There is no profile yet. Try the simulator, or: investiq profile create NAME")
            return
        try:
            profile = profiles.load(self._options.data_dir, name)
            check_may_start(profile, os.environ)
        except InvestIQError as error:
            self._explain(str(error))
            return
        self._open_or_ask(replace(self._options, kind=Kind.PROFILE, profile_folder=profile.folder))

    def _open_paper(self, folder: Path, passphrase: str) -> None:
        self._start_core(
            replace(self._options, kind=Kind.PROFILE, profile_folder=folder, passphrase=passphrase)
        )

    def _leave_connecting(self) -> None:
        self._connecting = None
        self.window.show_welcome(self._begin)

    def _explain(self, words: str) -> None:
        self.window.show_welcome(self._begin)
        self.window.parts.notices.warn(words)

    def _open_or_ask(self, options: DesktopOptions) -> None:
        folder = options.profile_folder
        if folder is not None and profiles.opens_unasked(folder):
            self._unasked = options
            self._start_core(options)
        else:
            self._ask_passphrase(options)

    def _ask_passphrase(self, options: DesktopOptions) -> None:
        name = options.profile_folder.name if options.profile_folder is not None else ""

        def tried(passphrase: str | None) -> None:
            if passphrase is None:
                self.window.show_welcome(self._begin)
            else:
                self._start_core(replace(options, passphrase=passphrase))

        self._unlock = unlock_sheet(self.window, name, tried)

    def _start_core(self, options: DesktopOptions) -> None:
        publish, ask = self.bridge.publish, self.bridge.ask

        async def start() -> Running:
            warm()
            asyncio.get_running_loop().set_exception_handler(crash.handle_loop_error)
            opening: Coroutine[Any, Any, Running] = (
                start_profile(options, publish, ask, options.passphrase)
                if options.kind is Kind.PROFILE
                else start_temporary(options, publish, ask)
            )
            running = await opening
            running.registry.add(*window_numbers(self.bridge))
            return await with_profile_api(running, options.profile_folder, os.environ)

        self._core = CoreThread(start)
        self._core.started.add_done_callback(self._started.emit)
        # Asked before it begins, so that a start that fails at once answers this too.
        self.bridge.request_snapshot()
        self._core.begin()

    def _on_started(self, started: "Future[Running]") -> None:
        error = started.exception()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.accept()
        if error is None:
            if self._unlock is not None:
                self._unlock.accept_passphrase()
                self._unlock = None
            return
        self._core = None
        unasked, self._unasked = self._unasked, None
        if unasked is not None and isinstance(error, WrongPassphrase):
            # The keyring is locked, gone, or holds another key: the person has one too.
            self._ask_passphrase(unasked)
            return
        if self._unlock is not None and isinstance(error, _MENDABLE):
            self._unlock.refuse(str(error))
            return
        if connecting is not None and isinstance(error, InvestIQError):
            # The profile is made, its keys are stored, and the next start needs the passphrase only.
            self._explain(str(error))
            return
        self._exit_code = exit_code_of(error)
        print(f"investiq: {error}", file=sys.stderr)
        self._app.quit()

    def _on_snapshot(self, _: object) -> None:
        if self._shot_is_due:
            self._shot_is_due = False
            QTimer.singleShot(int(self._options.after_s * 1000), self._take_picture)
        QTimer.singleShot(SETTLED_AFTER_MS, settle)

    def _take_picture(self) -> None:
        target = self._options.screenshot
        if target is not None and not self.window.grab().save(str(target)):
            print(f"investiq: the picture could not be saved as {target}", file=sys.stderr)
            self._exit_code = 6
        self._app.quit()

    def end(self) -> int:
        """End in order: window, core, exchange, database; return the exit code."""
        self.window.save_layout_now()
        self.bridge.stop()
        if self._core is not None:
            self._core.end()
            try:
                self._core.ended.result(END_WITHIN_S)
            except TimeoutError:
                _log.error("core.did_not_end", after_s=END_WITHIN_S)
        return self._exit_code


def run(options: DesktopOptions) -> int:
    """Open the window and return the exit code once it has closed."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    QGuiApplication.setDesktopFileName("investiq")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("InvestIQ")
    theme = load_theme()
    prepare_theme(app, theme)
    desktop = Desktop(options, app, _probe)
    apply_theme(app, theme)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: app.quit())
    desktop.open()
    _run_loop(app)
    return desktop.end()


async def _probe(credentials: "AlpacaCredentials") -> "Probed":
    from app.connecting import probe_paper

    return await probe_paper(credentials)


def _run_loop(app: QApplication) -> None:
    # qasync drives the window's own coroutines; the core has a loop and a thread of its own.
    from qasync import QEventLoop

    loop = QEventLoop(app)
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(crash.handle_loop_error)
    app.aboutToQuit.connect(loop.stop)
    with loop:
        loop.run_forever()


def window_numbers(bridge: Bridge) -> tuple[Watched, ...]:
    """Make the window's part of `/metrics`; read on the core loop, of values that one operation reads."""
    return (
        watched(
            "investiq_window_waiting",
            "Events that the window has not taken.",
            lambda: float(len(bridge.lane)),
        ),
        watched(
            "investiq_window_stall_seconds",
            "By how much the latest frame of the last minute was late.",
            lambda: bridge.stalls.worst_ms / 1000.0,
        ),
    )
