"""What a broker or a data vendor knows a person by. The texts never show in a repr, an error or a log."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.domain.access import Mode
from core.errors import RefusalCode, Refused

LONGEST = 256  # characters of one part; no vendor's key is near it


class SecretName(StrEnum):
    """Every credential that can be stored; paper and live are two, neither stands in for the other."""

    ALPACA_PAPER = "alpaca.paper"
    ALPACA_LIVE = "alpaca.live"
    POLYGON = "polygon"


@dataclass(frozen=True, slots=True)
class AlpacaCredentials:
    """A key pair of one Alpaca account, paper or live."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PolygonKey:
    """A key of Polygon."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential as it is stored.

    Attributes:
        text: one part a line, as `lines` gives it.
        set_at: when it was stored, UTC.
    """

    text: str = field(repr=False)
    set_at: datetime


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a credential lies, and since when; never what it is."""

    name: SecretName
    place: str
    set_at: datetime


PARTS: dict[SecretName, tuple[str, ...]] = {
    SecretName.ALPACA_PAPER: ("key id", "secret"),
    SecretName.ALPACA_LIVE: ("key id", "secret"),
    SecretName.POLYGON: ("key",),
}
_ALPACA = {Mode.PAPER: SecretName.ALPACA_PAPER, Mode.LIVE: SecretName.ALPACA_LIVE}


def alpaca_name(mode: Mode) -> SecretName:
    """Return the name of the key pair that a mode trades with.

    Raises:
        Refused: the mode trades on the embedded exchange, which has no keys.
    """
    if mode not in _ALPACA:
        raise Refused(RefusalCode.NOT_PERMITTED, f"a profile of mode {mode} has no broker that takes keys")
    return _ALPACA[mode]


def check_mode(name: SecretName, mode: Mode) -> None:
    """Hold a credential against the mode of the profile that it is to be stored for.

    Raises:
        Refused: it belongs to another mode; a key must not be where it could reach the wrong money.
    """
    wanted = next((each for each, its in _ALPACA.items() if its is name), None)
    if wanted not in (None, mode):
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"{name} is for a profile of mode {wanted}, and this one is {mode}; nothing was stored",
        )


def fault_of(part: str, text: str) -> str:
    """Say what is wrong with one part of a credential, without quoting it; "" when nothing is."""
    if not text:
        return f"The {part} is missing."
    if len(text) > LONGEST:
        return f"The {part} has {len(text)} characters; no more than {LONGEST} are expected."
    if not (text.isascii() and text.isprintable()) or " " in text:
        return f"The {part} holds a space or a character that no key has; copy it again."
    return ""


def lines(*parts: str) -> str:
    """Write a credential as it is stored and read: one part a line."""
    return "\n".join(parts)


def parse(name: SecretName, text: str) -> tuple[str, ...]:
    """Take a credential's text apart: exactly its lines, none of them empty.

    Raises:
        Refused: says which line and why, and never what stands there.
    """
    parts = PARTS[name]
    found = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if len(found) != len(parts):
        wanted = f"{len(parts)} line{'s' if len(parts) > 1 else ''} ({', then '.join(parts)})"
        there = len(found) if text.strip() else "none"
        raise Refused(RefusalCode.MALFORMED, f"{name}: expected {wanted}, found {there}; nothing was stored")
    for number, (part, line) in enumerate(zip(parts, found, strict=True), start=1):
        fault = fault_of(part, line)
        if fault:
            raise Refused(RefusalCode.MALFORMED, f"{name}, line {number}: {fault} Nothing was stored")
    return tuple(found)


def parse_alpaca(name: SecretName, text: str) -> AlpacaCredentials:
    """Read a key pair.

    Raises:
        Refused: as `parse`.
    """
    key_id, secret = parse(name, text)
    return AlpacaCredentials(key_id, secret)


def parse_polygon(text: str) -> PolygonKey:
    """Read a key of Polygon.

    Raises:
        Refused: as `parse`.
    """
    return PolygonKey(*parse(SecretName.POLYGON, text))
