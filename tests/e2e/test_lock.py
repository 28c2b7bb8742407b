"""The window locked and unlocked by keyboard, with Halt in between, and what the record says of it."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from app import profile as profiles
from core.audit.verify import Verifier
from core.clock import SystemClock
from core.storage import vault
from core.storage.store import open_store
from tests.e2e.conftest import until

PASSPHRASE = "walnut ceiling grammar"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)


async def _actions(made: profiles.Profile) -> list[str]:
    key = vault.unlock(made.folder, PASSPHRASE).key
    store = open_store(made.database, key, create=False)
    try:
        assert not (await Verifier(store).verify()).faults
        return [each.action for each in await store.read(lambda reader: reader.audit_records(0, 1_000))]
    finally:
        await store.close_async()


def test_window_is_locked_halted_and_unlocked_by_keyboard(screen, program, tmp_path) -> None:
    made = profiles.create(tmp_path / "data", "desk", PASSPHRASE, cost=CHEAP)
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE + "\n")
    command = [*program, "--data-dir", str(tmp_path / "data"), "--profile", "desk"]
    running = subprocess.Popen(
        [*command, "--passphrase-file", str(secret)],
        env=screen.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        screen.focus(screen.window("InvestIQ, desk, SIM"))
        tries = made.folder / "unlock.tries"
        until(lambda: not tries.exists())

        screen.press("ctrl+l", "ctrl+shift+h")
        screen.type("another walnut grammar")
        screen.press("Return")
        until(tries.exists)
        until(lambda: _is_settled(tries))
        screen.type(PASSPHRASE)
        screen.press("Return")
        until(lambda: not tries.exists())

        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=30)
    finally:
        if running.poll() is None:
            os.kill(running.pid, signal.SIGKILL)
            running.wait()
    actions = asyncio.run(_actions(made))

    assert running.returncode == 0, errors
    wanted = [
        "session.locked",
        "trading_state.changed",
        "unlock.refused",
        "session.unlocked",
        "program.stopped",
    ]
    assert [each for each in actions if each in wanted] == wanted


def _is_settled(tries: Path) -> bool:
    # The field takes text again once the wrong try was told; nothing outside the program shows when.
    return SystemClock().now().timestamp() - tries.stat().st_mtime > 3
