"""`keys.json`: the slots of a profile, sealed as a whole, and written whole or not at all."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import DatabaseDamaged, DatabaseMissing, StorageUnwritable
from core.storage.private_file import replacing
from core.storage.vault.cost import Cost
from core.storage.vault.key import KEY_BYTES, Key
from core.storage.vault.slots import (
    BOX_BYTES,
    FORMAT,
    NONCE_BYTES,
    SALT_BYTES,
    SEALED_BYTES,
    TAG_BYTES,
    Slot,
    SlotKind,
)

FILE = "keys.json"
_LABEL = b"investiq keys.json whole v2"
_LARGEST = 1024 * 1024
_MOST_SLOTS = 256


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What stands in the file.

    Attributes:
        format: 1 as written before there were several users; it has one slot.
        generation: 1, and one more each time the database got another raw key.
        key_made_at: when the raw key was made, UTC; None where that was not noted.
    """

    format: int
    generation: int
    key_made_at: datetime | None
    slots: tuple[Slot, ...]
    seal: bytes = b""

    def of(self, kind: SlotKind) -> tuple[Slot, ...]:
        """List the slots of a kind."""
        return tuple(slot for slot in self.slots if slot.kind is kind)

    def with_slot(self, slot: Slot) -> "KeyFile":
        """Return the file with a slot in the place of the one of its kind and user, or added."""
        kept = list(self.slots)
        for place, each in enumerate(kept):
            if (each.kind, each.user) == (slot.kind, slot.user):
                kept[place] = slot
                return replace(self, slots=tuple(kept))
        return replace(self, slots=(*kept, slot))


def read(folder: Path) -> KeyFile:
    """Read a profile's key file; whether it is sealed as it must be, only its key can tell.

    Raises:
        DatabaseMissing: there is none.
        DatabaseDamaged: it is not what was written.
        StorageUnwritable: it cannot be read.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            return _parsed(json.loads(file.read(_LARGEST)))
    except FileNotFoundError as error:
        raise DatabaseMissing(f"{path} is not there: without it the profile cannot be opened") from error
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatabaseDamaged(
            f"{path} is not a key file of this program; restore it from a backup"
        ) from error


def check_seal(folder: Path, found: KeyFile, key: Key) -> None:
    """Hold a key file against the key that came out of it.

    Raises:
        DatabaseDamaged: a slot was added, taken away, exchanged or brought back from an older file.
    """
    if found.format == 1:
        return  # its one slot is authenticated by itself
    if not hmac.compare_digest(_seal(found, key), found.seal):
        raise DatabaseDamaged(
            f"{folder / FILE} was changed by something else than this program: a slot was added, taken away "
            "or exchanged. Nothing was opened. Restore the file from a backup"
        )


def write(folder: Path, wanted: KeyFile, key: Key, name: str = FILE) -> None:
    """Seal a key file and put it in its place.

    Args:
        name: another name than the usual, for a file that is to take its place later.

    Raises:
        StorageUnwritable: what was there is as it was.
    """
    sealed = replace(wanted, format=FORMAT)
    document = {**_document(sealed), "seal": b64encode(_seal(sealed, key)).decode()}
    with replacing(folder / name) as file:
        file.write(json.dumps(document, indent=1).encode())


def _seal(wanted: KeyFile, key: Key) -> bytes:
    text = json.dumps(_document(wanted), sort_keys=True, separators=(",", ":"))
    return hmac.digest(key.derived(_LABEL), text.encode(), "sha256")


def _document(wanted: KeyFile) -> dict[str, object]:
    return {
        "format": FORMAT,
        "generation": wanted.generation,
        "key_made_at": _when(wanted.key_made_at),
        "slots": [_entry(slot) for slot in wanted.slots],
    }


def _entry(slot: Slot) -> dict[str, object]:
    entry: dict[str, object] = {"kind": slot.kind.value, "user": slot.user, "made_at": _when(slot.made_at)}
    if slot.cost is not None:
        entry |= {
            "kdf": "argon2id",
            "memory_kib": slot.cost.memory_kib,
            "passes": slot.cost.passes,
            "lanes": slot.cost.lanes,
        }
    bytes_of = {"salt": slot.salt, "public": slot.public, "sealed": slot.sealed, "box": slot.box}
    return entry | {name: b64encode(content).decode() for name, content in bytes_of.items()}


def _when(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _moment(text: object) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found


def _parsed(found: Mapping[str, Any]) -> KeyFile:
    if found["format"] == 1:
        slots = tuple(_first_slot(entry) for entry in found["slots"])
        if len(slots) != 1:
            raise ValueError("format 1 has one slot")
        return KeyFile(1, 1, None, slots)
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']!r}")
    if len(found["slots"]) > _MOST_SLOTS:
        raise ValueError("too many slots")
    slots = tuple(_slot(entry) for entry in found["slots"])
    generation = found["generation"]
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 1:
        raise ValueError("generation")
    return KeyFile(FORMAT, generation, _moment(found["key_made_at"]), slots, _bytes(found, "seal", 32))


def _slot(entry: Mapping[str, Any]) -> Slot:
    kind = SlotKind(entry["kind"])
    return Slot(
        kind,
        str(entry["user"]),
        _moment(entry["made_at"]),
        _cost(entry) if kind is SlotKind.PASSPHRASE else None,
        _bytes(entry, "salt", SALT_BYTES),
        _bytes(entry, "public", KEY_BYTES),
        _bytes(entry, "sealed", SEALED_BYTES),
        _bytes(entry, "box", BOX_BYTES),
    )


def _first_slot(entry: Mapping[str, Any]) -> Slot:
    sealed = _bytes(entry, "nonce", NONCE_BYTES) + _bytes(entry, "wrapped", KEY_BYTES + TAG_BYTES)
    salt = _bytes(entry, "salt", SALT_BYTES)
    return Slot(SlotKind.PASSPHRASE, str(entry["user"]), None, _cost(entry), salt, b"", sealed, b"")


def _cost(entry: Mapping[str, Any]) -> Cost:
    cost = Cost(int(entry["memory_kib"]), int(entry["passes"]), int(entry["lanes"]))
    if not cost.is_sane:
        raise ValueError(f"cost out of range: {cost}")
    return cost


def _bytes(entry: Mapping[str, Any], name: str, length: int) -> bytes:
    content = b64decode(str(entry[name]), validate=True)
    if len(content) != length:
        raise ValueError(f"length of {name}")
    return content
