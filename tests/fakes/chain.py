"""A chain in memory that can be tampered with, a key that signs its heads, and a witness that keeps them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.audit import ledger
from core.audit.anchors import anchor_line
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, AuditHead, AuditRecord, AuditSegment, payload_of
from core.errors import InvestIQError
from core.ids import CountedIds, mint_cl_ord_id
from core.storage.anchors import SigningKey

INSTALLATION = "installation-1"
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
DESK = Actor("kim", "trader", Origin.DESK, "s1")
START = AuditHead(0, "A" * 43)
SIGNER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
MINTED = (AuditAction.ORDER_PREPARED, AuditAction.REPLACE_REQUESTED)


def head_of(records: Sequence[AuditRecord]) -> AuditHead:
    return AuditHead(records[-1].seq, records[-1].digest) if records else START


def whole_chain(word: str = "AAPL", key: SigningKey = SIGNER) -> tuple[AuditRecord, ...]:
    """Make a chain with a record of every action there is; those that mint an order id bear witness."""
    records: list[AuditRecord] = []
    ids = CountedIds()
    for action in AuditAction:
        head = head_of(records)
        order = mint_cl_ord_id(ids, head.digest) if action in MINTED else ""
        facts = {"price": "189.43", "text": f"{word} — {action}"}
        # Nothing is in an archive yet, and so it says.
        payload = payload_of({**facts, "seal": ""} if action is AuditAction.SEGMENT_SEALED else facts)
        draft = AuditDraft(action, DESK, f"{word} buy 20", payload, f"b-{len(records)}", order)
        if action is AuditAction.GENESIS:
            draft = ledger.genesis(INSTALLATION, 1, DESK, key.public_key.hex())
        records.append(ledger.seal(head, draft, NOW))
    return tuple(records)


def resealed(records: Iterable[AuditRecord], start: int) -> list[AuditRecord]:
    """What a forger does who knows the program: number and seal every record anew from a place on."""
    made = list(records)
    for place in range(start, len(made)):
        old = made[place]
        actor = Actor(old.actor, old.role, Origin.DESK, old.session)
        action = AuditAction(old.action)
        draft = AuditDraft(action, actor, old.entity, old.payload, old.order_id, old.cl_ord_id)
        made[place] = ledger.seal(head_of(made[:place]), draft, NOW)
    return made


def reminted(records: Iterable[AuditRecord], start: int) -> list[AuditRecord]:
    """The same, with order ids made anew as well: the broker's list alone would tell."""
    made = list(records)
    ids = CountedIds("F")
    for place in range(start, len(made)):
        if made[place].cl_ord_id:
            made[place] = replace(made[place], cl_ord_id=mint_cl_ord_id(ids, head_of(made[:place]).digest))
        made = resealed(made[: place + 1], place) + made[place + 1 :]
    return made


class ChainStore:
    """`ports.storage.Store` over a list of records that anybody may change; read as the database does."""

    def __init__(self, records: Iterable[AuditRecord] = ()) -> None:
        self.records = list(records)
        self.segments: tuple[AuditSegment, ...] = ()
        self.error: InvestIQError | None = None

    async def read(self, query: Callable[[Any], Any]) -> Any:
        if self.error is not None:
            raise self.error
        return query(self)

    def audit_head(self) -> AuditHead:
        return head_of(sorted(self.records, key=lambda each: each.seq))

    def audit_segments(self) -> tuple[AuditSegment, ...]:
        return self.segments

    def audit_records(self, after_seq: int, limit: int) -> tuple[AuditRecord, ...]:
        found = sorted((each for each in self.records if each.seq > after_seq), key=lambda each: each.seq)
        return tuple(found[:limit])


class KeptLines:
    """`ports.anchors.Witness` in memory, which fails as it is told to."""

    def __init__(self, place: str = "side file", *kept: str, every_s: float = 0.5) -> None:
        self.place = place
        self.every_s = every_s
        self.kept = list(kept)
        self.error: InvestIQError | None = None

    def keep(self, line: str) -> None:
        if self.error is not None:
            raise self.error
        self.kept.append(line)

    def lines(self) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        return tuple(self.kept)


def line_of(record: AuditRecord, signer: SigningKey = SIGNER, installation: str = INSTALLATION) -> str:
    return anchor_line(signer, installation, AuditHead(record.seq, record.digest), NOW)
