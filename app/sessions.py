"""The lives of profiles: what is opened, in which order, and what is left behind.

Runs on the core thread, where the slow imports belong: the window is painted before them.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from app.instance import ProfileLock
from app.options import DesktopOptions, Kind
from app.runtime import Running, WindowConfirmer
from core.access.users import role_of
from core.clock import SystemClock
from core.domain.access import Actor, Origin, Role
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.limits import Limits
from core.domain.messages import Event, KeepProfile
from core.errors import DatabaseDamaged, ProfileInUse
from core.ids import RandomIds

if TYPE_CHECKING:
    from app.venues import Told, Venue
    from app.wiring import Core
    from core.storage.store import SqlStore
    from core.storage.vault import Key

DEMO_USER = "demo"
DATABASE = "investiq.db"
LEDGER = "exchange.ledger"
EMERGENCY = "emergency.jsonl"
_DEMO = "demo-"
_KEPT_AS = "kept-as"

Publish = Callable[[Event], None]
Ask = Callable[[ConfirmationRequest], "Future[ConfirmationReply]"]
Keep = Callable[[KeepProfile], Path]

_log = structlog.get_logger("profiles")


class ThrowawayFolder:
    """The demo's folder; it dies with the program unless it was kept.

    It stands beside the profiles, so that keeping is one rename, and it is locked, so that a
    later start can tell one that a crash has left behind.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(data_dir)
        self.path = Path(tempfile.mkdtemp(prefix=_DEMO, dir=data_dir))
        self._lock = ProfileLock(self.path / "lock")

    def keep_as(self, target: Path) -> None:
        """Note where it goes when the program ends; a crash before that changes nothing."""
        (self.path / _KEPT_AS).write_text(str(target), encoding="utf-8")

    def end(self) -> None:
        """Move it to its place, or remove it."""
        self._lock.release()
        _settle(self.path)


def sweep(data_dir: Path) -> None:
    """Settle the demo folders of programs that were killed: kept ones are moved, others removed."""
    for folder in data_dir.glob(f"{_DEMO}*"):
        try:
            ProfileLock(folder / "lock").release()
        except ProfileInUse:
            continue
        _settle(folder)


def _settle(folder: Path) -> None:
    note = folder / _KEPT_AS
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        return
    target = Path(note.read_text(encoding="utf-8"))
    if target.exists():
        _log.warning("profile.not_moved", folder=folder.name, target=target.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.rename(target)
    (target / _KEPT_AS).unlink()


async def start_temporary(options: DesktopOptions, publish: Publish, ask: Ask) -> Running:
    """Open a throwaway profile on the embedded exchange: the demo, or a replay."""
    from app.profile import OWNER, keep_profile
    from app.venues import Told, simulated
    from core.adapters import simulator
    from core.storage import vault
    from core.storage.store import open_store

    async with AsyncExitStack() as undo:
        folder = ThrowawayFolder(options.data_dir)
        undo.callback(folder.end)
        key = vault.create(folder.path, None)
        store = open_store(folder.path / DATABASE, key, create=True, owner=OWNER)
        undo.push_async_callback(store.close_async)
        if options.kind is Kind.REPLAY and options.replay_path is not None:
            market = simulator.replay(SystemClock(), folder.path / LEDGER, options.replay_path, options.speed)
        else:
            preset = simulator.ROUGH_DAY if options.is_rough else simulator.CALM_DAY
            market = simulator.synthetic(SystemClock(), folder.path / LEDGER, preset=preset)

        def keep(command: KeepProfile) -> Path:
            target = keep_profile(options.data_dir, folder.path, command, key)
            folder.keep_as(target)
            return target

        # Nobody else is there who could resume after a halt, or acknowledge a breaker.
        actor = Actor(DEMO_USER, Role.ADMIN, Origin.WINDOW, RandomIds().unique())
        opened = _Opened(
            options.kind.value, folder.path, store, actor, Limits(), Told(), key, is_temporary=True
        )
        opened.keep = keep if options.kind is Kind.DEMO else None
        return await _start(opened, simulated(market), publish, ask, undo)


async def start_profile(
    options: DesktopOptions, publish: Publish, ask: Ask, passphrase: str | None
) -> Running:
    """Open a kept profile where it trades.

    Raises:
        WrongPassphrase, DatabaseDamaged, DatabaseMissing, DatabaseTooNew, ProfileInUse: nothing was changed.
        Refused: whoever was let in has no role.
        CredentialMissing, KeyringUnavailable, SettingInvalid: its keys or addresses are not as they must be.
    """
    from app.profile import open_profile
    from app.venues import Told, venue_of

    if options.profile_folder is None:
        raise ValueError("a profile needs its folder")
    async with AsyncExitStack() as undo:
        found = open_profile(options.profile_folder, passphrase)
        undo.callback(found.lock.release)
        undo.push_async_callback(found.store.close_async)
        told = Told()
        venue = await venue_of(found, told)
        # Before anything is asked of the venue: without a role of their own nobody gets further.
        role = role_of(await found.store.read(lambda reader: reader.users()), found.unlocked.user)
        actor = Actor(found.unlocked.user, role, Origin.WINDOW, RandomIds().unique())
        limits = found.profile.settings.risk
        opened = _Opened(
            found.profile.name, found.profile.folder, found.store, actor, limits, told, found.key
        )
        opened.unlock = partial(user_of, found.profile.folder, found.key)
        opened.wrong_tries = found.unlocked.wrong_tries
        opened.keep_audit_days = found.profile.settings.keep_audit_days
        opened.keep_fill_days = found.profile.settings.keep_fill_days
        opened.anchor_folder = found.profile.settings.anchor_folder
        return await _start(opened, venue, publish, ask, undo)


def user_of(folder: Path, key: "Key", passphrase: str) -> str:
    """Return whose passphrase it is, on a profile that is open under a key.

    Raises:
        WrongPassphrase: it is nobody's, or it is to wait.
        DatabaseDamaged: the key file is not that of the database which is open.
    """
    from core.storage import vault

    unlocked = vault.unlock(folder, passphrase)
    if unlocked.key != key:
        raise DatabaseDamaged(f"{folder}: the key file there now belongs to another database")
    return unlocked.user


class _Opened:
    """A profile whose folder, database and user are known."""

    def __init__(
        self,
        name: str,
        folder: Path,
        store: "SqlStore",
        actor: Actor,
        limits: Limits,
        told: "Told",
        key: "Key",
        *,
        is_temporary: bool = False,
    ) -> None:
        self.name = name
        self.folder = folder
        self.store = store
        self.actor = actor
        self.limits = limits
        self.told = told
        self.key = key
        self.is_temporary = is_temporary
        self.keep: Keep | None = None
        self.unlock: Callable[[str], str] | None = None
        self.wrong_tries = 0
        self.keep_audit_days = self.keep_fill_days = 0
        self.anchor_folder: Path | None = None


async def _start(
    opened: _Opened, venue: "Venue", publish: Publish, ask: Ask, undo: AsyncExitStack
) -> Running:
    from app.anchoring import begin_anchoring
    from app.backing_up import ProfileBackups
    from app.outside import Outside
    from app.wiring import Core, profile_facts

    actor = opened.actor
    anchoring = await asyncio.to_thread(
        begin_anchoring,
        opened.folder,
        opened.key,
        opened.store.installation_id,
        None if opened.is_temporary else opened.name,
        opened.anchor_folder,
    )
    core = Core(
        Outside(
            store=opened.store,
            broker=venue.broker,
            feed=venue.feed,
            confirmer=WindowConfirmer(ask),
            clock=SystemClock(),
            ids=RandomIds(),
            profile=profile_facts(
                opened.name,
                actor.user,
                actor.role,
                temporary=opened.is_temporary,
                venue=(venue.mode, venue.name, venue.account),
            ),
            emergency=opened.folder / EMERGENCY,
            session=actor.session,
            limits=opened.limits,
            keep=opened.keep,
            snapshots=venue.snapshots,
            anchoring=anchoring,
            unlock=opened.unlock,
            backups=None if opened.is_temporary else ProfileBackups(opened.folder, opened.key),
        )
    )
    core.bus.subscribe_all(publish)  # type: ignore[arg-type]
    opened.told.publish = core.bus.publish
    undo.push_async_callback(venue.stop)
    await venue.start()
    undo.push_async_callback(core.stop)
    await core.start()
    if not opened.is_temporary:
        _archive_daily(opened, core)
    if opened.wrong_tries:
        # Nothing could be recorded while it was locked, so this tells of them afterwards.
        facts = {"reason": f"{opened.wrong_tries} wrong passphrases before this start"}
        draft = AuditDraft(AuditAction.UNLOCK_REFUSED, actor, opened.name, payload_of(facts))
        await core.journal.record_anyway(draft)
    # What was opened is closed in the reverse order, whether the start failed or the window closed.
    return Running(core.locking.execute, actor, undo.pop_all().aclose, core.measuring.registry)


def _archive_daily(opened: _Opened, core: "Core") -> None:
    from app.archiving import DailyArchiving, Keep
    from core.audit.sealing import Sealer
    from core.portfolio.archiving import FillArchiver
    from core.storage.fill_files import fill_files_of
    from core.storage.segments import archives_of

    outside = core.outside
    sealer = Sealer(outside.store, core.journal, archives_of(outside.store.path))
    archiver = FillArchiver(outside.store, core.journal, fill_files_of(outside.store.path))
    keep = Keep(timedelta(days=opened.keep_audit_days), timedelta(days=opened.keep_fill_days))
    daily = DailyArchiving(sealer, archiver, keep, core.desk_actor, outside.clock, core.bus)
    core.tasks.spawn(daily.run(), "retention")
