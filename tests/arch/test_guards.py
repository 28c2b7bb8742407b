"""The guards of the suite bite: a test that warns or leaves this computer fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.source import ROOT

PASSES = {
    "quiet": "def test_it(): pass",
    "expected": (
        "import logging\n"
        "def test_it(expected_log):\n"
        "    expected_log('order.went_missing')\n"
        "    logging.getLogger('core').warning('order.went_missing')"
    ),
    "information": "import structlog\ndef test_it(): structlog.get_logger().info('order.submitted', n=1)",
    "loopback": (
        "import socket\n"
        "def test_it():\n"
        "    with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "        socket.create_connection(server.getsockname()).close()"
    ),
}
FAILS = {
    "logging": "import logging\ndef test_it(): logging.getLogger('core').warning('order.went_missing')",
    "structlog": "import structlog\ndef test_it(): structlog.get_logger().error('order.went_missing', n=1)",
    "another": (
        "import logging\n"
        "def test_it(expected_log):\n"
        "    expected_log('order.went_missing')\n"
        "    logging.getLogger('core').warning('order.went_missing')\n"
        "    logging.getLogger('core').warning('feed.went_silent')"
    ),
    "absent": "def test_it(expected_log): expected_log('order.went_missing')",
    "outside": (
        "import socket\n"
        "def test_it():\n"
        "    try:\n"
        "        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))\n"
        "    except RuntimeError:\n"
        "        pass"
    ),
    "lookup": "import socket\ndef test_it(): socket.getaddrinfo('example.test', 80)",
    "warning": "import warnings\ndef test_it(): warnings.warn('old', DeprecationWarning)",
}


def run(folder: Path, text: str) -> int:
    (folder / "test_it.py").write_text(text)
    plugins = ["-p", "tests.guards", "-p", "no:cacheprovider"]
    settings = ["-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *settings, "."]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize("text", PASSES.values(), ids=PASSES)
def test_guard_lets_through_what_is_harmless(tmp_path, text):
    assert run(tmp_path, text) == pytest.ExitCode.OK


@pytest.mark.parametrize("text", FAILS.values(), ids=FAILS)
def test_guard_fails_what_is_not(tmp_path, text):
    assert run(tmp_path, text) == pytest.ExitCode.TESTS_FAILED
