"""House rules that no ready-made linter knows. Each takes a module and yields the line and what is wrong."""

import ast
import re
from collections.abc import Iterator

from tests.arch.source import Module, called_method, calls, dotted, strings

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
Finding = tuple[int, str]

SQL = re.compile(
    r"\bSELECT\b|\bINSERT\s+(OR\s+\w+\s+)?INTO\b|\bUPDATE\s+\w+\s+SET\b|\bDELETE\s+FROM\b|\bPRAGMA\b|\bVACUUM\b"
    r"|\b(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|TRIGGER|VIEW)\b|\bATTACH\b|\bBEGIN\s+\w+\b|\bSAVEPOINT\b"
)
RAW_SQL_CALLS = frozenset({"executescript", "exec_driver_sql"})
# What SQLAlchemy has no words for, in core/storage only.
STORAGE_SQL = re.compile(
    r"\s*(BEGIN( IMMEDIATE)?$|CREATE TRIGGER\b|VACUUM INTO\b|SELECT count\(\*\) FROM sqlite_master$"
    r"|ATTACH DATABASE \? AS staged KEY \?$|SELECT sqlcipher_export\('staged'\)$"
    r"|PRAGMA (key|cipher_log_level|cipher_version|cipher_integrity_check|cipher_memory_security|journal_mode"
    r"|synchronous|foreign_keys|foreign_key_check|integrity_check|query_only|cache_size|busy_timeout|wal_checkpoint|wal_autocheckpoint"
    r"|temp_store|trusted_schema|user_version)\b)"
)
SQL_PACKAGES = ("sqlalchemy", "sqlcipher3", "alembic", "sqlite3")

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}$")

MODAL = frozenset(
    {"exec", "exec_", "getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"}
)

BROAD = frozenset({"Exception", "BaseException"})
# The edges where anything may arrive; each logs the traceback.
# The supervisor of the streams is one too: a bug in one report begins the stream again, with the door shut.
EDGES = frozenset(
    {
        "core/api/server.py",
        "core/bus.py",
        "core/orders/links.py",
        "core/orders/sending.py",
        "core/orders/within.py",
        "app/runtime.py",
        "app/crash.py",
        "app/cli.py",
        "ui/bridge.py",
    }
)

MONEY = ("core/domain/", "core/orders/", "core/risk/", "core/audit/")
# Where a float is a rate or a measurement, never money.
FLOAT_MODULES = frozenset(
    {
        "core/domain/limit_kinds.py",  # seconds, and orders a second
        "core/orders/daily_bars.py",  # returns
        "core/orders/gauges.py",  # measurements
        "core/orders/measuring.py",
        "core/orders/throttle.py",
        "core/risk/radar.py",  # scores
    }
)

OUR_TIME = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.sleep",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
    }
)
CLOCKS = frozenset({"core/clock.py"})

SKIPS = frozenset(
    {"pytest.skip", "pytest.xfail", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
)


def sql_text(module: Module) -> Iterator[Finding]:
    """SQL is written in migrations, and as listed PRAGMAs and triggers in core/storage."""
    if module.path.startswith("migrations/"):
        return
    in_storage = module.path.startswith("core/storage/")
    for text in strings(module.tree):
        if SQL.search(text.value) and not (in_storage and STORAGE_SQL.match(text.value)):
            yield text.lineno, f"SQL text outside the list: {text.value[:40]!r}"
    for call in calls(module.tree):
        raw = called_method(call) in RAW_SQL_CALLS or dotted(call.func, module.aliases) == "sqlalchemy.text"
        if raw and not in_storage:
            yield call.lineno, "raw SQL is run outside core/storage"


def sql_imports(module: Module) -> Iterator[Finding]:
    """Only core/storage and migrations speak SQL."""
    if module.path.startswith(("core/storage/", "migrations/")):
        return
    for name in module.aliases.values():
        if name.partition(".")[0] in SQL_PACKAGES:
            yield 1, f"{name} is imported outside core/storage"


def colours(module: Module) -> Iterator[Finding]:
    """Colours and style sheets stand in ui/theme."""
    if module.path.startswith("ui/theme/"):
        return
    for text in strings(module.tree):
        if COLOUR.search(text.value):
            yield text.lineno, f"colour outside ui/theme: {text.value}"
    for call in calls(module.tree):
        if called_method(call) == "setStyleSheet":
            yield call.lineno, "style sheet outside ui/theme"
        literal = bool(call.args) and all(isinstance(argument, ast.Constant) for argument in call.args)
        if literal and dotted(call.func, module.aliases).endswith("QtGui.QColor"):
            yield call.lineno, "colour outside ui/theme"


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _own_nodes(child)


def _plain_text_count(nodes: Iterator[ast.AST]) -> int:
    return sum(
        isinstance(node, ast.Call)
        and called_method(node) == "setTextFormat"
        and ast.unparse(node.args[0]).endswith("PlainText")
        for node in nodes
    )


def rich_labels(module: Module) -> Iterator[Finding]:
    """A QLabel guesses rich text from what it is given, so each is told to be plain where it is made."""
    for scope in ast.walk(module.tree):
        if not isinstance(scope, Scope):
            continue
        made = [
            node
            for node in _own_nodes(scope)
            if isinstance(node, ast.Call) and dotted(node.func, module.aliases).endswith("QtWidgets.QLabel")
        ]
        if len(made) > _plain_text_count(_own_nodes(scope)):
            yield made[0].lineno, "a QLabel that is not plain text: make it with the helper of ui/widgets"
        if isinstance(scope, ast.ClassDef):
            label = any(dotted(base, module.aliases).endswith("QtWidgets.QLabel") for base in scope.bases)
            if label and not _plain_text_count(ast.walk(scope)):
                yield scope.lineno, "a subclass of QLabel that is not plain text"


def modal_loops(module: Module) -> Iterator[Finding]:
    """A nested event loop stops the window's coroutines: use open() and a future."""
    for call in calls(module.tree):
        if called_method(call) in MODAL:
            yield call.lineno, f"{called_method(call)}() runs a nested loop: use open() or popup()"


def broad_excepts(module: Module) -> Iterator[Finding]:
    """Only the named edges catch everything."""
    if module.path in EDGES:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(one is None or dotted(one, {}) in BROAD for one in caught):
                yield node.lineno, "catches everything: name the errors, or make this a named edge"
    for call in calls(module.tree):
        suppresses = dotted(call.func, module.aliases) == "contextlib.suppress"
        if suppresses and any(dotted(argument, {}) in BROAD for argument in call.args):
            yield call.lineno, "suppresses everything"


def floats_of_money(module: Module) -> Iterator[Finding]:
    """Money is decimal from end to end."""
    if not module.path.startswith(MONEY) or module.path in FLOAT_MODULES:
        return
    for call in calls(module.tree):
        if dotted(call.func, {}) == "float":
            yield call.lineno, "float() on the money path"


def clocks(module: Module) -> Iterator[Finding]:
    """The core's time comes from core.clock, which a test turns by hand."""
    if not module.path.startswith("core/") or module.path in CLOCKS:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node, module.aliases) in OUR_TIME:
            yield node.lineno, f"{dotted(node, module.aliases)} outside core.clock"
    for call in calls(module.tree):
        waits = dotted(call.func, module.aliases) == "asyncio.sleep"
        if waits and not (isinstance(call.args[0], ast.Constant) and call.args[0].value == 0):
            yield call.lineno, "asyncio.sleep outside core.clock"


def skipped_tests(module: Module) -> Iterator[Finding]:
    """A test that does not run proves nothing."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and dotted(node, module.aliases) in SKIPS:
            yield node.lineno, f"{dotted(node, module.aliases)}: repair it or take it out"
