"""The first minute in the real window, by keyboard alone; the exchange's own ledger is the witness."""

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.e2e.conftest import until


def facts(data_dir: Path) -> list[dict]:
    """Read the exchange's ledger, which the program never reads back while it runs."""
    found = []
    for ledger in data_dir.glob("demo-*/exchange.ledger"):
        for line in ledger.read_text().splitlines():
            try:
                found += json.loads(line)["facts"]
            except ValueError:
                continue  # the last line may still be on its way
    return found


def orders(data_dir: Path) -> list[dict]:
    return [fact for fact in facts(data_dir) if fact["kind"] == "order"]


def fills(data_dir: Path) -> list[dict]:
    return [fact for fact in facts(data_dir) if fact["kind"] == "report" and "trade" in json.dumps(fact)]


def test_first_minute_by_keyboard_fills_one_order_and_refuses_the_second(screen, program, tmp_path):
    running = subprocess.Popen(
        [*program, "--data-dir", str(tmp_path), "--demo"],
        env=screen.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        window = screen.window("InvestIQ")
        until(lambda: facts(tmp_path))
        screen.focus(window)
        screen.press("ctrl+5")
        until(lambda: _press_and_look(screen, tmp_path))
        first = len(orders(tmp_path))
        screen.press("ctrl+5", "ctrl+a")
        screen.type("500")
        screen.press("ctrl+Return")
        screen.press("ctrl+Return")
        screen.picture(tmp_path / "refused.png")
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=30)
    finally:
        if running.poll() is None:
            os.kill(running.pid, signal.SIGKILL)
            running.wait()

    assert running.returncode == 0, errors
    assert first == 1
    assert not list(tmp_path.glob("demo-*")), "the demo's folder outlived it"


def _press_and_look(screen, data_dir: Path) -> bool:
    if not orders(data_dir):
        screen.press("ctrl+Return")
    return bool(fills(data_dir))
