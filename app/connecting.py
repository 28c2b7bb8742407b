"""From the keys of a paper account to an open profile: asked for, tried, stored, opened."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from PySide6.QtWidgets import QWidget

from app import profile as profiles
from app.admission import admitted
from app.secrets import open_secrets, store_secret
from core.access.policy import Duty
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, SecretName, lines
from core.errors import InvestIQError, RefusalCode, Refused
from core.settings import FeedName, vendor_addresses
from core.storage import vault
from core.storage.vault import COST, Cost
from core.tasks import Tasks
from ui.dialogs.connect import ConnectSheet, Field, PaperStart, Rules, connect_sheet

_log = structlog.get_logger("connecting")


@dataclass(frozen=True, slots=True)
class Probed:
    """What the broker said to a pair of keys.

    Attributes:
        words: the account it belongs to, or why it was not taken.
    """

    passed: bool
    words: str


Probe = Callable[[AlpacaCredentials], Awaitable[Probed]]


async def probe_paper(credentials: AlpacaCredentials) -> Probed:
    """Ask Alpaca whose paper account a pair of keys opens; nothing is stored."""
    from core.adapters.alpaca.broker import probe_account

    found = await probe_account(Mode.PAPER, vendor_addresses(Mode.PAPER), credentials, SystemClock())
    return Probed(found.is_open, found.text)


class PaperConnecting:
    """The form and what follows from it. Lives in the GUI thread, on the window's loop.

    Args:
        probe: tries the keys before anything is written.
        opened: takes the new profile's folder and its passphrase.
        left: called when the person gives up.
    """

    def __init__(
        self,
        window: QWidget,
        data_dir: Path,
        probe: Probe,
        opened: Callable[[Path, str], None],
        left: Callable[[], None],
    ) -> None:
        self._data_dir, self._probe, self._opened, self._left = data_dir, probe, opened, left
        self._tasks = Tasks(self._on_failure)
        self._work: asyncio.Task[None] | None = None
        rules = Rules(self._fault_of_name, _fault_of_passphrase)
        self.sheet: ConnectSheet = connect_sheet(window, self._free_name(), rules, self._take)

    def accept(self) -> None:
        """Close the form: the profile is open, or what follows is told elsewhere."""
        self.sheet.accept()

    def _free_name(self) -> str:
        taken = {name.casefold() for name in profiles.names(self._data_dir)}
        tries = ("paper", *(f"paper {number}" for number in range(2, 100)))
        return next((name for name in tries if name not in taken), "")

    def _fault_of_name(self, name: str) -> str:
        if not name:
            return "The profile needs a name."
        try:
            profiles.new_folder(self._data_dir, name)
        except Refused as refused:
            return _about_name(refused)
        return ""

    def _take(self, start: PaperStart | None) -> None:
        if start is not None:
            self._work = self._tasks.spawn(self._connect(start), "connect")
            return
        if self._work is not None:
            self._work.cancel()
        self._left()

    async def _connect(self, start: PaperStart) -> None:
        self.sheet.say("Trying the keys at Alpaca")
        probed = await self._probe(start.credentials)
        if not probed.passed:
            self.sheet.refuse({Field.KEY_ID: probed.words})
            return
        self.sheet.say(f"{probed.words} Making the profile; this takes about a second on purpose")
        try:
            folder = await asyncio.to_thread(make_paper, self._data_dir, start)
        except Refused as refused:
            self.sheet.refuse({Field.NAME: _about_name(refused)})
        except InvestIQError as error:
            self.sheet.refuse({}, str(error))
        else:
            self.sheet.say("Opening the profile")
            self._opened(folder, start.passphrase)

    def _on_failure(self, name: str, error: BaseException) -> None:
        _log.error("connect.failed", task=name, exc_info=error)
        self.sheet.refuse({}, f"Something went wrong: {error}. Nothing you typed is lost.")


def make_paper(root: Path, start: PaperStart, *, cost: Cost = COST) -> Path:
    """Make a paper profile with its keys: whole, or not at all. Takes a second; not for the GUI thread.

    Raises:
        Refused: the name is taken or cannot be one, the passphrase is too short, or a key is none.
        KeyringUnavailable, StorageError: nothing was left behind.
    """
    feed = FeedName.POLYGON if start.polygon else None
    made = profiles.create(root, start.name, start.passphrase, mode=Mode.PAPER, feed=feed, cost=cost)
    is_whole = False
    admission = admitted(made, vault.unlock(made.folder, start.passphrase), Duty.MANAGE_CREDENTIALS)
    secrets = open_secrets(made, admission.key)
    try:
        pair = lines(start.credentials.key_id, start.credentials.secret)
        store_secret(admission, secrets, SecretName.ALPACA_PAPER, pair)
        if start.polygon is not None:
            store_secret(admission, secrets, SecretName.POLYGON, start.polygon.key)
        profiles.note_used(root, start.name)
        is_whole = True
    finally:
        if not is_whole:
            with suppress(InvestIQError):
                secrets.remove(SecretName.ALPACA_PAPER)
            shutil.rmtree(made.folder, ignore_errors=True)
    return made.folder


def _about_name(refused: Refused) -> str:
    if refused.code is RefusalCode.NAME_TAKEN:
        return "There is a profile of this name already."
    return _sentence(refused)


def _fault_of_passphrase(text: str) -> str:
    try:
        vault.check_passphrase(text)
    except Refused as refused:
        return _sentence(refused)
    return ""


def _sentence(refused: Refused) -> str:
    words = str(refused)
    return f"{words[:1].upper()}{words[1:]}."
