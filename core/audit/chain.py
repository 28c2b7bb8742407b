"""The chain of the audit record, walked record by record.

Shares no code with `ledger`: one cannot excuse the other.
"""

import hashlib
import json
import struct
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable

from core.audit.witnessed import NOTHING_KNOWN, Known
from core.domain.audit import AuditFault, AuditHead, AuditRecord

START = AuditHead(0, "A" * 43)  # 32 zero bytes
MOST_FAULTS = 100

_LABEL = b"investiq-audit-v1"
_GENESIS = "genesis"
# The records in whose transaction an order id is made.
_MINTED = frozenset({"order.prepared", "replace.requested"})
_SEALED = "segment.sealed"
_ARCHIVED = "fills.archived"
_OURS = "IQ-"
_OURS_LENGTH = 36
_WITNESS = 11
_numbers = struct.Struct(">17sIQIq").pack
_length = struct.Struct(">I").pack
_SAFE, _PLAIN = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_+/", b"+/??")


class Chain:
    """A walk along the chain, record by record, in memory of constant size.

    Attributes:
        verified_to: number of the last record up to which everything holds.
        faults: the first hundred.
        witnesses: order ids that were held against the chain.
        witnessed_to: number of the last record before one of them that agreed.
        sealing: digest of the newest seal, as the record of it says, and the number of that record.
        fills_seal: the same of archived fills, the digest alone.
    """

    def __init__(self, start: AuditHead = START, known: Known = NOTHING_KNOWN) -> None:
        self._last: AuditHead | AuditRecord = start
        self._known = known
        self._anchored = self._agreed = start.seq
        self._is_other = False
        self._is_sound = True
        self.verified_to = start.seq
        self.faults: list[AuditFault] = []
        self.witnesses = 0
        self.witnessed_to = 0
        self.sealing = ("", 0)
        self.fills_seal = ""

    @property
    def head(self) -> AuditHead:
        """The record that was walked last."""
        return AuditHead(self._last.seq, self._last.digest)

    def walk(self, records: Iterable[AuditRecord]) -> None:
        """Check records that follow, ascending as stored."""
        for record in records:
            fault = self._fault(record)
            self._is_sound = fault is None
            if fault is not None:
                self.note(record.seq, fault)
            elif not self.faults:
                self.verified_to = record.seq
            # What comes next is held against what stands here, so that one edit is one fault.
            self._last = record

    def expect(self, known: AuditHead, place: str = "") -> None:
        """Check a head that is known to have existed; called when the walk stands on or before it.

        The first that does not fit is told, since all that follow it do not fit either.
        """
        by = f" ({place})" if place else ""
        if self._last.seq < known.seq:
            self.note(
                self._last.seq + 1,
                f"records up to {known.seq} are known to have existed and are missing{by}: "
                "the record was cut, or put back to an earlier state",
            )
        elif self._last.seq == known.seq and self._last.digest == known.digest:
            self._anchored = known.seq
        elif self._is_sound and not self._is_other:
            # A record that is not sound in itself has its fault already.
            self._is_other = True
            self.note(
                known.seq,
                f"another record stands here than the one that is known to have existed{by}: "
                f"history was written anew at some record after {self._anchored}",
            )
            self._doubt_after(self._anchored)

    def _doubt_after(self, seq: int) -> None:
        # Nothing between the last witness that agreed and the one that does not is vouched for.
        self.verified_to = min(self.verified_to, seq)

    def leap(self, head: AuditHead) -> None:
        """Stand on a record that was sealed, and go on from there."""
        self._last = head
        self._is_sound = True
        if not self.faults:
            self.verified_to = head.seq

    def note(self, seq: int, reason: str) -> None:
        """Keep a fault; nothing from there on counts as verified."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(AuditFault(seq, reason))
            self.verified_to = min(self.verified_to, seq - 1)

    def _fault(self, record: AuditRecord) -> str | None:
        last = self._last
        if record.seq != last.seq + 1:
            return f"number {record.seq} follows number {last.seq}: some are missing, added or moved"
        if record.prev_digest != last.digest:
            return (
                "it does not continue the record before it: one of the two was changed, or the chain forked"
            )
        if last.seq == 0:
            return self._no_genesis(record) or _changed(record)
        return _changed(record) or self._unwitnessed(record)

    def _no_genesis(self, record: AuditRecord) -> str | None:
        if record.action != _GENESIS:
            return "the first record is not the genesis"
        try:
            facts = json.loads(record.payload)
            bound = str(facts.get("installation_id", "")), str(facts.get("public_key", ""))
        except (ValueError, TypeError, AttributeError):
            return "the genesis says nothing that can be read"
        here = self._known.installation_id, self._known.public_key.hex()
        for what, in_genesis, found in zip(("database", "signing key"), bound, here, strict=True):
            if in_genesis and found and in_genesis != found:
                return f"the genesis was made for another {what} than the one that is here"
        return None

    def _unwitnessed(self, record: AuditRecord) -> str | None:
        cl_ord_id = record.cl_ord_id
        if record.action == _SEALED:
            self.sealing = _seal_in(record), record.seq
        elif record.action == _ARCHIVED:
            self.fills_seal = _seal_in(record)
        if record.action not in _MINTED or not cl_ord_id.startswith(_OURS) or len(cl_ord_id) != _OURS_LENGTH:
            return None
        self.witnesses += 1
        if cl_ord_id[-_WITNESS:] == record.prev_digest[:_WITNESS]:
            self._agreed = self.witnessed_to = record.seq - 1
            return None
        self._doubt_after(max(self._anchored, self._agreed))
        return f"order {cl_ord_id} bears witness to another record before it than the one that stands here"


def _seal_in(record: AuditRecord) -> str:
    try:
        return str(json.loads(record.payload)["seal"])
    except (ValueError, TypeError, KeyError):
        return "nothing that can be read"


def _changed(record: AuditRecord) -> str | None:
    try:
        if _letters(hashlib.sha256(record.payload.encode()).digest()) != record.payload_hash:
            return "the payload is not the one that was recorded"
        if _letters(_digest(record)) != record.digest:
            return "a column is not what was recorded"
    except (UnicodeEncodeError, struct.error, ValueError, TypeError, AttributeError):
        # Also of another type: the database itself would take a number or bytes where a text belongs.
        return "a column holds what cannot have been recorded"
    return None


def _digest(record: AuditRecord) -> bytes:
    # Written out, since a million records are read: a loop over the columns takes half as long again.
    actor, role = record.actor.encode(), record.role.encode()
    session, action = record.session.encode(), record.action.encode()
    entity, order_id = record.entity.encode(), record.order_id.encode()
    cl_ord_id, payload_hash = record.cl_ord_id.encode(), record.payload_hash.encode()
    before = a2b_base64((record.prev_digest + "=").encode().translate(_PLAIN), strict_mode=True)
    joined = b"".join(
        (
            _numbers(_LABEL, 8, record.seq, 8, record.ts_utc_us),
            _length(len(actor)), actor, _length(len(role)), role,
            _length(len(session)), session, _length(len(action)), action,
            _length(len(entity)), entity, _length(len(order_id)), order_id,
            _length(len(cl_ord_id)), cl_ord_id, _length(len(payload_hash)), payload_hash,
            _length(len(before)), before,
        )
    )  # fmt: skip
    return hashlib.sha256(joined).digest()


def _letters(digest: bytes) -> str:
    return b2a_base64(digest, newline=False)[:43].translate(_SAFE).decode("ascii")
