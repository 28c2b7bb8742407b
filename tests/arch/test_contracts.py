"""The import contracts are kept, and each of them bites: a contract never seen to fail is decoration."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
LINT = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(cache_dir=None))"

# contract, the module that gets a line too many, the line
FORBIDDEN = [
    ("direction", "core/bus.py", "import ui"),
    ("direction", "core/errors.py", "import app"),
    ("direction", "ui/format.py", "import app"),
    ("core-layers", "core/errors.py", "from core import clock"),
    ("core-layers", "core/ids.py", "from core import clock"),
    ("core-layers", "core/domain/money.py", "from core import bus"),
    ("core-layers", "core/risk/__init__.py", "import core.state"),
    ("core-layers", "core/storage/__init__.py", "import core.adapters"),
    ("core-layers", "core/agent/__init__.py", "import core.api"),
    ("core-layers", "core/new_room.py", "import core.errors"),
    ("handed-in", "core/orders/__init__.py", "import core.storage"),
    ("handed-in", "core/agent/__init__.py", "import core.adapters"),
    ("handed-in", "core/api/__init__.py", "import core.storage"),
    ("outside-world", "core/adapters/__init__.py", "import core.state"),
    ("outside-world", "core/storage/__init__.py", "from core import bus"),
    ("broker-port", "core/agent/__init__.py", "import core.ports.broker"),
    ("broker-port", "core/signals/__init__.py", "from core.ports import broker"),
    ("window", "ui/format.py", "from core import clock"),
    ("window", "ui/format.py", "from core.orders import extra"),
    ("no-qt", "core/errors.py", "from PySide6.QtCore import QObject"),
    ("no-qt", "core/clock.py", "import pyqtgraph"),
    ("no-qt", "core/bus.py", "import qasync"),
]


def rooms() -> list[str]:
    """Return every room of core that the contracts name, also those of later issues."""
    layers = " | ".join(CONTRACTS["core-layers"]["layers"]).split(" | ")
    return [layer.strip("()") for layer in layers]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sources in which every room exists and has something to import."""
    for package in ("app", "ui", "core"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "tests/arch", tmp_path / "tests/arch", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in rooms():
        if not (tmp_path / f"core/{room}.py").exists():
            (tmp_path / f"core/{room}").mkdir(exist_ok=True)
            (tmp_path / f"core/{room}/__init__.py").touch()
    (tmp_path / "core/orders/extra.py").touch()
    return tmp_path


def test_contracts_of_the_tree_are_kept():
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout


def test_contracts_of_the_copy_are_kept_before_anything_is_injected(copy):
    done = lint(copy)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("contract", "module", "line"), FORBIDDEN)
def test_contract_refuses_forbidden_import(copy, contract, module, line):
    target = copy / module
    target.write_text(f"{target.read_text() if target.exists() else ''}\n{line}\n")

    done = lint(copy)

    assert done.returncode == 1
    assert f"{CONTRACTS[contract]['name']} BROKEN" in " ".join(done.stdout.split()), done.stdout


def test_contracts_are_all_seen_to_fail():
    assert {contract for contract, _, _ in FORBIDDEN} == set(CONTRACTS)
