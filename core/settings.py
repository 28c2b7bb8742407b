"""What a profile and the environment say; read once at start, refused with file, key and line."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from core.domain.access import Mode, Role
from core.domain.limit_kinds import KINDS, NONE, Value, contradiction, read
from core.domain.limits import Limits
from core.errors import BadInput, SettingInvalid

E = TypeVar("E", bound=StrEnum)

SHORTEST_API_KEY = 32
_API_PORT = 8787
ENVIRONMENT = "environment"
_API = "enabled", "port", "open_metrics"
_KEYS = {"account": ("mode", "broker"), "feed": ("provider",), "api": _API, "retention": ("audit_days",)}

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
    """

    mode: Mode = Mode.SIM
    broker: BrokerName = BrokerName.SIMULATOR
    feed: FeedName = FeedName.SIMULATOR
    alpaca: AlpacaAddresses = field(default_factory=lambda: vendor_addresses(Mode.PAPER))
    polygon: PolygonAddresses = field(default_factory=PolygonAddresses)
    api: ApiSettings = field(default_factory=ApiSettings)
    risk: Limits = field(default_factory=Limits)
    keep_audit_days: int = 365


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the local API; its text never shows in a repr."""

    key: str = field(repr=False)
    role: Role


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment variables say."""

    live_trading_approved: bool = False
    require_auth: bool = False
    api_keys: tuple[ApiKey, ...] = ()
    rate_limit_per_minute: int = 120


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
    source = _Source(file, text, tables)
    source.allow("", ("account", "feed", "alpaca", "polygon", "api", "risk", "retention"))
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


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read the variables that a start depends on. No file is read but `API_KEYS_FILE`.

    Raises:
        SettingInvalid: a value is not one of those allowed; a key's text is never quoted.
    """
    return Environment(
        live_trading_approved=variables.get("LIVE_TRADING_APPROVED", "") == "yes",
        require_auth=_switch(variables, "REQUIRE_AUTH"),
        api_keys=_api_keys(variables),
        rate_limit_per_minute=_count(variables, "RATE_LIMIT_PER_MINUTE", 120),
    )


def check_start(settings: ProfileSettings, environment: Environment, *, has_user: bool) -> None:
    """Say whether a profile may start at all under this environment.

    Raises:
        SettingInvalid: a live profile without approval, or required authentication without a key or user.
    """
    if settings.mode is Mode.LIVE and not environment.live_trading_approved:
        _refuse_variable("LIVE_TRADING_APPROVED", "a live profile starts only where this is set to yes")
    if environment.require_auth and not has_user:
        _refuse_variable("REQUIRE_AUTH", "the profile has no user; create one with a passphrase")
    if environment.require_auth and settings.api.enabled and not environment.api_keys:
        _refuse_variable("REQUIRE_AUTH", "the local API is switched on and has no key; set API_KEYS_FILE")


def check_alpaca_hosts(mode: Mode, addresses: AlpacaAddresses) -> None:
    """Hold every address, letter by letter, against those that a mode's keys may be sent to.

    Raises:
        SettingInvalid: one is neither the vendor's own for this mode nor, in mode paper, on this computer.
    """
    vendor = _texts(vendor_addresses(mode))
    for key, found in _texts(addresses).items():
        is_own = mode is Mode.PAPER and _is_loopback(found, vendor[key])
        if mode is Mode.SIM or (found != vendor[key] and not is_own):
            words = f"keys of mode {mode} are not sent to {found!r}; expected {vendor[key]}"
            raise SettingInvalid("profile.toml", f"alpaca.{key}", words)


class _Source:
    """The tables of one file, and where in it a key stands."""

    def __init__(self, file: str, text: str, tables: Mapping[str, object]) -> None:
        self._file = file
        self._lines = text.splitlines()
        self._tables = tables

    def table(self, section: str) -> Mapping[str, object]:
        if not section:
            return self._tables
        found = self._tables.get(section, MappingProxyType({}))
        if not isinstance(found, Mapping):
            self.refuse("", section, f"expected a table, [{section}]")
        return found

    def allow(self, section: str, names: tuple[str, ...]) -> None:
        for key in self.table(section):
            if key not in names:
                self.refuse(section, key, f"is unknown; expected one of {', '.join(names)}")

    def word(self, section: str, key: str, words: type[E], usual: E) -> E:
        found = self.table(section).get(key, usual.value)
        chosen = next((word for word in words if word.value == found), None)
        if chosen is None:
            self.refuse(section, key, f"expected one of {', '.join(words)}, found {found!r}")
        return chosen

    def whole(self, section: str, key: str, low: int, high: int, usual: int) -> int:
        found = self.table(section).get(key, usual)
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            self.refuse(section, key, f"expected a whole number from {low} to {high}, found {found!r}")
        return found

    def addresses(self, section: str, mode: Mode, vendor: Mapping[str, str]) -> dict[str, str]:
        self.allow(section, tuple(vendor))
        return {key: self._address(section, key, mode, usual) for key, usual in vendor.items()}

    def _address(self, section: str, key: str, mode: Mode, vendor: str) -> str:
        found = self.table(section).get(key, vendor)
        if found == vendor:
            return vendor
        if mode is not Mode.PAPER:
            self.refuse(section, key, f"may be changed in mode paper only; this profile is {mode}")
        if not isinstance(found, str):
            self.refuse(section, key, f"expected an address in quotes, found {found!r}")
        if not _is_loopback(found, vendor):
            plain = vendor.partition("s://")[0]
            self.refuse(section, key, f"expected {plain}://127.0.0.1:PORT, or another on this computer")
        return found

    def refuse(self, section: str, key: str, message: str) -> NoReturn:
        name = f"{section}.{key}" if section else key
        raise SettingInvalid(self._file, name, message, self._line(section, key))

    def _line(self, section: str, key: str) -> int | None:
        here = ""
        for number, line in enumerate(self._lines, start=1):
            head = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
            if head:
                here = head[1]
                if not section and here.partition(".")[0] == key:
                    return number
            elif here == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
                return number
        return None


def _texts(addresses: AlpacaAddresses | PolygonAddresses) -> dict[str, str]:
    return {each.name: str(getattr(addresses, each.name)) for each in fields(addresses)}


def _is_loopback(address: str, vendor: str) -> bool:
    scheme = urlsplit(vendor).scheme
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    # urlsplit drops line ends and tabs, and a client may not.
    is_odd = not (address.isascii() and address.isprintable()) or "@" in parts.netloc
    if is_odd or parts.scheme not in (scheme, scheme[:-1]) or not host or parts.query or parts.fragment:
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _check_pair(source: _Source, mode: Mode, broker: BrokerName, feed: FeedName) -> None:
    if (mode is Mode.SIM) != (broker is BrokerName.SIMULATOR):
        source.refuse("account", "broker", f"mode {mode} does not go with broker {broker}")
    invented = feed in (FeedName.SIMULATOR, FeedName.REPLAY)
    if broker is BrokerName.ALPACA and invented:
        source.refuse("feed", "provider", f"{feed} prices are not those that {broker} trades at")


def _api(source: _Source) -> ApiSettings:
    switches = {}
    for key in ("enabled", "open_metrics"):
        value = source.table("api").get(key, False)
        if not isinstance(value, bool):
            source.refuse("api", key, f"expected true or false, found {value!r}")
        switches[key] = value
    return ApiSettings(port=source.whole("api", "port", 1024, 65535, _API_PORT), **switches)


def _limits(source: _Source) -> Limits:
    source.allow("risk", tuple(KINDS))
    found: dict[str, Any] = {key: _limit(source, key, value) for key, value in source.table("risk").items()}
    limits = replace(Limits(), **found)
    if (clash := contradiction(limits, KINDS)) is not None:
        low, high = clash
        words = "has a symbol of" if low == "allowed" else "is above"
        source.refuse("risk", low if low in found else high, f"{low} {words} {high}")
    return limits


def _limit(source: _Source, key: str, value: object) -> Value:
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


def _switch(variables: Mapping[str, str], name: str) -> bool:
    found = variables.get(name, "false") or "false"
    if found not in ("true", "false"):
        _refuse_variable(name, "expected true or false")
    return found == "true"


def _count(variables: Mapping[str, str], name: str, usual: int) -> int:
    found = variables.get(name) or str(usual)
    if not (found.isascii() and found.isdecimal()) or not 1 <= int(found) <= 1_000_000:
        _refuse_variable(name, "expected a whole number from 1 to 1000000")
    return int(found)


def _api_keys(variables: Mapping[str, str]) -> tuple[ApiKey, ...]:
    text, file = variables.get("API_KEYS", ""), variables.get("API_KEYS_FILE", "")
    if text and file:
        _refuse_variable("API_KEYS", "API_KEYS_FILE is set as well; keep one of the two")
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(file, "API_KEYS_FILE names a file that cannot be read as text") from error
    name = "API_KEYS_FILE" if file else "API_KEYS"
    entries = [entry.lstrip().rstrip("\r") for entry in re.split(r"[,\n]", text) if entry.strip()]
    keys = tuple(_api_key(name, place, entry) for place, entry in enumerate(entries, start=1))
    if len({each.key for each in keys}) != len(keys):
        _refuse_variable(name, "the same key stands there twice")
    return keys


def _api_key(name: str, place: int, entry: str) -> ApiKey:
    key, colon, role = entry.rpartition(":")
    if not (colon and role):
        _refuse_variable(name, f"entry {place} has no role; expected key:role")
    if not key.strip():
        _refuse_variable(name, f"the key of entry {place} is empty; expected key:role")
    if len(key) < SHORTEST_API_KEY:
        _refuse_variable(name, f"the key of entry {place} has fewer than {SHORTEST_API_KEY} characters")
    if role not in set(Role):
        words = "written exactly so, in small letters and without blanks"
        _refuse_variable(name, f"entry {place} has no role of {', '.join(Role)}, {words}")
    return ApiKey(key, Role(role))


def _refuse_variable(name: str, message: str) -> NoReturn:
    raise SettingInvalid(ENVIRONMENT, name, message)
