"""A fall of the program writes its memory nowhere."""

import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.arch.source import ROOT

FALL = """
import ctypes, os, resource, signal, sys
sys.path.insert(0, {root!r})
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
from app.hardening import forbid_core_dumps
if {hardened}:
    forbid_core_dumps()
secret = "canary" * 1000
os.kill(os.getpid(), {number})
"""
ASKED = """
import ctypes, resource, sys
sys.path.insert(0, {root!r})
from app.hardening import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
MAIN = """
import resource, sys
sys.path.insert(0, {root!r})
from app.cli import main
main(["--data-dir", {folder!r}, "profile", "list"])
print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def fall(folder: Path, number: int, *, hardened: bool) -> int:
    """Let a child fall in a folder of its own; return how it ended."""
    program = FALL.format(root=str(ROOT), hardened=hardened, number=number)
    before = Path.cwd()
    os.chdir(folder)
    try:
        pid = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    finally:
        os.chdir(before)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT])
def test_child_that_falls_leaves_no_core_dump(tmp_path, number):
    status = fall(tmp_path, int(number), hardened=True)

    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == number
    assert not os.WCOREDUMP(status)
    assert not list(tmp_path.iterdir())


def test_child_that_is_not_hardened_dumps_where_the_system_lets_it(tmp_path):
    status = fall(tmp_path, int(signal.SIGABRT), hardened=False)

    # Else the test above would pass for another reason.
    may = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0 and _writes_files()
    assert os.WCOREDUMP(status) or not may


def _writes_files() -> bool:
    # A handler that it is piped to may be one that there is none of.
    return not Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")


def test_limits_are_zero_and_other_processes_are_shut_out(capfd):
    assert run(ASKED.format(root=str(ROOT)), capfd) == "(0, 0) 0"


def test_every_command_begins_with_it(tmp_path, capfd):
    assert run(MAIN.format(root=str(ROOT), folder=str(tmp_path)), capfd).endswith("(0, 0)")


def run(program: str, capfd) -> str:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    assert os.waitpid(pid, 0)[1] == 0
    return capfd.readouterr().out.strip()
