"""What the environment variables say of a start; refused by name, and a key's text is never quoted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from core.domain.access import Mode, Role
from core.errors import SettingInvalid
from core.settings.private import read_private
from core.settings.profile import ProfileSettings

ENVIRONMENT = "environment"
SHORTEST_API_KEY = 32


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


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read the variables that a start depends on. No file is read but `API_KEYS_FILE`.

    Raises:
        SettingInvalid: a value is not one of those allowed; a key's text is never quoted.
        Refused: others could read the file of keys, or it belongs to somebody else.
        BadInput: it cannot be read.
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
        text = read_private(Path(file), "file of API keys", modes=(0o600, 0o400))
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
