"""Rules that make a local server fail on purpose: which request or frame, which time, in which way.

A rule is matched on channel (`http` or `frame`), method, path and, for frames, the word of the message
(`fill`, `q`). It skips the first `skip` matches, acts `times` times (None: always) and is then spent.
Every live rule counts every match; the first that is ready acts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

HTTP = "http"
FRAME = "frame"


@dataclass(slots=True)
class Rule:
    """One fault. `seen` counts the matches, `hits` how often it acted."""

    action: str
    channel: str = HTTP
    method: str = "*"
    path: str = "*"
    word: str = "*"
    skip: int = 0
    times: int | None = 1
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0

    def option(self, name: str, otherwise: Any = None) -> Any:
        return self.options.get(name, otherwise)

    def fits(self, channel: str, method: str, path: str, word: str) -> bool:
        return (
            channel == self.channel
            and self.method in ("*", method)
            and fnmatchcase(path, self.path)
            and fnmatchcase(word, self.word)
            and (self.times is None or self.hits < self.times)
        )

    @property
    def is_ready(self) -> bool:
        return self.seen > self.skip


class UnknownFaultError(ValueError):
    """The rule names an action that no server has."""


class Faults:
    """The rules of one server, and the gate at which hanging requests and streams wait.

    Args:
        settle: Waits until the server's streams have sent what they have; set by the server.
        refuse_connections: Closes the listeners; set by the server.
    """

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.waiting = 0
        self.settle: Callable[[], Awaitable[None]] | None = None
        self.refuse_connections: Callable[[], Awaitable[None]] | None = None
        self._gate = asyncio.Event()

    def http(
        self,
        action: str,
        method: str = "*",
        path: str = "*",
        *,
        skip: int = 0,
        times: int | None = 1,
        **options: Any,
    ) -> Rule:
        """Fail requests; `path` is a shell pattern on the path without its query."""
        return self._add(Rule(action, HTTP, method, path, "*", skip, times, options))

    def frame(
        self,
        action: str,
        path: str = "*",
        word: str = "*",
        *,
        skip: int = 0,
        times: int | None = 1,
        **options: Any,
    ) -> Rule:
        """Fail frames of a websocket.

        `word` is a pattern on what the frame is about: `connect`, `auth` and `listen` (`subscribe` on data
        streams) for the answers of the handshake, else the event (`fill`) or the type of the message (`q`).
        """
        return self._add(Rule(action, FRAME, "*", path, word, skip, times, options))

    def add(self, description: dict[str, Any]) -> Rule:
        """Add a rule that came as JSON: the names of `Rule`, everything else is an option."""
        known = {
            name: description[name]
            for name in ("method", "path", "word", "skip", "times")
            if name in description
        }
        channel = description.get("channel", HTTP)
        options = {
            name: value for name, value in description.items() if name not in (*known, "action", "channel")
        }
        return self._add(Rule(str(description.get("action")), channel, options=options, **known))

    def take(self, channel: str, method: str, path: str, word: str = "*") -> Rule | None:
        """The rule that acts on this request or frame, if any."""
        fitting = [rule for rule in self.rules if rule.fits(channel, method, path, word)]
        for rule in fitting:
            rule.seen += 1
        ready = next((rule for rule in fitting if rule.is_ready), None)
        if ready is not None:
            ready.hits += 1
        return ready

    def clear(self) -> None:
        """Forget every rule and let go what hangs."""
        self.rules.clear()
        self.release()

    def release(self) -> None:
        """Let every hanging request and muted stream go on; later ones hang again."""
        self._gate.set()
        self._gate = asyncio.Event()

    async def hold(self) -> None:
        """Wait for `release` or `clear`; `waiting` says how many do."""
        gate = self._gate
        self.waiting += 1
        try:
            await gate.wait()
        finally:
            self.waiting -= 1

    def _add(self, rule: Rule) -> Rule:
        from tests.servers.frame_faults import FRAME_ACTIONS
        from tests.servers.http_faults import HTTP_ACTIONS

        known = HTTP_ACTIONS if rule.channel == HTTP else FRAME_ACTIONS
        if rule.action not in known:
            raise UnknownFaultError(f"{rule.action!r} is not one of {sorted(known)}")
        self.rules.append(rule)
        return rule
