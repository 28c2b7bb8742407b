"""The confirmation gate: the yes is bound to one order, single use, and short-lived (A23)."""

import asyncio
import hashlib
from dataclasses import dataclass
from decimal import Decimal

from core.clock import Clock
from core.domain.access import Actor, Mode
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.market import Quote
from core.domain.risk import Outcome, Verdict
from core.domain.terms import OrderTerms, Side, canonical
from core.errors import RefusalCode, Refused
from core.failpoints import failpoint
from core.orders.bodies import in_words
from core.ports.confirmation import Confirmer
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork
from core.risk.pricing import mark_price
from core.tasks import Tasks

TTL_S = 30.0
# A sentence has to be typed too.
PHRASE_TTL_S = 120.0
PHRASE = "I trade with real money"
# Where it is stored that the sentence was typed.
PHRASE_TYPED = "live_phrase_typed"
_MOST_MOVE_PCT = Decimal("0.5")


@dataclass(slots=True)
class GateSettings:
    """Where the sheet is compulsory, and where a person has switched it on.

    Attributes:
        account: short name of the account, for people.
        always: ask in sim and paper too.
        phrase_is_due: nobody has typed yet, for this profile, that it trades with real money.
    """

    mode: Mode
    account: str
    always: bool = False
    phrase_is_due: bool = False


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

    def refuse_if_moved(self, side: Side, asked: Quote | None, now: Quote | None) -> None:
        """Refuse where the price moved by more than half a percent since a yes was asked for (A23).

        Raises:
            Refused: `CONFIRMATION_STALE`.
        """
        before, after = mark_price(side, asked), mark_price(side, now)
        if not self.is_required or before is None or after is None:
            return
        if abs(after - before) * 100 > before * _MOST_MOVE_PCT:
            text = f"The price moved from {before} to {after} while the sheet stood; look again."
            raise Refused(RefusalCode.CONFIRMATION_STALE, text)

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
        phrase = PHRASE if self.settings.phrase_is_due and self.settings.mode is Mode.LIVE else ""
        ttl_s = PHRASE_TTL_S if phrase else TTL_S
        mode, account = self.settings.mode, self.settings.account
        request = ConfirmationRequest(digest, mode, account, terms, verdict, quote, ttl_s, soft, phrase)
        await self._record(AuditAction.CONFIRMATION_ASKED, terms, actor, digest)
        failpoint("gate.asked")
        reply = await self._answer(request)
        if reply is None:
            await self._record(AuditAction.CONFIRMATION_DENIED, terms, actor, "expired")
            raise Refused(
                RefusalCode.CONFIRMATION_EXPIRED, f"No answer within {ttl_s:.0f} s; nothing was sent."
            )
        if not reply.accepted or reply.digest != digest or reply.typed != phrase:
            await self._record(AuditAction.CONFIRMATION_DENIED, terms, actor, digest)
            raise Refused(RefusalCode.NOT_CONFIRMED, "Not confirmed; nothing was sent.")
        if phrase:
            await self._keep_phrase(actor)
        await self._record(AuditAction.CONFIRMATION_GIVEN, terms, actor, digest)
        failpoint("gate.confirmed")

    async def _keep_phrase(self, actor: Actor) -> None:
        draft = AuditDraft(AuditAction.LIVE_AFFIRMED, actor, self.settings.account)

        def work(uow: UnitOfWork, record: Record) -> None:
            uow.save_setting(PHRASE_TYPED, "true")
            record(draft)

        await self._journal.write(work)
        self.settings.phrase_is_due = False

    async def _answer(self, request: ConfirmationRequest) -> ConfirmationReply | None:
        asking = self._tasks.spawn(self._ask(request), "confirmation")
        timer = self._tasks.spawn(self._clock.sleep(request.ttl_s), "confirmation timer")
        try:
            await asyncio.wait({asking, timer}, return_when=asyncio.FIRST_COMPLETED)
            answer = await asking if asking.done() else None
        finally:
            asking.cancel()
            timer.cancel()
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def _ask(self, request: ConfirmationRequest) -> ConfirmationReply | Refused:
        # That there is nobody to ask is an answer, and no failure of a task.
        try:
            return await self._confirmer.ask(request)
        except Refused as refusal:
            return refusal

    async def _record(self, action: AuditAction, terms: OrderTerms, actor: Actor, digest: str) -> None:
        await self._journal.record(AuditDraft(action, actor, in_words(terms), payload_of({"digest": digest})))
