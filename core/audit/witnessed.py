"""What witnesses outside the database know of the chain. Read apart from `anchors`, which writes it."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.audit import AuditAnchor, AuditFault, AuditHead
from core.errors import DatabaseDamaged, KeyringUnavailable, StorageError
from core.ports.anchors import Witness

_LABEL = b"investiq-anchor-v1"
_LENGTH = struct.Struct(">I")
_NAMES = {"at_us", "digest", "installation_id", "seq", "signature", "v"}


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head that was signed when it stood, and where that is kept.

    Attributes:
        line: as it was signed.
        at_us: when it was signed, our time, microseconds since 1970-01-01 UTC.
    """

    head: AuditHead
    place: str
    line: str
    at_us: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What all witnesses of one installation say.

    Attributes:
        installation_id: whose chain it is about; empty where nobody says.
        public_key: of its signatures, 32 bytes; empty where there is none.
        heads: ascending.
        faults: what a witness holds that this installation did not sign.
        silent: which witnesses gave no answer, and why.
    """

    installation_id: str = ""
    public_key: bytes = b""
    heads: tuple[KnownHead, ...] = ()
    faults: tuple[AuditFault, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Name the witnesses that hold a head, each once."""
        return tuple(each.place for each in self.held)

    @property
    def held(self) -> tuple[AuditAnchor, ...]:
        """Say what each of these witnesses keeps, in the order in which they come in."""
        found: dict[str, AuditAnchor] = {}
        for each in self.heads:
            count = found[each.place].count if each.place in found else 0
            found[each.place] = AuditAnchor(each.place, count + 1, each.head.seq, each.at_us)
        return tuple(found.values())


NOTHING_KNOWN = Known()


class Witnesses:
    """Asks every witness of an installation. Blocks: used on a thread.

    Args:
        installation_id: of the database.
        public_key: of the installation, 32 bytes.
    """

    def __init__(self, installation_id: str, public_key: bytes, all_: Sequence[Witness]) -> None:
        self._installation_id = installation_id
        self._public_key = public_key
        self._all = tuple(all_)

    def ask(self) -> Known:
        """Read and check every line that is kept anywhere; never raises."""
        heads: list[KnownHead] = []
        faults: list[AuditFault] = []
        silent: list[str] = []
        for witness in self._all:
            try:
                lines = witness.lines()
            except DatabaseDamaged as error:
                faults.append(AuditFault(0, f"{witness.place}: {error}"))
                continue
            except (StorageError, KeyringUnavailable) as error:
                silent.append(f"{witness.place}: {error}")
                continue
            for line in lines:
                try:
                    heads.append(KnownHead(self.check(line), witness.place, line, _signed_at(line)))
                except ValueError as error:
                    faults.append(AuditFault(_claimed(line), f"{witness.place}: {error}"))
        heads.sort(key=lambda each: each.head.seq)
        return Known(self._installation_id, self._public_key, tuple(heads), tuple(faults), tuple(silent))

    def check(self, line: str) -> AuditHead:
        """Return the head that a line says stood.

        Raises:
            ValueError: this installation did not sign it; says what is wrong.
        """
        found = _fields(line)
        if found is None:
            raise ValueError("a line is no anchor")
        if found["installation_id"] != self._installation_id:
            raise ValueError("an anchor is of another installation")
        head = AuditHead(found["seq"], found["digest"])
        if not self._is_signed(found):
            raise ValueError(f"the anchor of record {head.seq} was not signed by this installation")
        return head

    def _is_signed(self, found: dict[str, Any]) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            signature = bytes.fromhex(str(found["signature"]))
            Ed25519PublicKey.from_public_bytes(self._public_key).verify(signature, _message(found))
        except (InvalidSignature, ValueError, struct.error):
            return False
        return True


def _fields(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or set(found) != _NAMES or found["v"] != 1:
        return None
    numbers = all(type(found[name]) is int for name in ("seq", "at_us"))
    texts = all(isinstance(found[name], str) for name in ("digest", "installation_id", "signature"))
    return found if numbers and texts else None


def _message(found: dict[str, Any]) -> bytes:
    made = _LABEL
    for part in (
        found["installation_id"].encode(),
        struct.pack(">q", found["seq"]),
        found["digest"].encode(),
        struct.pack(">q", found["at_us"]),
    ):
        made += _LENGTH.pack(len(part)) + part
    return made


def _signed_at(line: str) -> int:
    found = _fields(line)
    return 0 if found is None else int(found["at_us"])


def _claimed(line: str) -> int:
    found = _fields(line)
    return 0 if found is None else int(found["seq"])
