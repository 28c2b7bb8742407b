"""Hears on D-Bus that the operating system locks its screen or is about to sleep.

Linux only: elsewhere nothing is heard, and the idle time and the clock's jump after a sleep have to do.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import SLOT, QObject, Signal, Slot

if TYPE_CHECKING:
    from PySide6.QtDBus import QDBusConnection

_SYSTEM_BUS = Path("/run/dbus/system_bus_socket")
_LOGIN = "org.freedesktop.login1"
_SCREENS = ("org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver")


class SystemLock(QObject):
    """Listens once it is told to; a bus that is not there is no fault.

    Attributes:
        locking: the screen is being locked, or the computer is about to sleep.
    """

    locking = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_listening = False

    def listen(self) -> int:
        """Begin to listen; return to how many signals; 0 without a bus, and the second time."""
        if self._is_listening or sys.platform != "linux":
            return 0
        self._is_listening = True
        has_session, has_system = _has_session_bus(), _has_system_bus()
        if not (has_session or has_system):
            return 0  # no thread of the library's is started for a bus that is not there
        from PySide6.QtDBus import QDBusConnection

        heard = 0
        if has_session:
            session = QDBusConnection.connectToBus(QDBusConnection.BusType.SessionBus, "investiq-session")
            for screen in _SCREENS:
                heard += _hear(session, "", screen, "ActiveChanged", self, "on_switched(bool)")
        if has_system:
            system = QDBusConnection.connectToBus(QDBusConnection.BusType.SystemBus, "investiq-system")
            heard += _hear(system, _LOGIN, f"{_LOGIN}.Manager", "PrepareForSleep", self, "on_switched(bool)")
            heard += _hear(system, _LOGIN, f"{_LOGIN}.Session", "Lock", self, "on_lock()")
        return heard

    @Slot(bool)
    def on_switched(self, is_on: bool) -> None:
        """Take the signal of a screen that is covered, or of a sleep that begins."""
        if is_on:
            self.locking.emit()

    @Slot()
    def on_lock(self) -> None:
        """Take the wish of the session's manager that the screen be locked."""
        self.locking.emit()


def _has_session_bus() -> bool:
    # Without an address the library would start a bus of its own, which nobody else speaks on.
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS")) or (
        bool(runtime) and Path(runtime, "bus").exists()
    )


def _has_system_bus() -> bool:
    return bool(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS")) or _SYSTEM_BUS.exists()


def _hear(
    bus: "QDBusConnection", service: str, interface: str, name: str, listener: SystemLock, slot: str
) -> int:
    if not bus.isConnected():
        return 0
    # No path: whichever object it is that says so.
    # WORKAROUND(PySide6 6.11): its stubs say bytes, and it takes what SLOT() gives only, a text.
    return int(bus.connect(service, "", interface, name, listener, cast("bytes", SLOT(slot))))
