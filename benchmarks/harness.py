"""What every benchmark needs: a peer in an environment of its own, a screen, and one shape of answer."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".benchmarks"
INSTALL_WITHIN_S = 900.0
RESAMPLES = 200
# Without bytecode every start would compile the program anew, which is nobody's start.
UNUSUAL = ("PYTHONDONTWRITEBYTECODE",)
SCREEN = (1920, 1080)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that ours is measured against, installed from the package registry.

    Attributes:
        name: as the tables name it.
        packages: what is installed.
        folder: its environment, in the root of this checkout.
    """

    name: str
    packages: tuple[str, ...]
    folder: str

    @property
    def venv(self) -> Path:
        """Where it is installed."""
        return ROOT / self.folder


VNPY = Peer("vn.py 4.5.0", ("vnpy==4.5.0", "msgspec"), ".venv-peer")
# The newest that runs on Python 3.11.
NAUTILUS = Peer("nautilus_trader 1.221.0", ("nautilus_trader==1.221.0",), ".venv-peer-nautilus")
PEER_NAME = VNPY.name


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        ours: our figure, in `unit`; the one that the bar is about. None: it could not be run.
        peer: the peer's or the limit's, in `unit`; None for "not run".
        bar: the most that ours may be.
        ok: whether every bar of this line is met.
        detail: the other figures of the same run.
    """

    name: str
    ours: float | None
    peer: float | None
    peer_name: str
    bar: float
    unit: str
    ok: bool
    detail: dict[str, Any]

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's; below 1 is better than the peer."""
        return round(self.ours / self.peer, 4) if self.peer and self.ours is not None else None


def report(row: Row) -> None:
    """Print one line for a person and one for a program."""
    ours = "not run" if row.ours is None else f"{row.ours:,.3f}"
    peer = "not run" if row.peer is None else f"{row.peer:,.3f}"
    ratio = "-" if row.ratio is None else f"{row.ratio:.3f}"
    print(f"{row.name:<52} {ours:>12} {peer:>12} {ratio:>9} {row.bar:>8g} {row.unit}  ({row.peer_name})")
    print("   " + "  ".join(f"{key} {value}" for key, value in row.detail.items()))
    print(json.dumps({**asdict(row), "ratio": row.ratio}), flush=True)


def head() -> None:
    """Print the head of the table."""
    print(f"{'':<52} {'ours':>12} {'peer':>12} {'ratio':>9} {'bar':>8}")


def spread(samples: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p99 and the greatest of at least two samples."""
    cuts = quantiles(samples, n=100, method="inclusive")
    return cuts[49], cuts[98], max(samples)


def interval(samples: Sequence[float], percent: int) -> list[float]:
    """Return the 95 % bootstrap interval of a percentile, seeded, so that it repeats."""
    source = random.Random(5)
    found = sorted(
        quantiles(source.choices(samples, k=len(samples)), n=100, method="inclusive")[percent - 1]
        for _ in range(RESAMPLES)
    )
    return [round(found[round(RESAMPLES * part) - 1], 3) for part in (0.025, 0.975)]


def keep(name: str, samples: object) -> None:
    """Save raw samples for whoever doubts a figure; the newest run replaces the one before."""
    SCRATCH.mkdir(exist_ok=True)
    (SCRATCH / f"{name}.json").write_text(json.dumps(samples))


@contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder on the disk of this checkout (a temporary folder may be memory)."""
    SCRATCH.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def peer_python(peer: Peer = VNPY) -> Path | None:
    """Return the peer's interpreter, installed on first use; None where that fails."""
    done, python = peer.venv / ".ready", peer.venv / "bin" / "python"
    if done.exists():
        return python
    for command in (
        [sys.executable, "-m", "venv", str(peer.venv)],
        [str(python), "-m", "pip", "install", "--quiet", *peer.packages],
    ):
        try:
            made = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            _note(f"{peer.name} cannot be installed: {error}")
            return None
        if made.returncode:
            _note(f"{peer.name} cannot be installed: {made.stderr.strip()[-400:]}")
            return None
    done.touch()
    return python


def peer_home(peer: Peer = VNPY) -> Path:
    """Return the folder in which the peer keeps its settings."""
    home = peer.venv / "home"
    (home / ".vntrader").mkdir(parents=True, exist_ok=True)
    return home


def run_peer(
    script: str, *arguments: str, within_s: float, screen: str | None = None, peer: Peer = VNPY
) -> Any:
    """Run one script of `benchmarks/peers` in the peer's environment.

    Args:
        script: its name.
        arguments: handed on.
        within_s: it is ended after that many seconds.
        screen: an X display; None for offscreen.
        peer: whose environment.

    Returns:
        What its last line says, as JSON; None where it could not run. Why goes to standard error.
    """
    python = peer_python(peer)
    if python is None:
        return None
    command = [str(python), str(ROOT / "benchmarks" / "peers" / script), *arguments]
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
            cwd=peer_home(peer),
            env=window_environment(screen),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _note(f"{script}: {error}")
        return None
    lines = ran.stdout.strip().splitlines()
    if ran.returncode or not lines:
        _note(f"{script}: exit {ran.returncode}: {ran.stderr.strip()[-800:]}")
        return None
    return json.loads(lines[-1])


def window_environment(screen: str | None) -> dict[str, str]:
    """Return the environment for a program with a window on an X display, or offscreen."""
    kept = {name: value for name, value in os.environ.items() if name not in UNUSUAL}
    if screen is None:
        return {**kept, "QT_QPA_PLATFORM": "offscreen"}
    return {**kept, "QT_QPA_PLATFORM": "xcb", "DISPLAY": screen}


@contextmanager
def virtual_screen(size: tuple[int, int] = SCREEN) -> Iterator[str | None]:
    """Give an X display of its own, on a number that is free; None where there is no Xvfb."""
    program = shutil.which("Xvfb")
    if program is None:
        _note("there is no Xvfb here: windows are drawn offscreen")
        yield None
        return
    reader, writer = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writer), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"],
        pass_fds=(writer,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as answers:
            number = answers.readline().strip()
        yield f":{number}" if number else None
    finally:
        server.terminate()
        server.wait(10)
