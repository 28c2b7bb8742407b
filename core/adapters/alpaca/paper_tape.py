"""What the paper checks hear, and what they write down of all that is said."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from core.adapters.alpaca.sockets import Deadlines, Socket, deadline
from core.adapters.alpaca.trade_stream import TRADE_UPDATES, decode
from core.clock import Clock
from core.domain.credentials import AlpacaCredentials
from core.errors import BrokerUnavailable

_PRIVATE = frozenset({"account_id", "account_number", "key", "key_id", "secret", "secret_key"})


class Writer(Protocol):
    """Where the tape is written to."""

    def write(self, data: bytes, /) -> object:
        """Take a piece."""
        ...


class Tape:
    """Writes down what was said, one line of JSON each, without keys and account numbers.

    Args:
        file: where to; None writes nothing.
        credentials: what must never be written.
        clock: our time.
    """

    def __init__(self, file: Writer | None, credentials: AlpacaCredentials, clock: Clock) -> None:
        self._file = file
        self._secrets = (credentials.secret, credentials.key_id)
        self._clock = clock
        self.check = ""

    def note(self, **facts: object) -> None:
        """Write one line."""
        if self._file is None:
            return
        line = {"check": self.check, "at": self._clock.now().isoformat(), **facts}
        text = json.dumps(_without_private(line), default=_number)
        for secret in self._secrets:
            text = text.replace(secret, "removed")
        self._file.write(text.encode() + b"\n")


def _without_private(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            name: "removed" if name in _PRIVATE else _without_private(each) for name, each in value.items()
        }
    return [_without_private(each) for each in value] if isinstance(value, list) else value


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)  # as it stood in the JSON, without quotes
    raise TypeError(f"a {type(value).__name__} does not belong on the tape")


class Ear:
    """Hears the order stream, frame by frame, as it comes.

    Attributes:
        kinds: of each frame since the opening, `text` or `binary`.
        events: the data of each trade update since then.
    """

    def __init__(self, socket: Socket, tape: Tape, clock: Clock) -> None:
        self.kinds: list[str] = []
        self.events: list[dict[str, Any]] = []
        self._socket, self._tape, self._clock = socket, tape, clock

    async def log_in(self, credentials: AlpacaCredentials) -> None:
        """Log in and listen.

        Raises:
            BrokerUnavailable: the stream did not say that it listens.
        """
        key = {"key_id": credentials.key_id, "secret_key": credentials.secret}
        await self._say({"action": "authenticate", "data": key})
        await self._say({"action": "listen", "data": {"streams": [TRADE_UPDATES]}})
        async with deadline(self._clock, Deadlines().open_s):
            while (message := await self._hear()).get("stream") != "listening":
                if "unauthorized" in str(message.get("data")):
                    raise self._socket.peer.refused("unauthorized")

    async def until(self, is_wanted: Callable[[dict[str, Any]], bool], within_s: float) -> bool:
        """Listen until a trade update is the one that is wanted; say whether it came in time."""
        try:
            async with deadline(self._clock, within_s):
                while True:
                    message = await self._hear()
                    data = message.get("data")
                    if message.get("stream") != TRADE_UPDATES or not isinstance(data, dict):
                        continue
                    self.events.append(data)
                    if is_wanted(data):
                        return True
        except TimeoutError:
            return False

    async def close(self) -> None:
        """End the connection."""
        await self._socket.close()

    async def _say(self, message: Mapping[str, Any]) -> None:
        self._tape.note(stream="orders", sent=message)
        await self._socket.send(json.dumps(message))

    async def _hear(self) -> dict[str, Any]:
        frame = await self._socket.receive()
        kind = "text" if isinstance(frame, str) else "binary"
        self.kinds.append(kind)
        try:
            message = decode(frame)
        except ValueError as error:
            raise BrokerUnavailable(
                f"{self._socket.peer.what}: a frame could not be read: {error}"
            ) from error
        self._tape.note(stream="orders", frame=kind, heard=message)
        return message
