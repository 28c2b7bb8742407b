"""Signs the head of the chain, off the order path, and shows it to witnesses outside the database."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from core.audit.witnessed import Witnesses
from core.bus import Bus
from core.clock import Clock
from core.domain.audit import AuditAnchor, AuditHead
from core.domain.messages import Notice, Severity
from core.errors import KeyringUnavailable, StorageError
from core.metrics import Sample, Watched
from core.ports.anchors import Signer, Witness
from core.ports.storage import Reader, Store

VERSION = b"investiq-anchor-v1"
AGAIN_S = 60.0  # after which a witness that was away is asked again

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = structlog.get_logger("anchors")


def anchor_line(signer: Signer, installation_id: str, head: AuditHead, now: datetime) -> str:
    """Sign a head and write it as a witness keeps it: one line of JSON.

    Args:
        now: our time, UTC.
    """
    at_us = _us(now)
    parts = (
        installation_id.encode(),
        head.seq.to_bytes(8, "big"),
        head.digest.encode(),
        at_us.to_bytes(8, "big", signed=True),
    )
    message = VERSION + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    anchor = {
        "at_us": at_us,
        "digest": head.digest,
        "installation_id": installation_id,
        "seq": head.seq,
        "signature": signer.sign(message).hex(),
        "v": 1,
    }
    return json.dumps(anchor, sort_keys=True, separators=(",", ":"))


class Anchorer:
    """Shows every witness the newest head, each at its own pace. Lives on the core loop.

    A witness that knows more than the database, or something else, is shown nothing: what it holds is the
    proof of a roll-back, and the next line could push it out.

    Args:
        installation_id: of the database.
    """

    def __init__(
        self,
        store: Store,
        installation_id: str,
        signer: Signer,
        witnesses: Sequence[Witness],
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._store = store
        self._installation_id = installation_id
        self._signer = signer
        self._clock = clock
        self._bus = bus
        self._shown = [_Shown(each) for each in witnesses]
        self._reading = Witnesses(installation_id, signer.public_key, ())

    async def run(self) -> None:
        """Anchor until cancelled; a witness that fails is asked again, and the others do not wait for it."""
        async with asyncio.TaskGroup() as group:
            for shown in self._shown:
                group.create_task(self._keep_showing(shown))

    async def anchor(self) -> None:
        """Show the head to every witness once; at the end, after the last record."""
        await asyncio.gather(*(self._show(shown) for shown in self._shown))

    def shown(self) -> tuple[AuditAnchor, ...]:
        """Say what each witness was shown last since the start."""
        return tuple(each.last for each in self._shown if each.last is not None)

    def heads(self) -> Iterable[Sample]:
        """Tell the number of the newest record that each witness was shown."""
        for shown in self._shown:
            if shown.head is not None:
                yield Sample((shown.witness.place,), shown.head.seq)

    def missed(self) -> Iterable[Sample]:
        """Tell for how many seconds each witness could not be shown the record; 0 where it can."""
        now = self._clock.monotonic()
        for shown in self._shown:
            since = now if shown.away_since is None else shown.away_since
            yield Sample((shown.witness.place,), now - since)

    async def _keep_showing(self, shown: "_Shown") -> None:
        while not shown.is_contradicted:
            await self._show(shown)
            every_s = shown.witness.every_s
            await self._clock.sleep(every_s if shown.away_since is None else min(every_s, AGAIN_S))

    async def _show(self, shown: "_Shown") -> None:
        try:
            if await self._continues(shown):
                await self._show_head(shown)
                self._note_back(shown)
        except (StorageError, KeyringUnavailable) as error:
            if shown.away_since is None:
                shown.away_since = self._clock.monotonic()
                self._tell(Severity.WARNING, shown, f"the record could not be anchored: {error}")

    def _note_back(self, shown: "_Shown") -> None:
        if shown.away_since is not None:
            shown.away_since = None
            self._publish(Severity.FACT, shown, "the record is anchored again")

    async def _show_head(self, shown: "_Shown") -> None:
        head = await self._store.read(lambda reader: reader.audit_head())
        if head.seq == 0 or head == shown.head:
            return
        now = self._clock.now()
        line = anchor_line(self._signer, self._installation_id, head, now)
        await asyncio.to_thread(shown.witness.keep, line)
        shown.head = head
        shown.last = AuditAnchor(shown.witness.place, 1, head.seq, _us(now))

    async def _continues(self, shown: "_Shown") -> bool:
        if shown.is_contradicted:
            return False
        if shown.head is None:
            shown.head = self._newest(await asyncio.to_thread(shown.witness.lines))
        known = shown.head
        if known.seq and not await self._store.read(lambda reader: _stands(reader, known)):
            shown.is_contradicted = True
            words = f"record {known.seq} is not the one that was anchored: the record was cut, or put back"
            self._tell(Severity.ALARM, shown, f"{words}. Nothing more is anchored there")
        return not shown.is_contradicted

    def _newest(self, lines: Sequence[str]) -> AuditHead:
        found = [AuditHead(0, "")]
        for line in lines:
            try:
                found.append(self._reading.check(line))
            except ValueError as error:
                # The verifier reports it as a fault; here it is only no witness.
                _log.info("anchor.unreadable", reason=str(error))
        return max(found, key=lambda head: head.seq)

    def _tell(self, severity: Severity, shown: "_Shown", words: str) -> None:
        _log.warning("anchor.missed", place=shown.witness.place, reason=words)
        self._publish(severity, shown, words)

    def _publish(self, severity: Severity, shown: "_Shown", words: str) -> None:
        place = shown.witness.place
        self._bus.publish(Notice(severity, f"{place}: {words}", f"anchor:{place}"))


def anchor_numbers(anchorer: Anchorer | None) -> tuple[Watched, ...]:
    """Make the numbers of what the witnesses were shown; without an anchorer they show nothing."""
    return (
        Watched(
            "investiq_anchored_head",
            "Number of the newest audit record that a witness was shown.",
            lambda: () if anchorer is None else anchorer.heads(),
            "place",
        ),
        Watched(
            "investiq_anchor_missed_seconds",
            "How long a witness could not be shown the record; 0 where it can.",
            lambda: () if anchorer is None else anchorer.missed(),
            "place",
        ),
    )


class _Shown:
    """How far one witness has been shown the chain.

    Attributes:
        head: None until it was asked.
        last: what it was shown last; None where it was shown nothing yet.
        away_since: monotonic seconds since when it cannot be shown anything; None where it can.
    """

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.head: AuditHead | None = None
        self.last: AuditAnchor | None = None
        self.away_since: float | None = None
        self.is_contradicted = False


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _stands(reader: Reader, known: AuditHead) -> bool:
    found = reader.audit_records(known.seq - 1, 1)
    if found and found[0].seq == known.seq:
        return found[0].digest == known.digest
    # In an archive: the verifier holds it against that, here its seal is enough.
    return any(each.first_seq <= known.seq <= each.last_seq for each in reader.audit_segments())
