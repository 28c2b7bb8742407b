"""What can be traded at Alpaca, kept in a file for a day: the list is several MB long."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import structlog

from core.domain.instrument import Instrument
from core.errors import BrokerUnavailable
from core.ids import Symbol

_FORMAT = 1
_FLAGS = ("fractionable", "tradable", "shortable")

_log = structlog.get_logger("alpaca.assets")


class Assets:
    """The list of instruments, asked for once a day. Used on the core loop; files are read in a thread.

    Args:
        file: where it is kept; it holds nothing secret and may be deleted at any time.
        ask: asks Alpaca.
    """

    def __init__(self, file: Path, ask: Callable[[], Awaitable[tuple[Instrument, ...]]]) -> None:
        self._file = file
        self._ask = ask

    async def get(self, today: date) -> tuple[Instrument, ...]:
        """Return the list of a day, UTC; yesterday's where Alpaca does not answer.

        Raises:
            BrokerUnavailable: Alpaca does not answer, and there is no older list.
        """
        kept, day = await asyncio.to_thread(_read, self._file)
        if kept and day == today:
            return kept
        try:
            fresh = await self._ask()
        except BrokerUnavailable as error:
            if not kept:
                raise
            _log.warning("assets.stale", day=str(day), reason=str(error))
            return kept
        await asyncio.to_thread(_write, self._file, fresh, today)
        return fresh


def _read(file: Path) -> tuple[tuple[Instrument, ...], date | None]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            return (), None
        return tuple(_instrument(row) for row in content["assets"]), date.fromisoformat(content["day"])
    except FileNotFoundError:
        return (), None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # A damaged copy costs one question, no more.
        _log.warning("assets.unreadable", file=file.name, reason=type(error).__name__)
        return (), None


def _instrument(row: dict[str, Any]) -> Instrument:
    texts = {name: row[name] for name in ("symbol", "name", "exchange")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("a text is none")
    return Instrument(
        symbol=Symbol(texts["symbol"]),
        name=texts["name"],
        exchange=texts["exchange"],
        fractionable=row.get("fractionable") is True,
        tradable=row.get("tradable") is True,
        shortable=row.get("shortable") is True,
    )


def _write(file: Path, instruments: tuple[Instrument, ...], day: date) -> None:
    rows = [
        {"symbol": each.symbol, "name": each.name, "exchange": each.exchange}
        | {flag: True for flag in _FLAGS if getattr(each, flag)}
        for each in instruments
    ]
    text = json.dumps({"format": _FORMAT, "day": day.isoformat(), "assets": rows}, ensure_ascii=False)
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        _log.warning("assets.not_kept", file=file.name, reason=str(error))
