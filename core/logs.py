"""The program's log: facts as keys, secrets masked, its files bounded in size.

A log is not the audit record. It may be thrown away, and nothing is decided by it.
"""

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

MASK = "***"
# Below a warning they write whole requests, frames and statements, and keys with them. What any library says
# below a warning is dropped; these would also take the time to say it. (The loggers of Alpaca and Polygon are
# not among them: ours of the same names must be heard.)
_TALKATIVE = (
    "websockets", "urllib3", "aiohttp", "keyring", "hpack", "sqlalchemy", "alembic", "asyncio", "qasync",
)  # fmt: skip
FILE_BYTES = 4 * 1024 * 1024
OLD_FILES = 4

_SECRET_NAME = re.compile(
    r"secret|passphrase|password|passwd|token|authorization|credential|api_?key", re.IGNORECASE
)
_KEY_NAME = re.compile(r"key", re.IGNORECASE)
# 16 characters of base64, base64url or hex, and nothing else: long enough to be a key.
_LOOKS_SECRET = re.compile(r"[A-Za-z0-9+/_=-]{16,}")
_IN_TEXT = re.compile(
    r"((?:(?:secret|passphrase|password|passwd|token|authorization|credential|api_?key)[\w-]*|\b(?:[\w-]*[-_])?key)"
    r"[\"']?\s*[:=]\s*[\"']?)((?:bearer|basic)\s+)?[^\s\"',;)}\]]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,}", re.IGNORECASE)
_RAW_KEY = re.compile(r"x'[0-9a-f]{64,}'", re.IGNORECASE)


class LogFormat(StrEnum):
    """How a line looks: for people, or for programs."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important event that is still written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the log goes.

    Attributes:
        file: the newest file; older ones stand beside it, numbered. None writes none.
        echo: write to standard error as well.
    """

    file: Path | None
    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT
    echo: bool = False


def configure(settings: LogSettings) -> bool:
    """Send every logger, ours and those of libraries, where the settings say; the last call counts.

    Returns:
        False if the file cannot be written: the program runs on without it.
    """
    number = logging.getLevelNamesMapping()[settings.level.upper()]
    handlers: list[logging.Handler] = []
    is_written = True
    if settings.file is not None:
        try:
            handlers.append(_BoundedFile(settings.file))
        except OSError:
            is_written = False
    if settings.echo:
        handlers.append(_QuietStream(sys.stderr))
    renderer: Processor = _as_json if settings.format is LogFormat.JSON else _as_text
    for handler in handlers:
        handler.addFilter(_ours_or_loud)
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=_CHAIN,
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            )
        )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers or [logging.NullHandler()]:
        root.addHandler(handler)
    root.setLevel(number)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*_CHAIN, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return is_written


def _ours_or_loud(record: logging.LogRecord) -> bool:
    # Our events come as a mapping of facts, the lines of libraries as text.
    return isinstance(record.msg, dict) or record.levelno >= logging.WARNING


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask secrets in an event, by the name that a value has and by what it looks like."""
    return {name: _masked(name, value) for name, value in event.items()}


def redact_text(text: str) -> str:
    """Mask what follows a secret's name in running text, such as a traceback."""
    found = _BEARER.sub(rf"\1 {MASK}", _RAW_KEY.sub(MASK, text))
    return _IN_TEXT.sub(rf"\1{MASK}", found)


def _masked(name: str, value: object) -> object:
    if name.startswith("_"):  # structlog's own, taken out before anything is written
        return value
    if _SECRET_NAME.search(name) and value is not None and not isinstance(value, bool):
        return MASK
    if isinstance(value, bytes | bytearray | memoryview):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): _masked(str(key), each) for key, each in value.items()}
    if isinstance(value, str):
        if _KEY_NAME.search(name) and _LOOKS_SECRET.fullmatch(value):
            return MASK
        return redact_text(value)
    if isinstance(value, Sequence | set | frozenset):
        return [_masked(name, each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))


def _trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # The usual renderers can show local variables; ours never does.
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    elif isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if isinstance(found, tuple) and found[1] is not None:
        event["exception"] = "".join(traceback.format_exception(*found)).rstrip()
    return event


_CHAIN: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _trace,
    redact,
]


def _as_json(_logger: WrappedLogger, _method: str, event: MutableMapping[str, object]) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


def _as_text(_logger: WrappedLogger, _method: str, event: MutableMapping[str, object]) -> str:
    trace = event.pop("exception", None)
    head = [str(event.pop(name, "")) for name in ("timestamp", "level", "logger", "event")]
    facts = [f"{name}={_plain(value)}" for name, value in event.items()]
    line = " ".join(_one_line(part) for part in [*head, *facts] if part)
    return f"{line}\n{trace}" if trace else line


def _plain(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[^\s\"=]+", text) else json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    # A value with a line break must not look like two events.
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


class _BoundedFile(RotatingFileHandler):
    """Files that together never exceed `FILE_BYTES * (OLD_FILES + 1)`, readable by their owner only."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8")

    def _open(self) -> TextIO:  # type: ignore[override]
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        """Lose the line: a full disk must stop neither an order nor the one who reads the screen."""


class _QuietStream(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        """Lose the line: whoever read it is gone."""
