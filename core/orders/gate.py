"""The confirmation gate: the yes is bound to one order, single use, and short-lived (A23)."""

import asyncio
import hashlib
from dataclasses import dataclass

from core.clock import Clock
from core.domain.access import Actor, Mode
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.market import Quote
from core.domain.risk import Outcome, Verdict
from core.domain.terms import OrderTerms, canonical
from core.errors import RefusalCode, Refused
from core.failpoints import failpoint
from core.orders.bodies import in_words
from core.ports.confirmation import Confirmer
from core.ports.journal import Journal
from core.tasks import Tasks

TTL_S = 30.0


@dataclass(slots=True)
class GateSettings:
    """Where the sheet is compulsory, and where a person has switched it on.

    Attributes:
        account: short name of the account, for people.
        always: ask in sim and paper too.
    """

    mode: Mode
    account: str
    always: bool = False


class Gate:
    """Asks through the port of confirmation, or lets pass where no question is due."""

    def __init__(
        self, settings: GateSettings, confirmer: Confirmer, journal: Journal, clock: Clock, tasks: Tasks
    ) -> None:
        self.settings = settings
        self._confirmer = confirmer
        self._journal = journal
        self._clock = clock
        self._tasks = tasks

    @property
    def is_required(self) -> bool:
        """Whether a person must say yes to this account's orders."""
        return self.settings.mode is Mode.LIVE or self.settings.always

    async def pass_or_refuse(
        self, terms: OrderTerms, verdict: Verdict, quote: Quote | None, actor: Actor
    ) -> None:
        """Return when the order may go on.

        Raises:
            Refused: `NOT_CONFIRMED`, `CONFIRMATION_EXPIRED`, or `NO_WINDOW` where there is nobody to ask.
            StorageError: the answer could not be recorded, so it does not count.
        """
        if not self.is_required:
            return
        digest = hashlib.sha256(f"{self.settings.account}|{canonical(terms)}".encode()).hexdigest()
        soft = any(result.outcome is Outcome.SOFT for result in verdict.results)
        request = ConfirmationRequest(
            digest, self.settings.mode, self.settings.account, terms, verdict, quote, TTL_S, soft
        )
        await self._record(AuditAction.CONFIRMATION_ASKED, terms, actor, digest)
        failpoint("gate.asked")
        reply = await self._answer(request)
        if reply is None:
            await self._record(AuditAction.CONFIRMATION_DENIED, terms, actor, "expired")
            raise Refused(
                RefusalCode.CONFIRMATION_EXPIRED, f"No answer within {TTL_S:.0f} s; nothing was sent."
            )
        if not reply.accepted or reply.digest != digest:
            await self._record(AuditAction.CONFIRMATION_DENIED, terms, actor, digest)
            raise Refused(RefusalCode.NOT_CONFIRMED, "Not confirmed; nothing was sent.")
        await self._record(AuditAction.CONFIRMATION_GIVEN, terms, actor, digest)
        failpoint("gate.confirmed")

    async def _answer(self, request: ConfirmationRequest) -> ConfirmationReply | None:
        asking = self._tasks.spawn(self._confirmer.ask(request), "confirmation")
        timer = self._tasks.spawn(self._clock.sleep(request.ttl_s), "confirmation timer")
        try:
            await asyncio.wait({asking, timer}, return_when=asyncio.FIRST_COMPLETED)
            return await asking if asking.done() else None
        finally:
            asking.cancel()
            timer.cancel()

    async def _record(self, action: AuditAction, terms: OrderTerms, actor: Actor, digest: str) -> None:
        await self._journal.record(AuditDraft(action, actor, in_words(terms), payload_of({"digest": digest})))
