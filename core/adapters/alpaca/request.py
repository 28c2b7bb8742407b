"""One HTTP request on its way to an SDK thread: what is asked, what came back, and what had left by then."""

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        method: GET, POST, PATCH or DELETE.
        path: below the version, such as `/orders`.
        fields: the query of a GET or DELETE, the JSON body of the others.
        version: the part of the address before the path.
        total_s: seconds of our clock from the asking to the whole answer; then the socket is closed.
        most_bytes: the largest answer that is read, unpacked.
    """

    method: str
    path: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    version: str = "v2"
    total_s: float = 10.0
    most_bytes: int = 8 * 2**20

    @property
    def name(self) -> str:
        """Say it in one line, without what it carries."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        content: the JSON, numbers with a point as Decimals; None for an empty body or one that is no JSON.
        unreadable: why the body is no JSON that we take; empty where it is, or where there is none.
    """

    status: int
    headers: Mapping[str, str]
    content: Any
    unreadable: str

    @property
    def is_success(self) -> bool:
        """Whether the status says so."""
        return 200 <= self.status < 300


class Connection(Protocol):
    """The part of an HTTP connection by which its socket is ended."""

    sock: socket.socket | None


class AbandonedError(Exception):
    """Nobody waits any more, and nothing was sent yet: so nothing is."""


class Job:
    """A request between the core loop, which may give it up, and the thread that carries it out.

    `sent` turns true before the first byte leaves, and never after the job was given up: so where it is
    false then, nothing was sent and nothing will be.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answer: Answer | None = None
        self.failure = ""
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._sent = False
        self._given_up = False

    @property
    def sent(self) -> bool:
        """Whether a byte may have left."""
        with self._lock:
            return self._sent

    def connecting(self, connection: Connection) -> None:
        """Name the connection; called on the thread.

        Raises:
            AbandonedError: the job was given up.
        """
        with self._lock:
            self._connection = connection
            if self._given_up:
                raise AbandonedError

    def sending(self) -> None:
        """Say that bytes leave now; called on the thread.

        Raises:
            AbandonedError: the job was given up before.
        """
        with self._lock:
            if self._given_up:
                raise AbandonedError
            self._sent = True

    def give_up(self) -> None:
        """Let no byte leave from now on, and end the socket, so that the thread comes back at once."""
        with self._lock:
            self._given_up = True
            sock = None if self._connection is None else self._connection.sock
        if sock is None:
            return
        try:
            # The plain shutdown: that of a TLS socket takes apart what the thread is reading with.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            return  # it has ended already


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read an answer's body: JSON with exact numbers, or the reason why it is none."""
    lower = {name.lower(): value for name, value in headers.items()}
    if not body.strip():
        return Answer(status, lower, None, "")
    try:
        content = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, InvalidOperation, RecursionError) as error:
        kind = lower.get("content-type", "no type").partition(";")[0]
        reason = f"{len(body)} bytes of {kind} that are no JSON ({type(error).__name__})"
        return Answer(status, lower, None, reason)
    return Answer(status, lower, content, "")


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
