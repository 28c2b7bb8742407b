"""When the broker's order stream and the feed came up and were lost, in the audit record."""

from collections import deque

from core.bus import Bus
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import LinkChanged, LinkState, Part
from core.ports.journal import Journal
from core.tasks import Tasks

# The broker is connected where its order stream is: one record tells of both.
_WORDS = {Part.ORDERS: "broker and order stream", Part.FEED: "market data"}


class LinkRecord:
    """Records each coming up and each loss, and none of the tries in between. Lives on the core loop.

    It writes beside the links, one record after the other: no order and no report waits for it.
    """

    def __init__(self, journal: Journal, desk: Actor, bus: Bus, tasks: Tasks) -> None:
        self._journal = journal
        self._desk = desk
        self._tasks = tasks
        self._up: dict[Part, bool] = {}
        self._due: deque[AuditDraft] = deque()
        self._is_writing = False
        bus.subscribe(LinkChanged, self._on_link)

    def _on_link(self, event: LinkChanged) -> None:
        words = _WORDS.get(event.part)
        is_up = event.state is not LinkState.DOWN
        if words is None or event.state is LinkState.CONNECTING or self._up.get(event.part) is is_up:
            return
        self._up[event.part] = is_up
        entity = f"{words} {'up' if is_up else 'lost'}"
        facts = {"part": event.part.value, "after": event.state.value, "reason": event.text}
        self._due.append(AuditDraft(AuditAction.LINK_CHANGED, self._desk, entity, payload_of(facts)))
        if not self._is_writing:
            self._is_writing = True
            self._tasks.spawn(self._write(), "link record")

    async def _write(self) -> None:
        try:
            while self._due:
                await self._journal.record_anyway(self._due.popleft())
        finally:
            self._is_writing = False
