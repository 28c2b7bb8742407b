"""Alpaca's REST, and what each of its answers proves.

Definitive are 400, 401, 403, 404, 422 and 429: by their meaning the request was not accepted. Whatever else
came, or did not come, after a byte of an order had left proves nothing. A question may be asked again; an
order, a replacement and a cancel are sent once.
"""

import re
from collections.abc import Mapping
from random import Random
from typing import Any

import structlog

from core.adapters.alpaca.lanes import Lane
from core.adapters.alpaca.limiter import Limiter, Priority
from core.adapters.alpaca.request import Answer, Request
from core.adapters.alpaca.sockets import Peer
from core.clock import Clock
from core.errors import (
    BrokerError,
    BrokerRejected,
    BrokerUnavailable,
    NotEntitled,
    OutcomeUnknown,
    RateLimited,
)

TRIES = 3
# All tries of one question together, the waiting between them included, the rate limit's aside.
BUDGET_S = 20.0
ORDER_S = 8.0
NOT_FOUND = "404"
DUPLICATE = "40010001"
_PAUSES_S = (0.25, 1.0)
_LONGEST_TEXT = 500
# With one of these a 403 is about the order, without it about the key.
_TRADING_CODE = re.compile(r"403\d{5}")
_DEFINITIVE = frozenset({400, 404, 422})
_NOT_IN_PLAN = ("subscription", "not entitled", "insufficient subscription")

_log = structlog.get_logger("alpaca.rest")


class _Judged(Exception):
    def __init__(self, error: BrokerError, *, may_repeat: bool) -> None:
        super().__init__(error)
        self.error = error
        self.may_repeat = may_repeat


class Rest:
    """Asks and tells. Used on the core loop.

    Args:
        peer: who answers, for people, and with which key.
        limiter: grants each request.
        clock: our time.
    """

    def __init__(self, peer: Peer, limiter: Limiter, clock: Clock) -> None:
        self._peer = peer
        self._limiter = limiter
        self._clock = clock
        self._jitter = Random(7)

    async def ask(self, lane: Lane, request: Request, priority: Priority) -> Any:  # noqa: ANN401 - JSON
        """Ask a question, again where that may help, and return the JSON of the answer.

        Raises:
            BrokerRejected: the question was refused; the code of an unknown object begins with 404.
            BrokerUnavailable: there is no answer that can be used.
        """
        ends = self._clock.monotonic() + BUDGET_S
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._ask_once(lane, request, priority)
            except _Judged as judged:
                error, may_repeat = judged.error, judged.may_repeat
            pause = self._pause(attempt)
            if not may_repeat or attempt == TRIES or self._clock.monotonic() + pause > ends:
                raise error
            _log.debug("question.repeated", request=request.name, attempt=attempt, reason=str(error))
            # A throttled question waits at the limiter, which knows until when.
            if not isinstance(error, RateLimited):
                await self._clock.sleep(pause)

    async def tell(self, lane: Lane, request: Request, priority: Priority) -> Any:  # noqa: ANN401 - JSON
        """Send something that changes the account, once, and return the JSON of the answer.

        Raises:
            BrokerRejected: proves that it was not accepted; text and code are Alpaca's.
            BrokerUnavailable: proves that it was not sent, or not accepted.
            OutcomeUnknown: nobody knows.
        """
        await self._limiter.take(priority)
        answer = await self._run(lane, request)
        error = self._refusal(answer, request)
        if error is not None:
            raise error
        if not answer.is_success or answer.unreadable:
            raise OutcomeUnknown(f"{self._name(request)}: {_what_came(answer)}")
        return answer.content

    async def _ask_once(self, lane: Lane, request: Request, priority: Priority) -> Any:  # noqa: ANN401 - JSON
        await self._limiter.take(priority)
        try:
            answer = await self._run(lane, request)
        except (BrokerUnavailable, OutcomeUnknown) as error:
            # Of a question it does not matter whether it arrived.
            raise _Judged(BrokerUnavailable(str(error)), may_repeat=True) from error
        if answer.is_success and answer.content is not None:
            return answer.content
        refusal = None if answer.unreadable else self._refusal(answer, request)
        if refusal is not None:
            raise _Judged(refusal, may_repeat=isinstance(refusal, RateLimited))
        words = f"{self._name(request)}: {_what_came(answer)}"
        raise _Judged(BrokerUnavailable(words), may_repeat=not 300 <= answer.status < 500)

    async def _run(self, lane: Lane, request: Request) -> Answer:
        begun = self._clock.monotonic()
        answer = await lane.run(request)
        self._limiter.observe(answer.headers)
        if answer.status == 429:
            self._limiter.refused(self._limiter.retry_after(answer.headers))
        _log.debug(
            "request.answered",
            request=request.name,
            status=answer.status,
            ms=round((self._clock.monotonic() - begun) * 1000.0, 1),
            request_id=answer.headers.get("x-request-id", ""),
        )
        return answer

    def _refusal(self, answer: Answer, request: Request) -> BrokerError | None:
        """Say what a definitive refusal proves; None where the answer is none."""
        code, text = refusal_words(answer)
        if answer.status == 429:
            words = f"{self._name(request)}: too many requests (HTTP 429: {text}); it was not accepted"
            return RateLimited(words, self._limiter.retry_after(answer.headers))
        if answer.status == 403 and any(words in text.lower() for words in _NOT_IN_PLAN):
            return NotEntitled(f"{self._name(request)}: {text}")
        if answer.status == 401 or (answer.status == 403 and not _TRADING_CODE.fullmatch(code)):
            if answer.unreadable:  # a page of something that stands between us and Alpaca
                return BrokerUnavailable(f"{self._name(request)}: {_what_came(answer)}; it was not accepted")
            other = "a key for paper money opens no live account, and the reverse"
            return self._peer.refused(f"HTTP {answer.status}: {text}; {other}")
        if answer.status in _DEFINITIVE or answer.status == 403:
            return BrokerRejected(text, code)
        return None

    def _name(self, request: Request) -> str:
        return f"{self._peer.what}, {request.name}"

    def _pause(self, attempt: int) -> float:
        usual = _PAUSES_S[min(attempt, len(_PAUSES_S)) - 1]
        return usual * self._jitter.uniform(0.5, 1.5)


def refusal_words(answer: Answer) -> tuple[str, str]:
    """Return code and text of a refusal, the text as Alpaca wrote it; the status where there is none."""
    content: Mapping[str, Any] = answer.content if isinstance(answer.content, dict) else {}
    code, message = content.get("code"), content.get("message")
    is_code = isinstance(code, int) and not isinstance(code, bool)
    text = message if isinstance(message, str) and message else f"HTTP {answer.status}"
    return str(code) if is_code else str(answer.status), text[:_LONGEST_TEXT]


def is_not_found(error: BrokerRejected) -> bool:
    """Say whether a refusal proves that Alpaca has no such thing, for now.

    Only Alpaca's own code does: a bare 404 may be a proxy's, or of an address that moved.
    """
    return error.code.startswith(NOT_FOUND) and error.code != NOT_FOUND


def _what_came(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return f"HTTP {answer.status}, a redirect, which is not followed"
    if answer.unreadable:
        return f"HTTP {answer.status} with {answer.unreadable}"
    if answer.is_success:
        return f"HTTP {answer.status} without content"
    return f"HTTP {answer.status}: {refusal_words(answer)[1]}"
