"""What the paper checks work with: an account's lanes, an ear on its streams, and a broom.

Everything here speaks to a paper account only. Each order is one share at a price that no market will take,
and whatever was placed is ended before the bench is left, also where a person stops it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.adapters.alpaca.lanes import Lane, open_lanes
from core.adapters.alpaca.limiter import Limiter, Priority
from core.adapters.alpaca.paper_tape import Ear, Tape, Writer
from core.adapters.alpaca.request import Answer, Request
from core.adapters.alpaca.rest import refusal_words
from core.adapters.alpaca.sockets import Deadlines, Peer, open_socket
from core.clock import Clock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, SecretName
from core.errors import BrokerError, BrokerRejected
from core.ids import RandomIds
from core.settings import AlpacaAddresses

SYMBOL = "SPY"
# A purchase at a dollar: the broker takes it, the market never does.
FAR, A_CENT_MORE = "1.00", "1.01"
_ENDED = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
_REFUSED = frozenset({400, 401, 403, 404, 422, 429})
_THROTTLED_AGAIN = 2
_LOOK_EVERY_S = 0.25
# Of an answer's headers, what a check may ask for; the others are not written down.
_HEADERS = ("content-type", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and how long.

    Attributes:
        tries: of each check that takes times.
        listen_s: how long a stream is listened to where it may stay silent.
        find_s: the longest until an order is found, or has ended.
        again_s: between two attempts to connect.
        reconnect_s: the longest until a stream is let in again.
    """

    tries: int = 20
    listen_s: float = 5.0
    find_s: float = 30.0
    again_s: float = 1.0
    reconnect_s: float = 90.0


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was taken.

    Attributes:
        body: what was sent.
        order: what came back.
    """

    body: Mapping[str, Any]
    order: Mapping[str, Any]

    @property
    def order_id(self) -> str:
        """The broker's name for it."""
        return str(self.order["id"])

    @property
    def client_id(self) -> str:
        """Our name for it."""
        return str(self.body["client_order_id"])


class Bench:
    """One paper account, asked without any of the program's own judgement. Used on one event loop.

    Args:
        addresses: of a paper account.
        credentials: its key pair.
        clock: our time.
        limiter: the account's requests a minute, over all questions.
        file: takes what is said, without secrets; None for nothing.
        tell: called with words for the person who waits.
        patience: how often, and how long.

    Raises:
        SettingInvalid: an address is not one that a paper key may be sent to.
    """

    def __init__(
        self,
        addresses: AlpacaAddresses,
        credentials: AlpacaCredentials,
        clock: Clock,
        limiter: Limiter,
        file: Writer | None,
        tell: Callable[[str], None],
        patience: Patience,
    ) -> None:
        self.lanes = open_lanes(Mode.PAPER, addresses, credentials, clock)
        self.addresses, self.credentials = addresses, credentials
        self.clock, self.tell, self.patience = clock, tell, patience
        self.tape = Tape(file, credentials, clock)
        self._limiter = limiter
        self._left: dict[str, str] = {}
        self._ears: list[Ear] = []

    async def close(self) -> None:
        """End the threads; orders were ended by `tidy`."""
        await self.lanes.close()

    async def open(self) -> None:
        """Say whether the key opens anything, before fourteen questions fail by it.

        Raises:
            CredentialsRefused: it does not.
            BrokerUnavailable: there is no answer.
        """
        answer = await self.ask("GET", "/clock")
        if answer.status in (401, 403):
            peer = Peer("Alpaca (paper)", SecretName.ALPACA_PAPER)
            raise peer.refused(f"HTTP {answer.status}: {refusal_words(answer)[1]}")

    async def ask(
        self, method: str, path: str, fields: Mapping[str, Any] | None = None, lane: Lane | None = None
    ) -> Answer:
        """Carry out one request, whatever it is answered with; one that is throttled, again.

        Raises:
            BrokerUnavailable, OutcomeUnknown: no answer.
        """
        request = Request(method, path, fields or {})
        priority = Priority.CANCEL if method == "DELETE" else Priority.RECONCILE
        answer = await self._once(request, priority, lane or self.lanes.submit)
        for _ in range(_THROTTLED_AGAIN):
            if answer.status != 429:
                break
            self._limiter.refused(self._limiter.retry_after(answer.headers))
            answer = await self._once(request, priority, lane or self.lanes.submit)
        return answer

    async def _once(self, request: Request, priority: Priority, lane: Lane) -> Answer:
        await self._limiter.take(priority)
        answer = await lane.run(request)
        self._limiter.observe(answer.headers)
        self.tape.note(
            request=request.name,
            sent=request.fields,
            status=answer.status,
            headers={name: answer.headers[name] for name in _HEADERS if name in answer.headers},
            answer=answer.unreadable or answer.content,
        )
        return answer

    def body(self, **changes: object) -> dict[str, Any]:
        """Write an order under a new name; it is ended at the end, whether its answer comes or not."""
        client_id = f"check-{RandomIds().unique()}"
        self._left[client_id] = ""
        return {
            "symbol": SYMBOL, "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day",
            "limit_price": FAR, "client_order_id": client_id, **changes,
        }  # fmt: skip

    async def send(self, body: Mapping[str, Any]) -> Answer:
        """Send an order."""
        answer = await self.ask("POST", "/orders", body)
        client_id = str(body["client_order_id"])
        if answer.is_success and isinstance(answer.content, dict):
            self._left[client_id] = str(answer.content.get("id", ""))
        elif answer.status in _REFUSED and not self._left.get(client_id):
            self._left.pop(client_id, None)
        return answer

    async def place(self, **changes: object) -> Placed:
        """Send an order that is to be taken.

        Raises:
            BrokerRejected: it was not.
        """
        body = self.body(**changes)
        answer = await self.send(body)
        if not answer.is_success or not isinstance(answer.content, dict):
            code, text = refusal_words(answer)
            raise BrokerRejected(f"an order of one share was not taken: {text}", code)
        return Placed(body, answer.content)

    async def look(self, client_id: str) -> Answer:
        """Ask for an order by our name for it."""
        query = {"client_order_id": client_id}
        return await self.ask("GET", "/orders:by_client_order_id", query, self.lanes.query)

    def never_left(self, body: Mapping[str, Any]) -> None:
        """Note that an order was not sent at all, or not taken."""
        self._left.pop(str(body["client_order_id"]), None)

    async def end(self, client_id: str) -> str:
        """Cancel an order and wait until it has ended; return its last status, or "" where none was found."""
        known = self._left.get(client_id, "")
        begun, status = self.clock.monotonic(), ""
        while True:
            # Where a name could stand for two orders, the broker's own tells them apart.
            answer = await (self.ask("GET", f"/orders/{known}") if known else self.look(client_id))
            if answer.is_success and isinstance(answer.content, dict):
                status = str(answer.content.get("status", ""))
                if status in _ENDED:
                    self._left.pop(client_id, None)
                    return status
                if status != "pending_cancel":
                    await self.ask("DELETE", f"/orders/{answer.content['id']}", None, self.lanes.cancel)
            # One that was stopped on its way out may never have left.
            patience_s = self.patience.find_s if status else self.patience.listen_s
            if self.clock.monotonic() - begun > patience_s:
                return status
            await self.clock.sleep(_LOOK_EVERY_S)

    async def tidy(self) -> None:
        """End every order that was placed, and every connection; tell of one that could not be ended."""
        ears, self._ears = self._ears, []
        for ear in ears:
            await ear.close()
        for client_id in tuple(self._left):
            await self._tidy(client_id)

    async def _tidy(self, client_id: str) -> None:
        try:
            status = await self.end(client_id)
        except BrokerError as error:
            status = str(error)
        if self._left.pop(client_id, None) is not None:
            found = status or "not found"
            self.tell(
                f"look for this order at Alpaca and cancel it, it was not seen to end ({found}): {client_id}"
            )

    async def is_open(self) -> bool:
        """Say whether the market is in its regular session."""
        answer = await self.ask("GET", "/clock")
        return isinstance(answer.content, dict) and answer.content.get("is_open") is True

    async def listen(self) -> Ear:
        """Open the order stream.

        Raises:
            BrokerUnavailable: there is none.
        """
        peer = Peer("Alpaca's order stream", SecretName.ALPACA_PAPER)
        ear = Ear(
            await open_socket(self.addresses.trade_stream_url, peer, self.clock, Deadlines()),
            self.tape,
            self.clock,
        )
        self._ears.append(ear)
        await ear.log_in(self.credentials)
        return ear


Question = Callable[[Bench], Awaitable["Seen"]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a question.

    Attributes:
        passed: whether the broker does what the program relies on; None where it was not found out.
        text: what was seen, plain text.
    """

    passed: bool | None
    text: str
