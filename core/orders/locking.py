"""Locking and unlocking: who sits at the window, and what is denied while nobody does.

The core keeps its key and its open database: order streams, protection and the kill switch go on.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from core.access.session import SessionLock
from core.access.users import role_of
from core.domain import messages as m
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.session_commands import LOCK_AFTER, USUAL_MIN
from core.errors import RefusalCode, Refused, WrongPassphrase
from core.orders.desk import Desk
from core.orders.gather import LiveState
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork

R = TypeVar("R")

_LONGEST_MIN = 60


class Locking:
    """The door of the window's session. Lives on the core loop.

    Args:
        profile: with the user who was let in at the start.
        unlock: says whose passphrase it is; None where the profile has none, and so cannot be locked.

    Attributes:
        profile: with the user who sits at the window now.
        desk: the one door; what comes by way of `execute` is told of the lock where that is why.
    """

    def __init__(
        self,
        state: LiveState,
        store: Store,
        journal: Journal,
        profile: m.ProfileFacts,
        unlock: Callable[[str], str] | None,
    ) -> None:
        self.profile = profile
        self._lock = SessionLock()
        self.desk = Desk(self._lock.authorize, journal)
        self._state = state
        self._store = store
        self._journal = journal
        self._unlock = unlock
        self._lock_after_min = USUAL_MIN
        self.desk.route(m.LockSession, self.lock)
        self.desk.route(m.UnlockSession, self.unlock)
        self.desk.route(m.SetLockAfter, self.set_lock_after)

    def restore(self, settings: Mapping[str, str]) -> None:
        """Begin with what is stored."""
        text = settings.get(LOCK_AFTER, "")
        self._lock_after_min = int(text) if text.isdecimal() else USUAL_MIN

    async def execute(self, command: m.Command[R], actor: Actor) -> R:
        """Hand a command to the desk: one of the window for whoever sits there now.

        Raises:
            Refused: as the desk did; `LOCKED` where it is because of the lock.
            StorageError: it could not be recorded.
        """
        try:
            return await self.desk.execute(command, self._seated(actor))
        except Refused as refusal:
            told = self._lock.explained(refusal)
            if told is refusal:
                raise
            raise told from refusal

    async def lock(self, command: m.LockSession, actor: Actor) -> None:
        """Lock at once; the record follows.

        Raises:
            Refused: the profile has no passphrase, so nobody could unlock it.
        """
        if self._unlock is None:
            raise Refused(
                RefusalCode.NOT_PERMITTED, "This profile has no passphrase, so it cannot be locked."
            )
        if self._lock.is_locked:
            return
        self._set(is_locked=True)
        facts = {"reason": command.reason.value}
        await self._journal.record_anyway(self._draft(AuditAction.SESSION_LOCKED, actor, facts))

    async def unlock(self, command: m.UnlockSession, actor: Actor) -> m.ProfileFacts:
        """Let whoever a passphrase belongs to sit down, in the role that the database has for them.

        Raises:
            WrongPassphrase: it is nobody's, or too many were wrong and it is to wait; recorded.
            Refused: its user has no role, or the profile has no passphrase.
            StorageError: the role could not be read; it stays locked.
        """
        if self._unlock is None:
            raise Refused(RefusalCode.NOT_PERMITTED, "This profile has no passphrase.")
        try:
            user = await asyncio.to_thread(self._unlock, command.passphrase)
        except WrongPassphrase as error:
            facts = {"reason": str(error)}
            await self._journal.record_anyway(self._draft(AuditAction.UNLOCK_REFUSED, actor, facts))
            raise
        role = role_of(await self._store.read(lambda reader: reader.users()), user)
        before = self.profile.user
        self.profile = replace(self.profile, user=user, role=role.value)
        self._set(is_locked=False)
        facts = {"before": before, "after": user}
        await self._journal.record_anyway(
            self._draft(AuditAction.SESSION_UNLOCKED, self._seated(actor), facts)
        )
        return self.profile

    async def set_lock_after(self, command: m.SetLockAfter, actor: Actor) -> int:
        """Store after how many minutes the window locks.

        Raises:
            Refused: `MALFORMED`: it is not 1 to 60.
            StorageError: it stays as it was.
        """
        if not 1 <= command.minutes <= _LONGEST_MIN:
            raise Refused(
                RefusalCode.MALFORMED, f"The window locks after 1 to {_LONGEST_MIN} minutes, not never."
            )
        facts = {"before": str(self._lock_after_min), "after": str(command.minutes)}
        draft = AuditDraft(AuditAction.SETTING_CHANGED, actor, LOCK_AFTER, payload_of(facts))

        def work(uow: UnitOfWork, record: Record) -> None:
            uow.save_setting(LOCK_AFTER, str(command.minutes))
            record(draft)

        await self._journal.write(work)
        self._lock_after_min = command.minutes
        return command.minutes

    def _seated(self, actor: Actor) -> Actor:
        if actor.origin is not Origin.WINDOW:
            return actor
        return replace(actor, user=self.profile.user, role=self.profile.role)

    def _set(self, *, is_locked: bool) -> None:
        self._lock.is_locked = self._state.is_locked = is_locked

    def _draft(self, action: AuditAction, actor: Actor, facts: Mapping[str, object]) -> AuditDraft:
        return AuditDraft(action, actor, self.profile.name, payload_of(facts))
