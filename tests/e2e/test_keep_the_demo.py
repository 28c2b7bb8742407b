"""The demo kept by keyboard alone, opened again from the command line, and checked from outside."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import until

NAME, PASSPHRASE = "desk", "four plain words do well"
PROFILE_IN_USE = 5


@contextmanager
def running(screen, command):
    """Run the program with a window; it is ended as a session manager ends it."""
    process = subprocess.Popen(command, env=screen.environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def keep(screen, data_dir: Path) -> None:
    """Find the command in the palette, and answer its three sheets."""
    screen.press("ctrl+k")
    screen.type("keep")
    screen.press("Return")
    for text in (NAME, PASSPHRASE, PASSPHRASE):
        screen.type(text)
        screen.press("Return")
    until(lambda: list(data_dir.glob("demo-*/kept-as")), within_s=10)


def test_kept_demo_opens_again_holds_its_chain_and_opens_once(screen, program, tmp_path):
    data_dir, secret = tmp_path / "data", tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    secret.chmod(0o600)
    again = [*program, "--data-dir", str(data_dir), "--profile", NAME, "--passphrase-file", str(secret)]

    with running(screen, [*program, "--data-dir", str(data_dir), "--demo"]):
        screen.focus(screen.window("InvestIQ, demo, SIM"))
        keep(screen, data_dir)
    kept = sorted(path.name for path in (data_dir / "profiles").iterdir())

    with running(screen, again):
        screen.window(f"InvestIQ, {NAME}, SIM")
        second = subprocess.run(again, env=screen.environment, capture_output=True, text=True, check=False)

    verified = subprocess.run(
        [*again, "audit", "verify", "--json"], capture_output=True, text=True, check=False
    )
    report = json.loads(verified.stdout)

    assert kept == [NAME]
    assert not list(data_dir.glob("demo-*"))
    assert second.returncode == PROFILE_IN_USE, second.stderr
    assert verified.returncode == 0, verified.stderr
    assert (report["ok"], report["faults"]) == (True, [])
    assert report["verified_to"] > 0
