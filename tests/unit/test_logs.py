"""The log: secrets never reach it, its files are bounded, a line is a line."""

import json
import logging
import stat
from pathlib import Path

import pytest
import structlog

from core import logs
from core.logs import LogFormat, LogLevel, LogSettings, configure, redact, redact_text

SECRET = "q7Zt0b1hM2x9aPQ4"
HEX = "0123456789abcdef" * 4


@pytest.fixture
def file(tmp_path: Path):
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    for handler in before:
        root.removeHandler(handler)
    yield tmp_path / "logs" / "test.log"
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret", "x"),
        ("client_secret", SECRET),
        ("passphrase", "four plain words"),
        ("Password", "x"),
        ("token", SECRET),
        ("Authorization", "Bearer x"),
        ("api_key", "short"),
        ("APCA-API-SECRET-KEY", SECRET),
        ("key", HEX),
        ("key", SECRET),
        ("raw", HEX.encode()),
        ("headers", {"X-API-Key": SECRET, "nested": [{"token": SECRET}]}),
        ("keys", [SECRET, HEX]),
        ("reason", f"401 for api_key={SECRET}"),
        ("reason", f"Authorization: Bearer {SECRET}"),
        ("reason", f"PRAGMA key = \"x'{HEX}'\""),
        ("reason", ValueError(f"secret: {SECRET}")),
    ],
)
def test_redaction_masks_the_secret(name, value):
    event = redact(None, "info", {"event": "link.changed", name: value})

    told = repr(event)
    assert logs.MASK in told
    for secret in (SECRET, HEX, "four plain words", "Bearer x", "'x'", "short"):
        assert secret not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cl_ord_id", "IQ-T000000000000000000001AAAAAAAAAAA"),
        ("symbol", "AAPL"),
        ("key", "confirm_always"),
        ("count", 3),
        ("digest", "A" * 43),
        ("none", None),
        ("reason", "the key file is not there"),
        ("reason", "KeyError: 'AAPL'"),
    ],
)
def test_redaction_leaves_facts_alone(name, value):
    assert redact(None, "info", {name: value}) == {name: value}


def test_redacted_text_keeps_what_is_around_the_secret():
    told = redact_text(f"before token={SECRET}, after x'{HEX}'")

    assert told == f"before token={logs.MASK}, after {logs.MASK}"


def _fail() -> None:
    local = SECRET
    raise ValueError(f"token={SECRET}, {len(local)}")


@pytest.mark.parametrize("form", list(LogFormat))
def test_log_of_ours_and_of_a_library_are_masked_and_show_no_locals(file, form):
    assert configure(LogSettings(file, format=form))

    structlog.get_logger("oms").warning("order.refused", cl_ord_id="IQ-1", token=SECRET)
    logging.getLogger("vendor").warning("sent api_key=%s", SECRET)
    try:
        _fail()
    except ValueError:
        structlog.get_logger("oms").exception("task.failed")
        logging.getLogger("vendor").exception("gave up")

    text = file.read_text()
    assert SECRET not in text
    assert text.count("Traceback") == 2
    assert "order.refused" in text
    assert "IQ-1" in text


def test_log_as_json_is_one_object_a_line(file):
    configure(LogSettings(file, format=LogFormat.JSON))

    structlog.get_logger("desk").info("order.submitted", symbol="AAPL", text="two\nlines")

    (line,) = file.read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["logger"], told["level"]) == ("order.submitted", "desk", "info")
    assert (told["symbol"], told["text"]) == ("AAPL", "two\nlines")
    assert told["timestamp"].endswith("Z")


def test_log_as_text_cannot_be_made_to_look_like_two_events(file):
    configure(LogSettings(file))

    structlog.get_logger("desk").info("order.submitted", text="a\n2026 error faked", bell="\x1b[31m")

    (line,) = file.read_text().splitlines()
    assert "\x1b" not in line


def test_log_below_the_level_is_not_written(file):
    configure(LogSettings(file, level=LogLevel.WARNING))

    structlog.get_logger("desk").info("order.submitted")
    logging.getLogger("vendor").info("hello")

    assert file.read_text() == ""


def test_log_files_are_the_owners_and_bounded_in_total(file, monkeypatch):
    monkeypatch.setattr(logs, "FILE_BYTES", 2_000)
    configure(LogSettings(file))

    for number in range(500):
        structlog.get_logger("desk").info("order.submitted", number=number, text="x" * 50)

    found = list(file.parent.iterdir())
    assert len(found) == logs.OLD_FILES + 1
    assert sum(each.stat().st_size for each in found) <= 2_000 * (logs.OLD_FILES + 1)
    assert {stat.S_IMODE(each.stat().st_mode) for each in found} == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "number=499" in file.read_text()


def test_log_whose_folder_cannot_be_made_is_told_and_stops_nothing(file):
    file.parent.write_text("a file in the folder's place")

    assert not configure(LogSettings(file))
    structlog.get_logger("desk").info("order.submitted")


def test_log_that_is_echoed_goes_to_standard_error(file, capsys):
    configure(LogSettings(None, echo=True))

    structlog.get_logger("desk").info("order.submitted")

    told = capsys.readouterr()
    assert "order.submitted" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    "library", ["websockets.client", "urllib3.connectionpool", "sqlalchemy.engine.Engine", "any.other"]
)
def test_what_a_library_says_below_a_warning_is_never_written(file, library):
    configure(LogSettings(file, LogLevel.DEBUG))

    logging.getLogger(library).debug("> TEXT {'action': 'auth', 'what': 'canary'}")
    logging.getLogger(library).info("sent canary")
    logging.getLogger(library).warning("connection lost")
    structlog.get_logger("desk").debug("order.looked_at")

    text = file.read_text()
    assert "canary" not in text
    assert "connection lost" in text
    assert "order.looked_at" in text


def test_rooms_of_ours_that_bear_a_vendors_name_are_heard(file):
    configure(LogSettings(file, LogLevel.DEBUG))

    structlog.get_logger("alpaca.rest").debug("request.answered")
    logging.getLogger("alpaca.rest").debug("the vendor's own words")

    assert "request.answered" in file.read_text()
    assert "own words" not in file.read_text()


def test_talkative_library_does_not_even_make_its_text(file):
    configure(LogSettings(file, LogLevel.DEBUG))

    # A part of the library that no other test has given a level of its own.
    assert not logging.getLogger("websockets.of_this_test").isEnabledFor(logging.INFO)


def test_warning_of_python_goes_to_the_log_and_is_masked(file):
    configure(LogSettings(file))

    logging.getLogger("py.warnings").warning("api_key=%s is short", SECRET)

    assert SECRET not in file.read_text()
    assert logging._warnings_showwarning is not None


def test_what_is_bound_to_a_piece_of_work_stands_in_each_of_its_lines(file):
    configure(LogSettings(file, format=LogFormat.JSON))

    with structlog.contextvars.bound_contextvars(cl_ord_id="IQ-1"):
        structlog.get_logger("broker").info("request.answered")
        structlog.get_logger("orders").info("order.moved", cl_ord_id="IQ-2")
    structlog.get_logger("orders").info("book.read")

    told = [json.loads(line).get("cl_ord_id") for line in file.read_text().splitlines()]
    assert told == ["IQ-1", "IQ-2", None]
