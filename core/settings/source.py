"""The tables of a settings file, and how one that is not as it must be is refused: file, key, line."""

import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

from core.domain.access import Mode
from core.errors import SettingInvalid

E = TypeVar("E", bound=StrEnum)


class Source:
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

    def folder(self, section: str, key: str) -> Path | None:
        """Return a folder by its whole path; None where the key is absent. It need not be there."""
        found = self.table(section).get(key)
        if found is None:
            return None
        if not isinstance(found, str) or "\0" in found or not Path(found).is_absolute():
            self.refuse(section, key, f"expected the whole path of a folder in quotes, found {found!r}")
        return Path(found)

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
        if not is_loopback(found, vendor):
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


def is_loopback(address: str, vendor: str) -> bool:
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
