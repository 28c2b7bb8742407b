"""A real screen without a monitor: Xvfb, and keys pressed as a person presses them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from core.clock import SystemClock

START_WITHIN_S = 60.0


class Screen:
    """One X display, driven by xdotool."""

    def __init__(self, display: str) -> None:
        self.environment = {
            **os.environ,
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "QT_XCB_NO_XI2_MOUSE": "1",
        }

    def run(self, *command: str) -> str:
        """Run a program on this display and return what it prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def window(self, title: str) -> str:
        """Wait until a window with this title is mapped; return its number."""
        search = ("xdotool", "search", "--onlyvisible", "--name", title)
        return until(lambda: self.run(*search).splitlines()[:1])[0]

    def focus(self, window: str) -> None:
        """Give a window the keyboard; there is no window manager that would."""
        self.run("xdotool", "windowfocus", "--sync", window)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.run("xdotool", "key", "--clearmodifiers", key)

    def type(self, text: str) -> None:
        """Type text."""
        self.run("xdotool", "type", "--delay", "15", text)

    def picture(self, path: Path) -> None:
        """Save what is on the screen."""
        self.run("import", "-window", "root", str(path))


def until(question, within_s: float = START_WITHIN_S):
    """Ask until there is an answer."""
    clock, pause = SystemClock(), Event()
    deadline = clock.monotonic() + within_s
    while not (answer := question()):
        if clock.monotonic() > deadline:
            raise AssertionError("nothing happened in time")
        pause.wait(0.05)  # another process: there is no event to wait for
    return answer


@pytest.fixture
def screen() -> Iterator[Screen]:
    """Start a display of 1600 x 1000 and end it again."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=(writer,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        yield Screen(f":{number}")
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def program() -> list[str]:
    """How the program is started: as a person does, without an installer."""
    return [sys.executable, "-m", "app"]
