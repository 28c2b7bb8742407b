"""Whether a request comes in: where it was sent to, whose key it carries, and how often that key asked."""

import math
from dataclasses import dataclass
from typing import NoReturn

import structlog
from aiohttp import web

from core.api.calls import Door
from core.api.keys import Keys, is_offered
from core.api.numbers import Numbers
from core.api.pace import NOBODY, Pace
from core.api.wrong_keys import WrongKeys
from core.clock import Clock
from core.domain.access import Actor, LockOut, Origin, Role
from core.domain.messages import LoadLockOut, NoteLockOut
from core.errors import Refused, StorageError

METRICS = "/metrics"

_log = structlog.get_logger("api")


@dataclass(frozen=True, slots=True)
class Terms:
    """On what the API is opened.

    Attributes:
        session: name of the run of the program, for the record.
        per_minute: requests a minute and key.
        open_metrics: `/metrics` asks for no key.
    """

    keys: Keys
    session: str
    per_minute: int = 120
    open_metrics: bool = False


class Entrance:
    """Lets requests in, or says why not. Lives on the core loop."""

    def __init__(self, desk: Door, terms: Terms, clock: Clock) -> None:
        self._desk = desk
        self._terms = terms
        self._pace = Pace(terms.per_minute, clock)
        self._wrong_keys = WrongKeys(clock, self._note)
        self._itself = Actor("api", Role.ADMIN, Origin.API, terms.session)
        self._hosts: frozenset[str] = frozenset()
        self.numbers = Numbers(lambda: self._wrong_keys.locked_for_s)

    async def open(self, hosts: frozenset[str]) -> None:
        """Go on from how the last run stood towards wrong keys, and answer to these names."""
        self._hosts = hosts
        try:
            self._wrong_keys.restore(await self._desk(LoadLockOut(), self._itself))
        except StorageError as error:
            # The kill switch must be had all the same, and keys that are ours are not concerned.
            _log.error("api.lock_out_unreadable", reason=str(error))

    async def admit(self, request: web.BaseRequest) -> Actor:
        """Return who sent a request.

        Raises:
            web.HTTPException: it was sent to another name, by a page of the web, or without a key of ours.
            Refused: `THROTTLED`: requests without a key come too fast.
        """
        self._check_address(request)
        # Before anything else: whatever others try, a key that is ours goes on working.
        found = self._terms.keys.actor(request.headers)
        if found is not None:
            return found
        if is_offered(request.headers):
            await self._refuse_key()
        self._take(NOBODY)
        if self._terms.open_metrics and (request.method, request.path) == ("GET", METRICS):
            return Actor(NOBODY, Role.VIEWER, Origin.API, self._terms.session)
        raise _key_expected()

    def take_turn(self, actor: Actor) -> None:
        """Count a request of a key; who has none was counted before.

        Raises:
            Refused: `THROTTLED`.
        """
        if actor.user != NOBODY:
            self._take(actor.user)

    def _take(self, who: str) -> None:
        try:
            self._pace.take(who)
        except Refused:
            self.numbers.limited.count()
            raise

    def _check_address(self, request: web.BaseRequest) -> None:
        # A page of the web may send here, by a name that it points to this computer; a browser says so.
        if request.headers.getall("Host", []) not in [[host] for host in self._hosts]:
            raise web.HTTPForbidden(text="The header Host must be 127.0.0.1 or localhost with this port.")
        if "Origin" in request.headers:
            raise web.HTTPForbidden(text="Requests of web pages (those with an Origin) are not answered.")

    async def _refuse_key(self) -> NoReturn:
        self.numbers.wrong_keys.count()
        wait_s = self._wrong_keys.locked_for_s
        if wait_s > 0.0:
            words = "Too many wrong keys: unknown keys are not looked at for now; valid ones go on working."
            raise web.HTTPTooManyRequests(text=words, headers={"Retry-After": str(math.ceil(wait_s))})
        await self._wrong_keys.failed()
        raise _key_expected()

    async def _note(self, known: LockOut) -> None:
        try:
            await self._desk(NoteLockOut(known), self._itself)
        except StorageError as error:
            # It holds all the same, until the program ends.
            _log.error("api.lock_out_unwritable", reason=str(error))


def _key_expected() -> web.HTTPUnauthorized:
    words = "Expected a key in the header X-API-Key, or in Authorization: Bearer."
    return web.HTTPUnauthorized(text=words, headers={"WWW-Authenticate": "Bearer"})
