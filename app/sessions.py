"""The lives of profiles: what is opened, in which order, and what is left behind.

Runs on the core thread, where the slow imports belong: the window is painted before them.
"""

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from app.options import DesktopOptions, Kind
from app.runtime import Running, WindowConfirmer
from core.clock import SystemClock
from core.domain.access import Actor, Origin, Role
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.messages import Event, KeepProfile
from core.ids import RandomIds

DEMO_USER = "demo"
DATABASE = "investiq.db"
LEDGER = "exchange.ledger"
EMERGENCY = "emergency.jsonl"

Publish = Callable[[Event], None]
Ask = Callable[[ConfirmationRequest], "Future[ConfirmationReply]"]


@dataclass(slots=True)
class ThrowawayFolder:
    """The demo's folder; it dies with the program unless it was kept.

    Attributes:
        kept_as: where it goes when the program ends; None for nowhere.
    """

    data_dir: Path
    path: Path = field(init=False)
    kept_as: Path | None = None

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # On the disk of the profiles, so that keeping is one rename.
        self.path = Path(tempfile.mkdtemp(prefix="demo-", dir=self.data_dir))

    def end(self) -> None:
        """Move it to its place, or remove it."""
        if self.kept_as is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        self.kept_as.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.rename(self.kept_as)


async def start_temporary(options: DesktopOptions, publish: Publish, ask: Ask) -> Running:
    """Open a throwaway profile on the embedded exchange: the demo, or a replay."""
    from app.profile import keep_profile
    from app.wiring import Core, Outside, profile_facts
    from core.adapters import simulator
    from core.storage import vault
    from core.storage.store import open_store

    clock = SystemClock()
    folder = ThrowawayFolder(options.data_dir)
    key = vault.create(folder.path, None)
    store = open_store(folder.path / DATABASE, key, create=True)
    if options.kind is Kind.REPLAY and options.replay_path is not None:
        market = simulator.replay(clock, folder.path / LEDGER, options.replay_path, options.speed)
    else:
        market = simulator.synthetic(clock, folder.path / LEDGER)

    def keep(command: KeepProfile) -> Path:
        folder.kept_as = keep_profile(options.data_dir, folder.path, command, key)
        return folder.kept_as

    ids = RandomIds()
    session = ids.unique()
    core = Core(
        Outside(
            store=store,
            broker=market.broker,
            feed=market.feed,
            confirmer=WindowConfirmer(ask),
            clock=clock,
            ids=ids,
            profile=profile_facts(options.kind.value, DEMO_USER, Role.TRADER.value, temporary=True),
            emergency=folder.path / EMERGENCY,
            session=session,
            keep=keep if options.kind is Kind.DEMO else None,
        )
    )
    core.bus.subscribe_all(publish)  # type: ignore[arg-type]
    await market.start()
    await core.start()

    async def stop() -> None:
        try:
            await core.stop()
            await market.stop()
            await store.close_async()
        finally:
            folder.end()

    return Running(core.desk.execute, Actor(DEMO_USER, Role.TRADER, Origin.WINDOW, session), stop)


async def start_profile(options: DesktopOptions, publish: Publish, ask: Ask, passphrase: str) -> Running:
    """Open a kept profile on the embedded exchange.

    Raises:
        WrongPassphrase, DatabaseDamaged, DatabaseMissing, DatabaseTooNew, ProfileInUse: nothing was changed.
    """
    from app.profile import open_profile
    from app.wiring import Core, Outside, profile_facts
    from core.adapters import simulator

    if options.profile_folder is None:
        raise ValueError("a profile needs its folder")
    clock = SystemClock()
    opened = open_profile(options.profile_folder, passphrase)
    market = simulator.synthetic(clock, options.profile_folder / LEDGER)
    ids = RandomIds()
    session = ids.unique()
    core = Core(
        Outside(
            store=opened.store,
            broker=market.broker,
            feed=market.feed,
            confirmer=WindowConfirmer(ask),
            clock=clock,
            ids=ids,
            profile=profile_facts(
                options.profile_folder.name, opened.user, Role.ADMIN.value, temporary=False
            ),
            emergency=options.profile_folder / EMERGENCY,
            session=session,
        )
    )
    core.bus.subscribe_all(publish)  # type: ignore[arg-type]
    await market.start()
    await core.start()

    async def stop() -> None:
        try:
            await core.stop()
            await market.stop()
            await opened.store.close_async()
        finally:
            opened.lock.release()

    return Running(core.desk.execute, Actor(opened.user, Role.ADMIN, Origin.WINDOW, session), stop)
