"""The one door: every command is authorised here, whatever way it came."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, TypeVar, cast

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import (
    AcknowledgeBreaker,
    CancelOrder,
    CancelOrders,
    ClosePosition,
    Command,
    GiveUpOrder,
    HaltTrading,
    KillTrading,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
from core.errors import InvariantBroken, RefusalCode, Refused
from core.ports.journal import Journal
from core.tasks import RightOfWay

R = TypeVar("R")
C = TypeVar("C", bound=Command[Any])

Handler = Callable[[C, Actor], Awaitable[R]]
Authorize = Callable[[Command[Any], Actor], None]


# Commands whose refusal is part of the record: they ask for a change of orders or of the trading state.
TRADING = (
    AcknowledgeBreaker,
    CancelOrder,
    CancelOrders,
    ClosePosition,
    GiveUpOrder,
    HaltTrading,
    KillTrading,
    ReplaceOrder,
    ResendOrder,
    ResumeTrading,
    SubmitOrder,
)
# These were recorded with more facts than are known here.
_RECORDED_WHERE_RAISED = frozenset(
    {
        RefusalCode.RISK,
        RefusalCode.NEEDS_ACKNOWLEDGEMENT,
        RefusalCode.THROTTLED,
        RefusalCode.NOT_CONFIRMED,
        RefusalCode.CONFIRMATION_EXPIRED,
        RefusalCode.CONFIRMATION_STALE,
        RefusalCode.BROKER_REFUSED,
    }
)


class Desk:
    """Authorises, records refusals, and hands a command to the room that carries it out.

    Attributes:
        way: taken while a command about orders or the trading state is carried out.
    """

    def __init__(self, authorize: Authorize, journal: Journal) -> None:
        self._authorize = authorize
        self._journal = journal
        self.on_refused: Callable[[Command[Any], Refused], None] = lambda _command, _refusal: None
        self.way = RightOfWay()
        self._handlers: dict[type[Command[Any]], Callable[[Any, Actor], Awaitable[Any]]] = {}

    def route(self, kind: type[C], handler: Handler[C, Any]) -> None:
        """Name who carries out a command; each has exactly one.

        Raises:
            InvariantBroken: it has one already.
        """
        if kind in self._handlers:
            raise InvariantBroken(f"{kind.__name__} has two handlers")
        self._handlers[kind] = handler

    @property
    def commands(self) -> frozenset[type[Command[Any]]]:
        """Every command that is carried out here."""
        return frozenset(self._handlers)

    async def execute(self, command: Command[R], actor: Actor) -> R:
        """Carry a command out for an actor.

        Raises:
            Refused: the actor may not, or the command itself was refused.
            StorageError: it could not be recorded.
        """
        try:
            self._authorize(command, actor)
        except Refused as refusal:
            self.on_refused(command, refusal)
            await self._journal.record_anyway(
                AuditDraft(
                    AuditAction.ACCESS_DENIED,
                    actor,
                    type(command).__name__,
                    payload_of({"code": refusal.code.value, "origin": actor.origin.value}),
                )
            )
            raise
        handler = self._handlers.get(type(command))
        if handler is None:
            raise InvariantBroken(f"{type(command).__name__} has no handler")
        try:
            with self.way.taken() if isinstance(command, TRADING) else nullcontext():
                return cast("R", await handler(command, actor))
        except Refused as refusal:
            self.on_refused(command, refusal)
            if isinstance(command, TRADING) and refusal.code not in _RECORDED_WHERE_RAISED:
                await self._record(command, refusal, actor)
            raise

    async def _record(self, command: Command[Any], refusal: Refused, actor: Actor) -> None:
        facts = {"command": type(command).__name__, "code": refusal.code.value, "reason": refusal.message}
        cl_ord_id = str(getattr(command, "cl_ord_id", ""))
        draft = AuditDraft(
            AuditAction.ORDER_REFUSED, actor, type(command).__name__, payload_of(facts), cl_ord_id=cl_ord_id
        )
        await self._journal.record_anyway(draft)
