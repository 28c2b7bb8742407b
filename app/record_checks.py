"""Start-up validation of a profile's record: the audit chain, its anchors, the clock and the backups."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.checks import DO_WHAT_IT_SAYS, Check, check, guarded
from app.profile import Profile
from core.clock import SystemClock
from core.errors import InvestIQError, StorageError
from core.ports.storage import Reader
from core.storage.vault import Key

if TYPE_CHECKING:
    from app.anchoring import Anchoring
    from core.storage.store import SqlStore

OLDEST_BACKUP = timedelta(hours=36)  # one is made a day
_BACK_UP = "run: investiq backup create, or look in the record why none could be made (backup.failed)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record_checks(profile: Profile, key: Key) -> Iterator[Check]:
    """Check the record of a profile that is held: the chain, its anchors, the clock and the backups."""
    from app.anchoring import find_anchoring
    from core.storage.store import open_store

    try:
        store = open_store(profile.database, key, create=False)
    except StorageError as error:
        yield Check("audit chain", passed=False, found=str(error), advice=DO_WHAT_IT_SAYS)
        return
    folder = profile.settings.anchor_folder
    try:
        with closing(store):
            anchoring = find_anchoring(profile.folder, key, store.installation_id, profile.name, folder)
            yield guarded("audit chain", lambda: _chain(store, anchoring))
            spanned = asyncio.run(store.read(_spanned))
            yield _clock(profile, spanned)
            yield guarded("backups", lambda: _backups(profile, spanned))
            if folder is not None:
                yield guarded("anchor folder", lambda: _anchor_folder(profile, store.installation_id, folder))
    except InvestIQError as error:
        yield Check("audit chain", passed=False, found=str(error), advice=DO_WHAT_IT_SAYS)


def _chain(store: "SqlStore", anchoring: "Anchoring | None") -> Check:
    from core.audit.verify import Verifier
    from core.portfolio.archive_check import FillCheck
    from core.storage.fill_files import fill_files_of
    from core.storage.segments import archives_of

    witnesses = anchoring.reading() if anchoring else None
    report = asyncio.run(Verifier(store, witnesses, archives_of(store.path)).verify())
    fills = asyncio.run(FillCheck(store, fill_files_of(store.path)).run(report))
    faults = [
        f"{f'record {fault.seq}' if fault.seq else 'anchors'}: {fault.reason}" for fault in report.faults
    ]
    faults += [f"archived fills: {fault}" for fault in fills.faults]
    if faults:
        advice = "stop trading on this profile, keep its files, and compare with a backup"
        return Check("audit chain", passed=False, found=faults[0], advice=advice)
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


@dataclass(frozen=True, slots=True)
class Spanned:
    """From when to when there are records; None where there are none."""

    first: datetime | None
    last: datetime | None


def _spanned(reader: Reader) -> Spanned:
    first = reader.audit_records(0, 1)
    last = reader.audit_records(max(0, reader.audit_head().seq - 1), 1)
    moments = [_EPOCH + timedelta(microseconds=each.ts_utc_us) for each in (*first, *last)]
    return Spanned(min(moments, default=None), max(moments, default=None))


def _clock(profile: Profile, spanned: Spanned) -> Check:
    now = SystemClock().now()
    if spanned.last is None:
        return Check("clock", passed=True, found=f"{now:%Y-%m-%d %H:%M:%S} UTC")
    ahead = (spanned.last - now).total_seconds()
    words = f"{now:%Y-%m-%d %H:%M:%S} UTC; the newest record is of {spanned.last:%Y-%m-%d %H:%M:%S} UTC"
    advice = "set this computer's clock right, and let it be kept so (NTP)"
    # How far it is off the broker's is measured while the program runs, and orders are held to it.
    return check("clock", ahead <= profile.settings.risk.clock_skew_s, words, advice)


def _backups(profile: Profile, spanned: Spanned) -> Check:
    from app.backing_up import backups_of
    from core.storage.backup_archive import opened
    from core.storage.backup_rotation import backups

    now = SystemClock().now()
    found = {path: at for path, at in backups(backups_of(profile.folder)).items() if at <= now}
    if not found:
        is_young = (
            spanned.first is None or spanned.last is None or spanned.last - spanned.first <= OLDEST_BACKUP
        )
        return check("backups", is_young, "none yet; one is made a day while the program runs", _BACK_UP)
    path, made_at = max(found.items(), key=lambda each: each[1])
    with opened(path) as archive:
        archive.verify()
    words = f"the newest, {path.name}, is whole and was made {made_at:%Y-%m-%d %H:%M:%S} UTC"
    # A profile that was not used since needs no newer one.
    is_young = spanned.last is None or spanned.last - made_at <= OLDEST_BACKUP
    return check("backups", is_young, words, _BACK_UP)
