"""Start-up validation: every check by name, pass or fail, and what to do."""

import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from app.admission import held_alone
from app.opening import NOT_USED_YET, Invocation, check_may_start, let_in, schema_of, usual_profile
from app.profile import Profile, load
from core.clock import SystemClock
from core.domain.access import Mode, Role
from core.errors import InvestIQError, ProfileInUse, StorageError
from core.settings import ProfileSettings
from core.storage import vault
from core.storage.vault import Key

if TYPE_CHECKING:
    from app.anchoring import Anchoring
    from core.storage.store import SqlStore

OLDEST_KEY_DAYS = 730  # of the database; a passphrase has no age (NIST SP 800-63B-4, 3.1.1.2)
LEAST_FREE_BYTES = 512 * 1024 * 1024
_DO_WHAT_IT_SAYS = "do what the message says, then run this again"
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


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at.

    Attributes:
        found: what is there.
        advice: what to do; empty when it passed.
    """

    name: str
    passed: bool
    found: str
    advice: str = ""


def run(invocation: Invocation, *, as_json: bool) -> int:
    """Check this computer and the profile that is meant; 1 if one check fails."""
    checks = [*_machine(invocation.data_dir), *_profile(invocation)]
    passed = all(check.passed for check in checks)
    if as_json:
        print(json.dumps({"ok": passed, "checks": [asdict(check) for check in checks]}))
        return 0 if passed else 1
    for check in checks:
        print(f"{'pass' if check.passed else 'FAIL'}  {check.name}: {check.found}")
        if check.advice:
            print(f"      what to do: {check.advice}")
    print("all checks passed" if passed else f"{sum(not check.passed for check in checks)} failed")
    return 0 if passed else 1


def _machine(data_dir: Path) -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield _check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")
    for name, least, below in _PACKAGES:
        yield _package(name, least, below)
    yield _window()
    yield _fonts()
    yield _cipher()
    yield _room(data_dir)
    yield _writable(data_dir)
    yield _keyring()


def _check(name: str, passed: bool, found: str, advice: str) -> Check:  # noqa: FBT001 - the outcome itself
    return Check(name, passed, found, "" if passed else advice)


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
    return _check(f"package {name}", fits, found, f"expected {wanted}: {_REINSTALL}")


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
    return _check("fonts", bool(faces), f"{len(faces)} faces of IBM Plex Sans", _REINSTALL)


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
    return _check("cipher", not is_plain, found if not is_plain else "the file is not encrypted", _REINSTALL)


def _room(data_dir: Path) -> Check:
    there = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    free = shutil.disk_usage(there).free
    advice = f"make room: at least {LEAST_FREE_BYTES >> 20} MB should be free"
    return _check("disk space", free >= LEAST_FREE_BYTES, f"{free >> 20} MB free at {there}", advice)


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


def _live_gate(settings: ProfileSettings | None, variables: Mapping[str, str]) -> Check:
    is_open = variables.get("LIVE_TRADING_APPROVED") == "yes"
    found = "open: live profiles may start, and ask again" if is_open else "closed: no live profile starts"
    is_wanted = settings is not None and settings.mode is Mode.LIVE
    return _check(
        "live gate", is_open or not is_wanted, found, "set LIVE_TRADING_APPROVED=yes if this is meant"
    )


def _profile(invocation: Invocation) -> Iterator[Check]:
    name = usual_profile(invocation)
    if name is None:
        yield _live_gate(None, invocation.variables)
        yield Check("profile", passed=True, found="none named and none used yet; nothing to check")
        return
    try:
        profile = load(invocation.data_dir, name)
        yield _live_gate(profile.settings, invocation.variables)
        check_may_start(profile, invocation.variables)
    except InvestIQError as error:
        yield Check("settings", passed=False, found=str(error), advice="correct what is named and try again")
        return
    yield Check("settings", passed=True, found=f"profile {name}, mode {profile.settings.mode}")
    yield _permissions(profile)
    with ExitStack() as held:
        try:
            held.enter_context(held_alone(profile))
        except (ProfileInUse, StorageError) as error:
            advice = "end the other instance; the database can be checked only then"
            yield Check("one instance", passed=False, found=str(error), advice=advice)
            return
        yield Check("one instance", passed=True, found="no other instance has the profile")
        yield from _database(profile, invocation)


def _permissions(profile: Profile) -> Check:
    if sys.platform == "win32":
        return Check("permissions", passed=True, found="kept by the user's own folder")
    open_to_others = [
        path.name
        for path in (profile.folder, *profile.folder.iterdir())
        if stat.S_IMODE(path.stat().st_mode) & 0o077 or path.stat().st_uid != os.geteuid()
    ]
    found = (
        f"open to others: {', '.join(open_to_others)}"
        if open_to_others
        else "folder and files are yours alone"
    )
    return _check("permissions", not open_to_others, found, f"run: chmod -R go= '{profile.folder}'")


def _database(profile: Profile, invocation: Invocation) -> Iterator[Check]:
    if profile.is_new:
        yield Check("database", passed=True, found=f"none yet; {NOT_USED_YET}")
        yield from _credentials(profile, None)
        return
    keys: list[Key] = []
    yield _guarded("passphrase", lambda: _unlocked(profile, invocation, keys))
    if not keys:
        return
    yield _guarded("keys", lambda: _keys(profile))
    yield from _credentials(profile, keys[0])
    schema = _guarded("database schema", lambda: _schema(profile, keys[0]))
    yield schema
    if schema.passed:
        yield _guarded("users", lambda: _users(profile, keys[0]))
        yield from _record(profile, keys[0])


def _credentials(profile: Profile, key: Key | None) -> Iterator[Check]:
    from app.secrets import command, needed, open_secrets

    names = needed(profile.settings)
    if not names:
        yield Check("credentials", passed=True, found="none needed")
        return
    try:
        there = {each.name: each.place for each in open_secrets(profile, key).names()}
    except InvestIQError as error:
        yield Check("credentials", passed=False, found=str(error), advice=_DO_WHAT_IT_SAYS)
        return
    for name in names:
        found = f"{name} in {there[name]}" if name in there else f"{name} is not stored"
        yield _check("credentials", name in there, found, f"run: {command(profile, name)}")


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except InvestIQError as error:
        return Check(name, passed=False, found=str(error), advice=_DO_WHAT_IT_SAYS)


def _unlocked(profile: Profile, invocation: Invocation, keys: list[Key]) -> Check:
    unlocked = let_in(profile, invocation)
    keys.append(unlocked.key)
    return Check("passphrase", passed=True, found=f"opens the slot of user {unlocked.user}")


def _keys(profile: Profile) -> Check:
    now, found = SystemClock().now(), vault.ages(profile.folder)
    made = found.data_key
    words = [f"database {_age(made, now)}", *(f"{user} {_age(at, now)}" for user, at in found.passphrases)]
    words.append("no recovery key" if found.recovery is None else f"recovery key {_age(found.recovery, now)}")
    if vault.has_keyring(profile.folder):
        words.append("the keyring opens it unasked")
    is_young = made is None or (now - made).days <= OLDEST_KEY_DAYS
    return _check("keys", is_young, "; ".join(words), "run: investiq keys rotate")


def _age(at: datetime | None, now: datetime) -> str:
    return "of unknown age" if at is None else f"{max(0, (now - at).days)} days old"


def _users(profile: Profile, key: Key) -> Check:
    from core.access.users import present
    from core.storage.user_store import stored_users

    roles = {each.name: each.role for each in present(stored_users(profile.database, key))}
    slots = vault.users(profile.folder)
    strangers = [name for name in slots if name not in roles]
    if strangers:
        advice = f"run: investiq users add {strangers[0]} --role viewer, or users remove"
        return Check("users", passed=False, found=f"without a role: {', '.join(strangers)}", advice=advice)
    is_ruled = any(roles[name] == Role.ADMIN for name in slots)
    found = ", ".join(f"{name} {role}" for name, role in roles.items()) or "nobody"
    return _check("users", is_ruled, found, "no administrator has a passphrase; use the recovery key")


def _schema(profile: Profile, key: Key) -> Check:
    schema = schema_of(profile.database, key)
    return _check(
        "database schema",
        schema.is_current,
        f"{schema.revision} of {schema.known}",
        "run: investiq db upgrade",
    )


def _record(profile: Profile, key: Key) -> Iterator[Check]:
    from app.anchoring import find_anchoring
    from core.storage.store import open_store

    try:
        store = open_store(profile.database, key, create=False)
    except StorageError as error:
        yield Check("audit chain", passed=False, found=str(error), advice=_DO_WHAT_IT_SAYS)
        return
    folder = profile.settings.anchor_folder
    try:
        with closing(store):
            anchoring = find_anchoring(profile.folder, key, store.installation_id, profile.name, folder)
            yield _guarded("audit chain", lambda: _chain(store, anchoring))
            if folder is not None:
                yield _guarded(
                    "anchor folder", lambda: _anchor_folder(profile, store.installation_id, folder)
                )
    except InvestIQError as error:
        yield Check("audit chain", passed=False, found=str(error), advice=_DO_WHAT_IT_SAYS)


def _chain(store: "SqlStore", anchoring: "Anchoring | None") -> Check:
    import asyncio

    from core.audit.verify import Verifier
    from core.storage.segments import archives_of

    witnesses = anchoring.reading() if anchoring else None
    report = asyncio.run(Verifier(store, witnesses, archives_of(store.path)).verify())
    if report.faults:
        fault = report.faults[0]
        where = f"record {fault.seq}" if fault.seq else "anchors"
        advice = "stop trading on this profile, keep its files, and compare with a backup"
        return Check("audit chain", passed=False, found=f"{where}: {fault.reason}", advice=advice)
    anchors = ", ".join(report.anchors) or "nothing outside itself yet"
    silent = "".join(f"; no answer from {each}" for each in report.silent)
    return Check(
        "audit chain",
        passed=True,
        found=f"verified to {report.verified_to}; held against: {anchors}{silent}",
    )


def _anchor_folder(profile: Profile, installation_id: str, folder: Path) -> Check:
    from app.anchoring import folder_anchor

    kept = len(folder_anchor(profile.folder, installation_id, folder).lines())
    is_apart = folder.stat().st_dev != profile.folder.stat().st_dev
    words = "" if is_apart else "; it is on the disk of the profile, and would be lost with it"
    return Check("anchor folder", passed=True, found=f"{kept} signed heads in {folder}{words}")
