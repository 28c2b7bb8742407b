"""What a person should know: facts in the status bar, warnings as toasts, and all of it in a list."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QMenu, QWidget

from core.domain.alarms import Alarm
from core.domain.messages import AcknowledgeAlarms, AlarmsChanged, InOrder, LoadAlarms, Notice, Severity
from core.domain.risk import Verdict
from core.errors import (
    BadInput,
    BrokerRejected,
    BrokerUnavailable,
    InvestIQError,
    OutcomeUnknown,
    Refused,
    StorageError,
)
from ui import format as fmt
from ui.bridge import Bridge
from ui.our_time import utc_now
from ui.widgets.toast import Notice as Toast
from ui.widgets.toast import ToastStack

KEPT = 100
FACT_MS = 6000
_SHOWN = 12


def words_of(error: Exception) -> str:
    """Return an error in words for people: what happened, and what it means for their money."""
    match error:
        case Refused():
            if isinstance(error.cause, Verdict) and error.cause.breaches:
                return f"Refused: {error.cause.breaches[0].text} Nothing was sent."
            return error.message
        case BrokerRejected():
            return f"The broker refused it: {error.text} Nothing works there."
        case BrokerUnavailable():
            return f"The broker cannot be reached. Nothing was sent. {error}"
        case OutcomeUnknown():
            return f"The broker gave no answer. It may or may not have been accepted. {error}"
        case BadInput():
            return f"{error} Nothing was changed."
        case StorageError():
            return f"The database did not take it, so it did not happen. {error}"
        case InvestIQError():
            return str(error)
        case _:
            return f"Something went wrong that should not ({type(error).__name__}): {error}"


def words_of_failed_read(error: Exception) -> str:
    """Return why something could not be shown; nothing was asked for that could have happened."""
    match error:
        case BrokerUnavailable() | OutcomeUnknown():
            return f"The broker cannot be reached. {error}"
        case StorageError():
            return f"The database could not be read. {error}"
        case _:
            return words_of(error)


@dataclass(frozen=True, slots=True)
class Heard:
    """One notice of the list."""

    at: datetime
    severity: Severity
    text: str


class Notices(QObject):
    """Shows notices and failures, and keeps the newest hundred.

    Attributes:
        fact: words for the status bar; empty when their time is over.
        unread_changed: how many warnings nobody has looked at, and how many alarms nobody has seen.
    """

    fact = Signal(str)
    unread_changed = Signal(int)

    def __init__(self, bridge: Bridge, window: QWidget, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(window)
        self._now = now
        self._heard: list[Heard] = []
        self._unread = 0
        self._waiting: tuple[Alarm, ...] = ()
        self._bridge = bridge
        self.toasts = ToastStack(window)
        self._fact_over = QTimer(self, singleShot=True, interval=FACT_MS)
        self._fact_over.timeout.connect(lambda: self.fact.emit(""))
        bridge.in_order.connect(self._on_event)
        bridge.failure.connect(self.show_failure)
        bridge.catching_up.connect(self._on_catching_up)
        bridge.snapshot_loaded.connect(lambda _: bridge.send(LoadAlarms(), self._on_waiting))

    @property
    def heard(self) -> tuple[Heard, ...]:
        """The notices that are kept, newest first."""
        return tuple(self._heard)

    def say(self, text: str) -> None:
        """Show a fact in the status bar for a while."""
        self.fact.emit(text)
        self._fact_over.start()

    def warn(self, text: str, shape: Toast = Toast.WARNING, severity: Severity = Severity.WARNING) -> None:
        """Show a warning as a toast; the same words again raise its count."""
        self.toasts.show_toast(shape, text)
        self._keep(severity, text)

    def show_failure(self, error: Exception) -> None:
        """Show the error of a command that nobody else has shown."""
        self.warn(words_of(error), Toast.REFUSED)

    def menu(self, parent: QWidget) -> QMenu:
        """Return the newest notices as a menu, and count them as read; alarms wait until they are seen."""
        menu = QMenu(parent)
        if self._waiting:
            count = len(self._waiting)
            words = "Mark the alarm as seen" if count == 1 else f"Mark {count} alarms as seen"
            menu.addAction(words, self._acknowledge)
            menu.addSeparator()
        for each in self.heard[:_SHOWN]:
            text = each.text if len(each.text) <= 110 else each.text[:109] + "…"
            menu.addAction(f"{fmt.clock(each.at)}   {text}".replace("&", "&&"))
        if not self._heard:
            menu.addAction("Nothing to tell").setEnabled(False)
        self._unread = 0
        self._tell()
        return menu

    def _acknowledge(self) -> None:
        seen = tuple(alarm.alarm_id for alarm in self._waiting)
        self._bridge.send(AcknowledgeAlarms(seen), self._on_waiting)

    def _on_waiting(self, waiting: tuple[Alarm, ...]) -> None:
        self._waiting = waiting
        self._tell()

    def _tell(self) -> None:
        self.unread_changed.emit(self._unread + len(self._waiting))

    def _keep(self, severity: Severity, text: str) -> None:
        self._heard.insert(0, Heard(self._now(), severity, text))
        del self._heard[KEPT:]
        self._unread += severity is not Severity.ALARM  # those are counted until somebody has seen them
        self._tell()

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, AlarmsChanged):
            self._on_waiting(event.waiting)
        if not isinstance(event, Notice):
            return
        if event.severity is Severity.FACT:
            self.say(event.text)
        else:
            shape = Toast.REFUSED if event.severity is Severity.ALARM else Toast.WARNING
            self.warn(event.text, shape, event.severity)

    def _on_catching_up(self, is_behind: bool) -> None:
        self._fact_over.stop()
        self.fact.emit("Catching up: nothing new can be opened until it is done" if is_behind else "")
