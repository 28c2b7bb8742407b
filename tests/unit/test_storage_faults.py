"""Each result code of the driver has one meaning for the person."""

from pathlib import Path

import pytest
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlcipher3 import dbapi2

from core.errors import DatabaseDamaged, StorageError, StorageUnwritable
from core.storage.faults import translate

PATH = Path("a.db")


def _driver(code: int) -> dbapi2.Error:
    error = dbapi2.OperationalError("words of the driver")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (11, DatabaseDamaged, "damaged"),
        (26, DatabaseDamaged, "damaged"),
        (10 | 2 << 8, DatabaseDamaged, "damaged"),
        (13, StorageUnwritable, "full"),
        (8, StorageUnwritable, "read-only"),
        (8 | 1 << 8, StorageUnwritable, "read-only"),
        (14, StorageUnwritable, "cannot be opened"),
        (10 | 3 << 8, StorageUnwritable, "cannot be written"),
        (5, StorageError, "locked"),
        (6, StorageError, "locked"),
        (19, StorageError, "words of the driver"),
        (1, StorageError, "OperationalError"),
    ],
)
def test_code_has_its_error(code, kind, words):
    for error in (_driver(code), OperationalError("", {}, _driver(code))):
        told = translate(error, PATH)

        assert type(told) is kind
        assert words in str(told)


def test_error_without_a_code_tells_its_kind_and_no_values():
    told = translate(InvalidRequestError("secret value"), PATH)

    assert type(told) is StorageError
    assert "secret value" not in str(told)
    assert "InvalidRequestError" in str(told)
