"""Crash files: a reference and a traceback, no secrets and no local variables."""

import asyncio
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import crash
from app.crash import CrashFiles
from core.clock import ManualClock
from tests.arch.source import ROOT

SECRET = "q7Zt0b1hM2x9aPQ4"


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[str, BaseException]] = []

    def __call__(self, reference: str, error: BaseException) -> None:
        self.calls.append((reference, error))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def files(tmp_path: Path, told: Told):
    made = CrashFiles(tmp_path / "crashes", told, ManualClock())
    yield made
    made.close()


def _raised() -> ValueError:
    with pytest.raises(ValueError, match="token") as caught:
        _fail(SECRET)
    return caught.value


def _fail(hidden_local: str) -> None:
    raise ValueError(f"token={hidden_local}")


def test_crash_file_has_reference_and_trace_and_no_secret(files, tmp_path):
    reference = files.record(_raised(), "desk")

    (path,) = (tmp_path / "crashes").iterdir()
    text = path.read_text()
    assert reference in path.name
    assert f"reference {reference}" in text
    assert "where desk" in text
    assert "in _fail" in text
    assert SECRET not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_crash_files_are_bounded_in_number(files, tmp_path, monkeypatch):
    monkeypatch.setattr(crash, "MOST_FILES", 3)

    last = [files.record(_raised()) for _ in range(6)][-1]

    found = list((tmp_path / "crashes").iterdir())
    assert len(found) == 3
    assert last


def test_crash_that_cannot_be_written_still_has_a_reference(tmp_path, told):
    (tmp_path / "crashes").write_text("a file in the folder's place")
    files = CrashFiles(tmp_path / "crashes", told)

    files.install()
    reference = files.record(_raised())
    files.close()

    assert len(reference) == 8


def test_crash_in_a_thread_is_recorded_and_told(files, told, tmp_path, expected_log):
    expected_log("crash.recorded")
    files.install()
    error = _raised()

    def fail() -> None:
        raise error

    thread = threading.Thread(target=fail, name="lane")
    thread.start()
    thread.join()

    ((reference, found),) = told.calls
    assert found is error
    (path,) = (tmp_path / "crashes").glob("2*.txt")
    assert reference in path.name
    assert "where thread lane" in path.read_text()


def test_crash_in_a_loop_is_recorded_and_told(files, told, expected_log):
    expected_log("crash.recorded")
    error = _raised()
    files.install()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(crash.handle_loop_error)
        loop.call_soon(_throw, error)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "only words"})

    asyncio.run(main())

    assert told.calls[0][1] is error
    assert str(told.calls[1][1]) == "only words"


class Falls:
    """Raises while it is taken away, where nothing can catch it."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __del__(self) -> None:
        raise self._error


def test_crash_where_nothing_can_catch_it_is_recorded_and_told(files, told, expected_log, monkeypatch):
    expected_log("crash.recorded")
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    error = _raised()
    files.install()

    falls = Falls(error)
    del falls

    assert [found for _, found in told.calls] == [error]


def test_crash_in_a_loop_without_crash_files_is_logged(expected_log):
    expected_log("only words")

    async def main() -> None:
        crash.handle_loop_error(asyncio.get_running_loop(), {"message": "only words"})

    asyncio.run(main())


def _throw(error: BaseException) -> None:
    raise error


CHILD = """
import os, sys
from pathlib import Path
from app.crash import CrashFiles
files = CrashFiles(Path(sys.argv[2]), lambda reference, error: print("told", reference, file=sys.stderr))
files.install()
if sys.argv[1] == "abort":
    os.abort()
if sys.argv[1] == "interrupt":
    raise KeyboardInterrupt
raise ValueError("token=" + "q7Zt0b1hM2x9aPQ4")
"""


def _child(how: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, how, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def test_uncaught_error_of_a_process_leaves_a_file_and_no_traceback_on_the_screen(tmp_path):
    done = _child("raise", tmp_path)

    assert done.stderr.startswith("told ")
    assert "Traceback" not in done.stderr
    (path,) = tmp_path.glob("2*.txt")
    assert done.stderr.split()[1] in path.name
    assert SECRET not in path.read_text()


def test_interrupted_process_leaves_no_crash_file(tmp_path):
    _child("interrupt", tmp_path)

    assert not list(tmp_path.glob("2*.txt"))


def test_fall_of_the_interpreter_leaves_its_stack(tmp_path):
    done = _child("abort", tmp_path)

    assert done.returncode < 0
    (path,) = tmp_path.glob("fault-*.txt")
    assert "Fatal Python error: Aborted" in path.read_text()
