"""The house's own lints: the tree is clean, and each lint finds the snippet that it is there for."""

import pytest

from tests.arch import lints
from tests.arch.source import PROGRAM, module, modules

RULES = [
    (lints.sql_text, PROGRAM),
    (lints.sql_imports, PROGRAM),
    (lints.colours, ("app", "ui")),
    (lints.rich_labels, ("app", "ui")),
    (lints.modal_loops, ("app", "ui")),
    (lints.broad_excepts, PROGRAM),
    (lints.floats_of_money, ("core",)),
    (lints.clocks, ("core",)),
    (lints.skipped_tests, ("tests", "benchmarks")),
]

FOUND = [
    (lints.sql_text, "core/orders/desk.py", 'q = "SELECT * FROM orders"'),
    (lints.sql_text, "core/orders/desk.py", 'q = f"DELETE FROM {table}"'),
    (lints.sql_text, "ui/format.py", "from sqlalchemy import text\ntext(words)"),
    (lints.sql_text, "app/doctor.py", "connection.exec_driver_sql(words)"),
    (lints.sql_text, "core/storage/engine.py", 'q = "PRAGMA writable_schema=ON"'),
    (lints.sql_text, "core/storage/engine.py", 'q = "UPDATE orders SET text = 1"'),
    (lints.sql_imports, "core/orders/oms.py", "from sqlalchemy.orm import Session"),
    (lints.sql_imports, "app/doctor.py", "import sqlcipher3 as driver"),
    (lints.colours, "ui/panels/risk.py", 'red = "#BE1E2D"'),
    (lints.colours, "ui/panels/risk.py", 'panel.setStyleSheet("")'),
    (lints.colours, "ui/panels/risk.py", "from PySide6.QtGui import QColor\nQColor(255, 0, 0)"),
    (lints.rich_labels, "ui/panels/risk.py", "from PySide6.QtWidgets import QLabel\nQLabel(words)"),
    (
        lints.rich_labels,
        "ui/widgets/fields.py",
        "from PySide6 import QtWidgets as w\ndef f():\n    a = w.QLabel()\n    a.setTextFormat(RichText)",
    ),
    (
        lints.rich_labels,
        "ui/widgets/lamps.py",
        "from PySide6.QtWidgets import QLabel\nclass Lamp(QLabel):\n    pass",
    ),
    (lints.modal_loops, "ui/dialogs/confirm.py", "dialog.exec()"),
    (lints.modal_loops, "ui/panels/watchlist.py", "QFileDialog.getOpenFileName(self)"),
    (lints.broad_excepts, "core/orders/oms.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (
        lints.broad_excepts,
        "core/orders/oms.py",
        "try:\n    f()\nexcept (ValueError, BaseException):\n    pass",
    ),
    (lints.broad_excepts, "core/orders/oms.py", "try:\n    f()\nexcept:\n    pass"),
    (lints.broad_excepts, "ui/format.py", "import contextlib\nwith contextlib.suppress(Exception):\n    f()"),
    (lints.floats_of_money, "core/risk/checks/limits.py", "x = float(price)"),
    (lints.clocks, "core/state/quotes.py", "import time\nt = time.monotonic()"),
    (lints.clocks, "core/state/quotes.py", "from datetime import datetime as d\nt = d.now(UTC)"),
    (lints.clocks, "core/state/quotes.py", "from time import time as wall\nread = wall"),
    (lints.clocks, "core/orders/reconcile.py", "import asyncio\nasyncio.sleep(3)"),
    (
        lints.skipped_tests,
        "tests/unit/test_x.py",
        "import pytest\n@pytest.mark.skipif(True)\ndef test_x(): ...",
    ),
    (lints.skipped_tests, "tests/unit/test_x.py", "import pytest\npytest.skip('later')"),
]

ALLOWED = [
    (lints.sql_text, "migrations/versions/0001.py", 'q = "DELETE FROM orders"'),
    (lints.sql_text, "core/storage/engine.py", 'q = "PRAGMA foreign_keys=ON"'),
    (lints.sql_text, "core/storage/tables.py", 'q = "CREATE TRIGGER no_update BEFORE UPDATE ON audit"'),
    (lints.sql_text, "ui/panels/orders.py", 'tip = "Select an order, then update its price"'),
    (lints.sql_text, "core/orders/desk.py", 'def f():\n    """Run no SELECT here."""'),
    (lints.sql_imports, "core/storage/engine.py", "import sqlalchemy"),
    (lints.colours, "ui/theme/tokens.py", 'red = "#BE1E2D"'),
    (lints.colours, "ui/panels/risk.py", "QColor(tokens.halt)"),
    (
        lints.rich_labels,
        "ui/widgets/fields.py",
        "from PySide6.QtWidgets import QLabel\ndef f():\n    a = QLabel()\n    a.setTextFormat(PlainText)",
    ),
    (lints.modal_loops, "ui/dialogs/confirm.py", "dialog.open()"),
    (lints.broad_excepts, "core/bus.py", "try:\n    f()\nexcept Exception:\n    log()"),
    (lints.broad_excepts, "core/orders/oms.py", "try:\n    f()\nexcept OSError:\n    pass"),
    (lints.floats_of_money, "core/state/bars.py", "x = float(price)"),
    (lints.clocks, "core/clock.py", "import time\nt = time.monotonic()"),
    (lints.clocks, "core/bus.py", "import asyncio\nasyncio.sleep(0)"),
    (
        lints.skipped_tests,
        "tests/unit/test_x.py",
        "import pytest\n@pytest.mark.parametrize('a', [1])\ndef test_x(a): ...",
    ),
]


@pytest.mark.parametrize(("rule", "folders"), RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_lint_of_the_tree_finds_nothing(rule, folders):
    found = [f"{source.path}:{line} {words}" for source in modules(*folders) for line, words in rule(source)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(("rule", "path", "text"), FOUND)
def test_lint_of_a_wrong_snippet_finds_it(rule, path, text):
    assert list(rule(module(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_lint_of_a_right_snippet_finds_nothing(rule, path, text):
    assert not list(rule(module(path, text)))


def test_lints_are_all_seen_to_bite():
    assert {rule for rule, _, _ in FOUND} == {rule for rule, _ in RULES}
