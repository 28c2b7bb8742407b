"""Start-up validation: every check by name, pass or fail, and what to do."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from app.checks import Check, check
from app.opening import Invocation
from app.profile_checks import profile_checks
from core.clock import SystemClock
from core.errors import StorageError
from core.storage import vault

LEAST_FREE_BYTES = 512 * 1024 * 1024
LEAST_DAYS_AHEAD = 30
_REINSTALL = "run make setup, or install the program anew"

# The first part that counts, as docs/adr/0003 and pyproject.toml have it.
_PACKAGES: tuple[tuple[str, tuple[int, ...], tuple[int, ...] | None], ...] = (
    ("PySide6-Essentials", (6, 11), (6, 12)),
    ("SQLAlchemy", (2, 1), (2, 2)),
    ("sqlcipher3", (0, 6, 4), None),
    ("alembic", (1, 20), None),
    ("qasync", (0, 28), None),
    ("argon2-cffi", (25, 1), None),
    ("cryptography", (46,), None),
    ("numpy", (2, 2), None),
)


def run(invocation: Invocation, *, as_json: bool) -> int:
    """Check this computer and the profile that is meant; 1 if one check fails."""
    checks = [*_machine(invocation.data_dir), *profile_checks(invocation)]
    passed = all(each.passed for each in checks)
    if as_json:
        print(json.dumps({"ok": passed, "checks": [asdict(each) for each in checks]}))
        return 0 if passed else 1
    for each in checks:
        print(f"{'pass' if each.passed else 'FAIL'}  {each.name}: {each.found}")
        if each.advice:
            print(f"      what to do: {each.advice}")
    print("all checks passed" if passed else f"{sum(not each.passed for each in checks)} failed")
    return 0 if passed else 1


def _machine(data_dir: Path) -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")
    for name, least, below in _PACKAGES:
        yield _package(name, least, below)
    yield _window()
    yield _fonts()
    yield _cipher()
    yield _room(data_dir)
    yield _writable(data_dir)
    yield _keyring()
    yield _calendar()


def _package(name: str, least: tuple[int, ...], below: tuple[int, ...] | None) -> Check:
    wanted = f"{'.'.join(map(str, least))} or newer" + (
        f", below {'.'.join(map(str, below))}" if below else ""
    )
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(f"package {name}", passed=False, found="not installed", advice=_REINSTALL)
    parts = tuple(int(part) for part in found.split(".")[:3] if part.isdecimal())
    fits = parts >= least and (below is None or parts < below)
    return check(f"package {name}", fits, found, f"expected {wanted}: {_REINSTALL}")


def _window() -> Check:
    try:
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        return Check(
            "window",
            passed=False,
            found=str(error),
            advice="make setup as root installs the system libraries",
        )
    return Check("window", passed=True, found=f"{QApplication.__module__} can be loaded")


def _fonts() -> Check:
    spec = find_spec("fontpkg_ibm_plex_sans")
    roots = list(spec.submodule_search_locations or ()) if spec else []
    faces = [face for root in roots for face in Path(root).rglob("*.ttf")]
    return check("fonts", bool(faces), f"{len(faces)} faces of IBM Plex Sans", _REINSTALL)


def _cipher() -> Check:
    from core.storage.engine import cipher_version
    from core.storage.store import open_store

    if not cipher_version():
        return Check("cipher", passed=False, found="this Python's SQLite cannot encrypt", advice=_REINSTALL)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "probe.db"
        try:
            open_store(path, vault.create(Path(name), None), create=True).close()
            is_plain = path.read_bytes().startswith(b"SQLite")
        except StorageError as error:
            return Check("cipher", passed=False, found=str(error), advice=_REINSTALL)
    found = f"an encrypted database can be made; SQLCipher {cipher_version()}"
    return check("cipher", not is_plain, found if not is_plain else "the file is not encrypted", _REINSTALL)


def _room(data_dir: Path) -> Check:
    there = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    free = shutil.disk_usage(there).free
    advice = f"make room: at least {LEAST_FREE_BYTES >> 20} MB should be free"
    return check("disk space", free >= LEAST_FREE_BYTES, f"{free >> 20} MB free at {there}", advice)


def _writable(data_dir: Path) -> Check:
    there = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return Check("data folder", passed=True, found=str(data_dir))
    except OSError as error:
        found = f"{there} cannot be written: {error.strerror}"
        return Check(
            "data folder", passed=False, found=found, advice="check its permissions, or use --data-dir"
        )


def _keyring() -> Check:
    from core.adapters import keychain

    # No keyring is no fault: credentials then lie in the profile, encrypted.
    found = keychain.find()
    words = found.words if found.backend else f"{found.words}; credentials go to the profile's encrypted file"
    return Check("keyring", passed=True, found=words)


def _calendar() -> Check:
    today = SystemClock().now().date()
    try:
        from core.adapters.calendar import read_days

        days = read_days(today, today + timedelta(days=LEAST_DAYS_AHEAD))
    except (ImportError, ValueError, LookupError) as error:
        return Check("calendar", passed=False, found=f"cannot be read: {error}", advice=_REINSTALL)
    found = f"New York's market days are known to {days[-1].day}" if days else "no market day is known"
    return check("calendar", bool(days), found, _REINSTALL)
