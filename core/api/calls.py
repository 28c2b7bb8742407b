"""One request on its way to the desk, and one answer on its way back."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from core.api.bodies import parse, refuse
from core.clock import Clock
from core.domain.access import Actor
from core.domain.messages import Command
from core.errors import RefusalCode, Refused
from core.ids import IdempotencyKey, IdSource, new_idempotency_key
from core.metrics import Registry

R = TypeVar("R")
B = TypeVar("B", bound=msgspec.Struct)

KEY_OF_DECISION = "Idempotency-Key"
READ_WITHIN_S = 10.0

_NAME = re.compile(r"[\x21-\x7e]{1,128}")

Door = Callable[[Command[Any], Actor], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status, and a body for JSON, or bytes of another content type."""

    body: Mapping[str, object] | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class Call:
    """A request whose sender is known.

    Args:
        request: as it came.
        actor: whose key it carries.
        desk: the one door; it authorises, whatever stands here.
        clock: for ages.
        ids: for the key of a decision that came without one.
        own: what the API counts of itself.
    """

    def __init__(
        self, request: web.Request, actor: Actor, desk: Door, clock: Clock, ids: IdSource, own: Registry
    ) -> None:
        self._request = request
        self._actor = actor
        self._desk = desk
        self._ids = ids
        self.clock = clock
        self.own = own

    async def do(self, command: Command[R]) -> R:
        """Give a command as this key's actor.

        Raises:
            Refused, StorageError, BrokerError: as the desk did.
        """
        answer: R = await self._desk(command, self._actor)
        return answer

    async def body(self, kind: type[B]) -> B:
        """Read the body.

        Raises:
            Refused: `MALFORMED`: it is not what is expected.
            web.HTTPException: another content type, more than 64 KB, or it did not come in time.
        """
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                raw = await self._request.read()
        except TimeoutError as error:
            words = f"The body did not come within {READ_WITHIN_S:g} s."
            raise web.HTTPRequestTimeout(text=words) from error
        if raw:
            self._check_type()
        return parse(raw, kind)

    def _check_type(self) -> None:
        request = self._request
        is_plain = request.headers.get("Content-Encoding", "identity") == "identity"
        charset = (request.charset or "utf-8").lower()
        if request.content_type != "application/json" or charset not in ("utf-8", "utf8") or not is_plain:
            words = "Expected Content-Type: application/json, in UTF-8 and not compressed."
            raise web.HTTPUnsupportedMediaType(text=words)

    @cached_property
    def key(self) -> IdempotencyKey:
        """The key of this decision; one is made where none was given."""
        given = self._request.headers.getall(KEY_OF_DECISION, [])
        if not given:
            return new_idempotency_key(self._ids)
        if len(given) > 1 or not _NAME.fullmatch(given[0]):
            refuse(f"{KEY_OF_DECISION}: expected 1 to 128 visible ASCII characters")
        return IdempotencyKey(given[0])

    def query(self, name: str) -> str | None:
        """Return a parameter of the address; None if it is not there."""
        return self._request.query.get(name)

    def place(self, name: str) -> str:
        """Return a part of the path.

        Raises:
            Refused: `NOT_FOUND`: nothing can have such a name.
        """
        found = self._request.match_info[name]
        if not _NAME.fullmatch(found):
            raise Refused(RefusalCode.NOT_FOUND, f"There is no {name} of such a name.")
        return found


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    Attributes:
        query: the parameters that its address may have.
        ends_risk: it is never refused for coming too often.
    """

    method: str
    path: str
    carry_out: Callable[[Call], Awaitable[Answer]]
    query: frozenset[str] = frozenset()
    ends_risk: bool = False

    def check_query(self, request: web.Request) -> None:
        """Refuse what the address may not have; keys above all never belong there.

        Raises:
            Refused: `MALFORMED`.
        """
        for name in request.query:
            if name not in self.query:
                refuse("the address has a parameter that is unknown here")
            if len(request.query.getall(name)) > 1:
                refuse(f"{name} stands twice in the address", name)
