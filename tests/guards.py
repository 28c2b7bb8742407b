"""What no test may do unseen: log a warning, or talk to anything but this computer.

A pytest plug-in, loaded by conftest. It also holds the long-run sizes given on the command line.
"""

import logging
import sys
from collections.abc import Generator, Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any

import pytest
import structlog

LOOPBACK_NAMES = frozenset({"", "localhost"})


class OutsideConnectionError(RuntimeError):
    """A test tried to reach something that is not this computer."""


class Guard(logging.Handler):
    """Collects the warnings and the outside connections of one test, and all that was said to our own log.

    Attributes:
        said: name and facts of each event, of any level, in the order in which they came.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self.said: list[tuple[str, dict[str, object]]] = []
        self.outside: list[str] = []
        self._expected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def expect(self, words: str) -> None:
        """Allow, and demand, at least one record whose text contains `words`."""
        self._expected.append(words)

    def complaints(self) -> list[str]:
        texts = [f"{record.levelname} {record.name}: {record.getMessage()}" for record in self.records]
        unexpected = [text for text in texts if not any(words in text for words in self._expected)]
        absent = [words for words in self._expected if not any(words in text for text in texts)]
        return [
            *(f"unexpected log record: {text}" for text in unexpected),
            *(f"expected log record never came: {words}" for words in absent),
            *(f"log record without a fact: {name} {facts}" for name, facts in self.said if _lacks(facts)),
            *(f"connection outside loopback: {address}" for address in self.outside),
        ]


def heard() -> list[tuple[str, dict[str, object]]]:
    """Return what the test that runs has let our own code say to the log so far."""
    return _running[-1].said


def _lacks(facts: Mapping[str, object]) -> bool:
    # What is not known has no place in a line of the log, least of all as a word.
    return any(value is None or str(value) == "None" for value in facts.values())


class ExpectedLog:
    """Call it with a part of each warning that the test is meant to cause, before it is caused."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __call__(self, words: str) -> None:
        self._guard.expect(words)

    @property
    def records(self) -> list[logging.LogRecord]:
        return self._guard.records


GUARD = pytest.StashKey[Guard]()
_running: list[Guard] = []


def is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if is_loopback(host):
        return
    for guard in _running:
        guard.outside.append(f"{event} {host}")
    raise OutsideConnectionError(f"{event} {host}: tests stay on loopback")


def _to_standard_logging(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[object], Mapping[str, Any]]:
    name = event.pop("event")
    trace = event.pop("exc_info", None)
    if _running:
        _running[-1].said.append((name, dict(event)))
    return (name,), {"exc_info": trace, "extra": {"facts": dict(event)}}


def _reset_structlog() -> None:
    structlog.configure(
        processors=[_to_standard_logging],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def pytest_configure() -> None:
    sys.addaudithook(_refuse_outside)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    guard = item.stash[GUARD] = Guard()
    _running.append(guard)
    _reset_structlog()
    logging.getLogger().addHandler(guard)
    try:
        return (yield)
    finally:
        logging.getLogger().removeHandler(guard)
        _running.remove(guard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    complaints = item.stash[GUARD].complaints()
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
    return result


@pytest.fixture
def expected_log(request: pytest.FixtureRequest) -> ExpectedLog:
    return ExpectedLog(request.node.stash[GUARD])
