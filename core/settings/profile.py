"""What a profile's `profile.toml` says; read once at start, refused with file, key and line."""

import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.domain.access import Mode
from core.domain.limit_kinds import KINDS, NONE, Value, contradiction, read
from core.domain.limits import Limits
from core.errors import SettingInvalid
from core.settings.source import Source, is_loopback

_API_PORT = 8787
_KEYS = {
    "account": ("mode", "broker"),
    "feed": ("provider",),
    "api": ("enabled", "port", "open_metrics"),
    "audit": ("anchor_folder",),
    "retention": ("audit_days", "fill_days"),
}

_LINE_OF_ERROR = re.compile(r"\(at line (\d+), column \d+\)")


class BrokerName(StrEnum):
    """Where a profile's orders go."""

    SIMULATOR = "simulator"
    ALPACA = "alpaca"


class FeedName(StrEnum):
    """Where a profile's prices come from."""

    SIMULATOR = "simulator"
    REPLAY = "replay"
    ALPACA = "alpaca"
    POLYGON = "polygon"


@dataclass(frozen=True, slots=True)
class AlpacaAddresses:
    """Where Alpaca is spoken to; over TLS unless it is a server of one's own on this computer."""

    trading_url: str
    trade_stream_url: str
    data_url: str = "https://data.alpaca.markets"
    data_stream_url: str = "wss://stream.data.alpaca.markets/v2/iex"


@dataclass(frozen=True, slots=True)
class PolygonAddresses:
    """Where Polygon is spoken to."""

    base_url: str = "https://api.polygon.io"
    stream_url: str = "wss://socket.polygon.io/stocks"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The local API: loopback only, off unless switched on."""

    enabled: bool = False
    port: int = _API_PORT
    open_metrics: bool = False


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """One `profile.toml`.

    Attributes:
        risk: first values; once the database has its own, those count.
        keep_audit_days: how long a record stays in the database at least, before it moves into an archive.
        keep_fill_days: the same of fills and closed lots.
        anchor_folder: where the audit chain's signed heads go as well, such as a share; it may be away.
    """

    mode: Mode = Mode.SIM
    broker: BrokerName = BrokerName.SIMULATOR
    feed: FeedName = FeedName.SIMULATOR
    alpaca: AlpacaAddresses = field(default_factory=lambda: vendor_addresses(Mode.PAPER))
    polygon: PolygonAddresses = field(default_factory=PolygonAddresses)
    api: ApiSettings = field(default_factory=ApiSettings)
    risk: Limits = field(default_factory=Limits)
    keep_audit_days: int = 365
    keep_fill_days: int = 365
    anchor_folder: Path | None = None


def vendor_addresses(mode: Mode) -> AlpacaAddresses:
    """Return Alpaca's own addresses for paper money or real money."""
    host = "api.alpaca.markets" if mode is Mode.LIVE else "paper-api.alpaca.markets"
    return AlpacaAddresses(f"https://{host}", f"wss://{host}/stream")


def read_profile(path: Path) -> ProfileSettings:
    """Read a profile's settings.

    Raises:
        SettingInvalid: the file cannot be read, or a key or value in it is not one of ours.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingInvalid(str(path), "file", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingInvalid(str(path), "file", "expected UTF-8 text") from error
    return parse_profile(text, str(path))


def parse_profile(text: str, file: str = "profile.toml") -> ProfileSettings:
    """Read a profile's settings from text; `file` is what a complaint names.

    Raises:
        SettingInvalid: with the key, and its line where it is known.
    """
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        at = _LINE_OF_ERROR.search(str(error))
        words = f"this is not TOML: {_LINE_OF_ERROR.sub('', str(error)).strip()}"
        raise SettingInvalid(file, "file", words, int(at[1]) if at else None) from error
    source = Source(file, text, tables)
    source.allow("", (*_KEYS, "alpaca", "polygon", "risk"))
    mode = source.word("account", "mode", Mode, Mode.SIM)
    usual_broker = BrokerName.SIMULATOR if mode is Mode.SIM else BrokerName.ALPACA
    broker = source.word("account", "broker", BrokerName, usual_broker)
    feed = source.word("feed", "provider", FeedName, FeedName(broker.value))
    for section, keys in _KEYS.items():
        source.allow(section, keys)
    _check_pair(source, mode, broker, feed)
    return ProfileSettings(
        mode=mode,
        broker=broker,
        feed=feed,
        alpaca=AlpacaAddresses(**source.addresses("alpaca", mode, _texts(vendor_addresses(mode)))),
        polygon=PolygonAddresses(**source.addresses("polygon", mode, _texts(PolygonAddresses()))),
        api=_api(source),
        risk=_limits(source),
        keep_audit_days=source.whole("retention", "audit_days", 90, 36_500, 365),
        keep_fill_days=source.whole("retention", "fill_days", 90, 36_500, 365),
        anchor_folder=source.folder("audit", "anchor_folder"),
    )


def profile_text(mode: Mode, broker: BrokerName, feed: FeedName | None = None) -> str:
    """Write the first `profile.toml` of a profile.

    Raises:
        SettingInvalid: mode, broker and feed do not go together.
    """
    provider = feed or FeedName(broker.value)
    text = f'[account]\nmode = "{mode}"\nbroker = "{broker}"\n\n[feed]\nprovider = "{provider}"\n'
    parse_profile(text)
    return text


def check_alpaca_hosts(mode: Mode, addresses: AlpacaAddresses) -> None:
    """Hold every address, letter by letter, against those that a mode's keys may be sent to.

    Raises:
        SettingInvalid: one is neither the vendor's own for this mode nor, in mode paper, on this computer.
    """
    vendor = _texts(vendor_addresses(mode))
    for key, found in _texts(addresses).items():
        is_own = mode is Mode.PAPER and is_loopback(found, vendor[key])
        if mode is Mode.SIM or (found != vendor[key] and not is_own):
            words = f"keys of mode {mode} are not sent to {found!r}; expected {vendor[key]}"
            raise SettingInvalid("profile.toml", f"alpaca.{key}", words)


def _texts(addresses: AlpacaAddresses | PolygonAddresses) -> dict[str, str]:
    return {each.name: str(getattr(addresses, each.name)) for each in fields(addresses)}


def _check_pair(source: Source, mode: Mode, broker: BrokerName, feed: FeedName) -> None:
    if (mode is Mode.SIM) != (broker is BrokerName.SIMULATOR):
        source.refuse("account", "broker", f"mode {mode} does not go with broker {broker}")
    invented = feed in (FeedName.SIMULATOR, FeedName.REPLAY)
    if broker is BrokerName.ALPACA and invented:
        source.refuse("feed", "provider", f"{feed} prices are not those that {broker} trades at")


def _api(source: Source) -> ApiSettings:
    switches = {}
    for key in ("enabled", "open_metrics"):
        value = source.table("api").get(key, False)
        if not isinstance(value, bool):
            source.refuse("api", key, f"expected true or false, found {value!r}")
        switches[key] = value
    return ApiSettings(port=source.whole("api", "port", 1024, 65535, _API_PORT), **switches)


def _limits(source: Source) -> Limits:
    source.allow("risk", tuple(KINDS))
    found: dict[str, Any] = {key: _limit(source, key, value) for key, value in source.table("risk").items()}
    limits = replace(Limits(), **found)
    if (clash := contradiction(limits, KINDS)) is not None:
        low, high = clash
        words = "has a symbol of" if low == "allowed" else "is above"
        source.refuse("risk", low if low in found else high, f"{low} {words} {high}")
    return limits


def _limit(source: Source, key: str, value: object) -> Value:
    kind = KINDS[key]
    match value:
        case bool():
            text = "true" if value else "false"
        case int() | Decimal():
            text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        case list() if all(isinstance(each, str) for each in value):
            text = " ".join(value) or NONE
        case _:
            source.refuse("risk", key, f"expected {kind.allowed}, found {value!r}")
    try:
        return read(kind, text)
    except ValueError as error:
        source.refuse("risk", key, str(error))
