"""Prints the part of the documentation that the program itself knows: keys, reasons, settings."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from app.paper_checks import CHECKS
from core.domain.access import Mode
from core.domain.credentials import SecretName
from core.domain.limit_kinds import EVERY, KINDS, NONE, Looser, written
from core.domain.limits import Limits
from core.domain.meanings import LIMITS, REFUSALS, RULES
from core.settings import (
    ApiSettings,
    BrokerName,
    FeedName,
    PolygonAddresses,
    ProfileSettings,
    vendor_addresses,
)
from ui.actions.catalog import CATALOG
from ui.actions.cheatsheet import markdown
from ui.actions.registry import ActionRegistry

_MADE = "\nMade from the program by `make docs`: do not edit.\n"
_OWN_SERVER = "May be changed in mode `paper` only, to an address on this computer."
_FIRST_VALUES = (
    "First values: once the profile has been used, those in its database count. "
    "No soft limit may be above its hard one, and no symbol both restricted and allowed."
)

_PAPER_WORDS = f"""The servers that the tests talk to are written from the broker's documents.
These questions are put to a real paper account; the answers, without keys and account numbers, become
fixtures of the tests.

`investiq --profile NAME secrets set {SecretName.ALPACA_PAPER}` stores the account's key; then
`investiq --profile NAME doctor --paper-checks` goes through the list.
"""

_ACCOUNT = {
    "mode": "pretended money on the embedded exchange, a broker's practice account, or real money",
    "broker": "where orders go",
}
_FEED = {"provider": "where prices come from"}
_ALPACA = {
    "trading_url": "orders, positions and the account",
    "trade_stream_url": "reports of orders",
    "data_url": "history and snapshots",
    "data_stream_url": "quotes and trades",
}
_POLYGON = {"base_url": "history and snapshots", "stream_url": "quotes and trades"}
_API = {
    "enabled": "whether the local API answers",
    "port": "where it answers, on this computer only",
    "open_metrics": "whether `/metrics` needs no key",
}
_NOWHERE = {"anchor_folder": "nowhere else"}
_AUDIT = {
    "anchor_folder": "where the audit chain's signed heads are kept as well, such as a share; see "
    "[audit](audit.md)"
}
_RETENTION = {
    "audit_days": "how long an audit record stays in the database at least; see [retention](retention.md)",
    "fill_days": "how long fills and closed lots stay there at least, likewise",
}


def write(folder: Path) -> None:
    """Write every generated document into `folder`."""
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def documents() -> dict[str, str]:
    """Return the generated documents by file name. In the GUI thread: keys are spelled by Qt."""
    return {
        "shortcuts.md": _shortcuts(),
        "refusal-reasons.md": _reasons(),
        "settings.md": _settings(),
        "paper-checks.md": _paper_checks(),
    }


def _shortcuts() -> str:
    app = QApplication.instance() or QApplication([])
    window = QWidget()
    registry = ActionRegistry(CATALOG, {spec.handler: app.quit for spec in CATALOG}, window)
    text = markdown(registry) + _MADE
    window.deleteLater()
    return text


def _reasons() -> str:
    return "".join(
        (
            "# Why something was refused\n",
            "\nA refusal carries one of these codes. Nothing was sent, and nothing changed.\n\n",
            _table(("code", "means"), ((f"`{code}`", words) for code, words in REFUSALS.items())),
            "\n## Rules\n\nAn order refused as `risk` names the rule. Each is passed when this holds:\n\n",
            _table(("rule", "holds when"), ((f"`{code}`", words) for code, words in RULES.items())),
            _MADE,
        )
    )


def _paper_checks() -> str:
    questions = (
        f"\n## {check.id}. {check.title}\n\nProves: {check.proves}\n\nHow: {check.how}\n" for check in CHECKS
    )
    return "".join(("# What only a paper account can prove\n\n", _PAPER_WORDS, *questions, _MADE))


def _settings() -> str:
    paper, live = vendor_addresses(Mode.PAPER), vendor_addresses(Mode.LIVE)
    words = {"mode": _words(Mode), "broker": _words(BrokerName), "provider": _words(FeedName)}
    usual = {
        "mode": f"`{Mode.SIM}`",
        "broker": f"`{BrokerName.SIMULATOR}` in mode `{Mode.SIM}`, else `{BrokerName.ALPACA}`",
        "provider": "as the broker",
    }
    vendor = {key: _either(str(getattr(paper, key)), str(getattr(live, key))) for key in _ALPACA}
    addresses = dict.fromkeys((*_ALPACA, *_POLYGON), "an address in quotes")
    switches = dict.fromkeys(_API, "true or false") | {"port": "1024 to 65535"}
    return "".join(
        (
            "# Settings of a profile\n",
            "\n`profile.toml` in the profile's folder, read once at start. ",
            "An unknown key, an unknown word or a value of another type is refused, with its line.\n",
            _section("account", _ACCOUNT, words, usual),
            _section("feed", _FEED, words, usual),
            _section("alpaca", _ALPACA, addresses, vendor, _OWN_SERVER),
            _section("polygon", _POLYGON, addresses, _defaults(PolygonAddresses()), _OWN_SERVER),
            _section("api", _API, switches, _defaults(ApiSettings())),
            _section("audit", _AUDIT, {"anchor_folder": "the whole path of a folder, in quotes"}, _NOWHERE),
            _section(
                "retention",
                _RETENTION,
                dict.fromkeys(_RETENTION, "90 to 36500"),
                {
                    "audit_days": f"`{ProfileSettings().keep_audit_days}`",
                    "fill_days": f"`{ProfileSettings().keep_fill_days}`",
                },
            ),
            _section("risk", LIMITS, _allowed(), _first_values(), _FIRST_VALUES),
            _MADE,
        )
    )


def _either(paper: str, live: str) -> str:
    return f"`{paper}`" if paper == live else f"`{paper}`, in mode `{Mode.LIVE}` `{live}`"


def _defaults(settings: PolygonAddresses | ApiSettings) -> dict[str, str]:
    return {each.name: f"`{str(getattr(settings, each.name)).lower()}`" for each in fields(settings)}


def _first_values() -> dict[str, str]:
    usual = Limits()
    words = {EVERY: "every symbol", NONE: "no symbol"}
    found = ((name, written(getattr(usual, name))) for name in KINDS)
    return {name: words.get(text, f"`{text}`") for name, text in found}


def _allowed() -> dict[str, str]:
    lists = (Looser.FEWER_SYMBOLS, Looser.MORE_SYMBOLS)
    return {
        name: 'a list such as `["AAPL", "MSFT"]`' if kind.looser in lists else kind.allowed
        for name, kind in KINDS.items()
    }


def _section(
    name: str,
    meanings: Mapping[str, str],
    allowed: Mapping[str, str],
    usual: Mapping[str, str],
    note: str = "",
) -> str:
    head = f"\n## [{name}]\n\n" + (f"{note}\n\n" if note else "")
    rows = [(f"`{key}`", words, allowed[key], usual[key]) for key, words in meanings.items()]
    return head + _table(("key", "means", "allowed", "if absent"), rows)


def _words(kind: type[StrEnum]) -> str:
    return ", ".join(f"`{word}`" for word in kind)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rule = "|" + "---|" * len(head)
    return "\n".join((_row(head), rule, *map(_row, rows), ""))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
