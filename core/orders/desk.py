"""The one door: every command is authorised here, whatever way it came."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import Command
from core.errors import InvariantBroken, Refused
from core.ports.journal import Journal

R = TypeVar("R")
C = TypeVar("C", bound=Command[Any])

Handler = Callable[[C, Actor], Awaitable[R]]
Authorize = Callable[[Command[Any], Actor], None]


class Desk:
    """Authorises, records refusals, and hands a command to the room that carries it out."""

    def __init__(self, authorize: Authorize, journal: Journal) -> None:
        self._authorize = authorize
        self._journal = journal
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
        return cast("R", await handler(command, actor))
