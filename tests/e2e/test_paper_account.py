"""A paper account in the real window, by keyboard alone; the broker's own server is the witness.

Everything is a process of its own: the window, the commands, and the local server of Alpaca's protocol,
which is killed in the middle and goes on from its ledger.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.source import ROOT
from tests.e2e.conftest import until

PASSPHRASE = "walnut ceiling grammar"
ADDRESSES = ("trading_url", "trade_stream_url", "data_url", "data_stream_url")


class Server:
    """The local Alpaca server as a program, which can be killed and begun again on the same ports."""

    def __init__(self, ledger: Path) -> None:
        self._command = [
            sys.executable,
            "-m",
            "tests.servers.alpaca",
            "--speed",
            "1",
            "--ledger",
            str(ledger),
        ]
        self._ports = ["--port", "0", "--data-port", "0"]
        self.begin()

    def begin(self) -> None:
        self._process = subprocess.Popen(
            [*self._command, *self._ports], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.facts = json.loads(self._process.stdout.readline())
        ports = [self.facts[name].rpartition(":")[2] for name in ("trading_url", "data_url")]
        self._ports = ["--port", ports[0], "--data-port", ports[1]]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, path: str) -> dict:
        with urllib.request.urlopen(f"{self.facts['trading_url']}{path}", timeout=10) as answer:
            return json.load(answer)

    def orders(self) -> list[dict]:
        return self.ask("/_sim/state")["orders"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "server.ledger")
    yield made
    made.kill()


def private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@pytest.fixture
def investiq(program, server, tmp_path) -> list[str]:
    """A paper profile with its keys, made by the program's own commands."""
    opens = private(tmp_path / "passphrase", f"{PASSPHRASE}\n")
    keys = private(tmp_path / "keys", f"{server.facts['key_id']}\n{server.facts['secret']}\n")
    command = [*program, "--data-dir", str(tmp_path / "root"), "--passphrase-file", str(opens)]
    without_keyring = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    subprocess.run([*command, "profile", "create", "paper", "--mode", "paper"], check=True)
    lines = ["\n[alpaca]", *(f'{name} = "{server.facts[name]}"' for name in ADDRESSES), ""]
    with (tmp_path / "root" / "profiles" / "paper" / "profile.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))
    command += ["--profile", "paper"]
    store = [*command, "secrets", "set", "alpaca.paper", "--from-file", str(keys)]
    subprocess.run(store, check=True, env=without_keyring)
    return command


def test_paper_account_trades_by_keyboard_and_outlives_its_broker(screen, investiq, server):
    running = subprocess.Popen(
        investiq,
        env={**screen.environment, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        screen.focus(screen.window("InvestIQ"))
        until(lambda: _send_limit(screen, server, 1))
        before = server.ask("/_sim/journal")["posts"]
        server.kill()
        server.begin()
        until(lambda: _send_limit(screen, server, 2))
        orders, after = server.orders(), server.ask("/_sim/journal")["posts"]
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=30)
    finally:
        if running.poll() is None:
            os.kill(running.pid, signal.SIGKILL)
            running.wait()

    assert running.returncode == 0, errors
    assert sorted(order["qty"] for order in orders) == ["1", "2"]
    assert {order["status"] for order in orders} == {"filled"}
    assert all(order["client_order_id"].startswith("IQ-") for order in orders)
    assert {**before, **after} == {order["client_order_id"]: 1 for order in orders}
    assert subprocess.run([*investiq, "audit", "verify"], check=False).returncode == 0


def _send_limit(screen, server: Server, wanted: int) -> bool:
    # At any time of day: a limit order, whose price the ticket takes from the market.
    screen.press("ctrl+5", "ctrl+a")
    screen.type(str(wanted))
    screen.press("Tab", "Up", "Up", "Up", "Up", "Down", "ctrl+Return")
    try:
        return bool(until(lambda: len(server.orders()) >= wanted, within_s=3.0))
    except AssertionError:  # refused, for the program was not ready yet: press again
        return False
