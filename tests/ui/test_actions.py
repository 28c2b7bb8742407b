"""The catalogue holds together: keys, handlers, reasons, palette, key sheet."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from core.domain.access import Mode, Role, TradingState
from core.errors import InvariantBroken
from ui.actions import cheatsheet
from ui.actions.catalog import CATALOG
from ui.actions.hints import Anchor, KeyHints
from ui.actions.match import fuzzy
from ui.actions.palette import Palette
from ui.actions.registry import ActionRegistry, bound_keys
from ui.actions.search import HitKind, SymbolEntry
from ui.actions.spec import ActionSpec, Scope, Section, Selection, UiContext
from ui.theme.icons import glyph

READY = UiContext(
    profile_is_open=True,
    is_connected=True,
    role=Role.ADMIN,
    symbol="AAPL",
    selection=Selection.ORDER,
    order_is_open=True,
    working=3,
    working_here=2,
    held_here=True,
    ticket_is_filled=True,
)

FIXED_IDS = (
    "order.review", "order.submit", "order.cancel", "orders.cancel_all", "position.close", "trading.halt",
    "trading.kill", "palette.open", "session.lock", "help.keys",
)  # fmt: skip


class Window:
    """A window with every handler, which notes what was called."""

    def __init__(self, qtbot: QtBot) -> None:
        self.called: list[str] = []
        self.widget = QMainWindow()
        self.table = QLineEdit(self.widget)
        self.widget.resize(1600, 1000)
        qtbot.addWidget(self.widget)
        self.registry = ActionRegistry(CATALOG, self.handlers(), self.widget)
        self.registry.set_context(READY)

    def handlers(self) -> dict[str, Callable[[], object]]:
        def note(name: str) -> Callable[[], object]:
            return lambda: self.called.append(name)

        return {spec.handler: note(spec.handler) for spec in CATALOG}


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    made = Window(qtbot)
    with qtbot.waitExposed(made.widget):
        made.widget.show()
    made.widget.activateWindow()
    return made


def spec(action: str, *keys: str, scope: Scope = Scope.EVERYWHERE) -> ActionSpec:
    return ActionSpec(action, action, action, Section.PROGRAM, keys, scope)


def test_catalogue_has_the_ids_that_are_fixed() -> None:
    assert set(FIXED_IDS) <= {spec.id for spec in CATALOG}


def test_catalogue_has_no_clash_of_keys() -> None:
    keys = bound_keys(CATALOG, {})

    assert keys["trading.halt"] == ("Ctrl+Shift+H",)


def test_catalogue_icons_all_exist() -> None:
    assert [glyph(spec.icon) for spec in CATALOG if spec.icon]


@pytest.mark.parametrize("action", [spec.id for spec in CATALOG if spec.scope is Scope.EVERYWHERE])
def test_bare_letters_act_nowhere_but_in_tables(action: str) -> None:
    found = next(spec for spec in CATALOG if spec.id == action)

    assert not [key for key in found.keys if len(key) == 1 and key.isalnum()]


def test_keys_never_are_ctrl_alt_letter() -> None:
    assert not [key for spec in CATALOG for key in spec.keys if "Ctrl+Alt" in key]


@pytest.mark.parametrize(
    "specs",
    [
        (spec("a", "Ctrl+J"), spec("b", "Ctrl+J")),
        (spec("a", "Ctrl+J"), spec("b", "Ctrl+J", scope=Scope.TABLE)),
        (spec("a", "Delete", scope=Scope.TABLE), spec("b", "Del", scope=Scope.TABLE)),
        (spec("a", "Ctrl+J"), spec("a", "Ctrl+M")),
        (spec("a", "no key"),),
    ],
)
def test_catalogue_that_cannot_work_is_refused(specs: tuple[ActionSpec, ...]) -> None:
    with pytest.raises(InvariantBroken):
        bound_keys(specs, {})


def test_same_key_in_a_table_and_on_a_sheet_is_no_clash() -> None:
    keys = bound_keys((spec("a", "S", scope=Scope.TABLE), spec("b", "S", scope=Scope.SHEET)), {})

    assert keys == {"a": ("S",), "b": ("S",)}


def test_rebinding_onto_a_taken_key_is_refused_and_names_both() -> None:
    with pytest.raises(
        InvariantBroken, match=r"Ctrl\+L.*trading\.halt.*session\.lock|Ctrl\+L.*session\.lock.*trading\.halt"
    ):
        bound_keys(CATALOG, {"trading.halt": ("Ctrl+L",)})


def test_missing_handler_is_refused(window: Window) -> None:
    handlers = window.handlers()
    del handlers["halt"]

    with pytest.raises(InvariantBroken, match="halt"):
        ActionRegistry(CATALOG, handlers, QMainWindow())


def test_idle_handler_is_refused(window: Window) -> None:
    with pytest.raises(InvariantBroken, match="nobody"):
        ActionRegistry(CATALOG, {**window.handlers(), "nobody": lambda: None}, QMainWindow())


@pytest.mark.parametrize(("state", "role", "locked"), list(product(TradingState, Role, (False, True))))
def test_halt_is_always_enabled(window: Window, state: TradingState, role: Role, locked: bool) -> None:
    for mode in Mode:
        window.registry.set_context(UiContext(mode=mode, trading_state=state, role=role, is_locked=locked))

        assert window.registry.action("trading.halt").isEnabled()


def test_halt_key_reaches_its_handler_from_a_text_field(window: Window, qtbot: QtBot) -> None:
    window.table.setFocus()

    qtbot.keyClick(
        window.table, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )

    assert window.called == ["halt"]


def test_slash_typed_into_a_field_stays_text(window: Window, qtbot: QtBot) -> None:
    window.table.setFocus()

    qtbot.keyClicks(window.table, "/")

    assert (window.table.text(), window.called) == ("/", [])


def test_locked_window_disables_all_but_halt_kill_help_and_quit(window: Window) -> None:
    window.registry.set_context(replace(READY, is_locked=True))

    enabled = {spec.id for spec in CATALOG if window.registry.action(spec.id).isEnabled()}

    assert enabled == {"trading.halt", "trading.kill", "help.keys", "app.quit"}


def test_role_hides_what_it_may_not_do(window: Window) -> None:
    window.registry.set_context(replace(READY, role=Role.VIEWER))

    assert not window.registry.action("order.review").isVisible()
    assert window.registry.run("order.review") == "needs the role trader"
    assert window.called == []


def test_halted_state_disables_review_but_not_cancel(window: Window) -> None:
    window.registry.set_context(replace(READY, trading_state=TradingState.HALTED))

    assert window.registry.run("order.review") == "trading is halted"
    assert window.registry.run("order.cancel") == ""
    assert window.called == ["cancel_order"]


def test_actions_never_repeat_themselves(window: Window) -> None:
    assert not [spec.id for spec in CATALOG if window.registry.action(spec.id).autoRepeat()]


def test_context_menu_has_the_actions_of_its_panel_with_their_keys(window: Window) -> None:
    menu = window.registry.context_menu("panel.orders", window.widget)

    names = [action.objectName() for action in menu.actions()]

    assert "order.cancel" in names
    assert set(names) == {spec.id for spec in CATALOG if "panel.orders" in spec.menus}


def test_main_menu_has_every_action_once(window: Window) -> None:
    menu = window.registry.main_menu(window.widget)

    names = [action.objectName() for part in menu.actions() for action in part.menu().actions()]

    assert sorted(names) == sorted(spec.id for spec in CATALOG if spec.in_menu)


@pytest.fixture
def palette(window: Window) -> Palette:
    return Palette(window.widget, window.registry, lambda _: [SymbolEntry("CAN", "Canaan, Nasdaq", "1.24")])


def test_palette_finds_commands_symbols_and_says_why_not(window: Window, palette: Palette) -> None:
    window.registry.set_context(replace(READY, selection=Selection.NONE))

    palette.open_palette("can")

    found = {hit.id: hit for hit in palette._hits}
    assert palette._hits[0].id == "orders.cancel_symbol"
    assert found["order.cancel"].detail == "select an order first"
    assert not found["order.cancel"].is_enabled
    assert found["CAN"].kind is HitKind.SYMBOL
    assert found["orders.cancel_all"].spans == ((0, 3),)


def test_of_two_that_fit_as_well_the_one_that_says_less_besides_comes_first() -> None:
    texts = ("Radar of the symbol, or of the portfolio", "Go to Portfolio")
    found = [fuzzy("portfolio", text) for text in texts]

    assert found[0].score < found[1].score < fuzzy("portfolio", "Portfolio, all of it").score


def test_palette_runs_on_enter_and_gives_the_focus_back(
    window: Window, palette: Palette, qtbot: QtBot
) -> None:
    window.table.setFocus()
    palette.open_palette("lock")

    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Return)

    assert window.called == ["lock"]
    assert not palette.isVisible()
    assert window.widget.focusWidget() is window.table


def test_palette_does_not_run_what_is_disabled(window: Window, palette: Palette, qtbot: QtBot) -> None:
    window.registry.set_context(replace(READY, selection=Selection.NONE))
    palette.open_palette("cancel selected")

    with qtbot.waitSignal(palette.refused) as refused:
        qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Return)

    assert refused.args == ["select an order first"]
    assert (window.called, palette.isVisible()) == ([], True)


def test_palette_after_tab_offers_symbols_only(palette: Palette, qtbot: QtBot) -> None:
    palette.open_palette("can")

    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Tab)

    assert [hit.kind for hit in palette._hits] == [HitKind.SYMBOL]


def test_palette_arrow_then_escape_does_nothing(window: Window, palette: Palette, qtbot: QtBot) -> None:
    palette.open_palette("can")
    first = palette.current

    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Down)
    second = palette.current
    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Escape)

    assert first != second
    assert (palette.isVisible(), window.called) == (False, [])


def test_palette_leaves_halt_within_reach(window: Window, qtbot: QtBot) -> None:
    halt = QPushButton("Halt", window.widget)
    halt.setGeometry(1200, 900, 100, 32)
    halt.show()
    palette = Palette(window.widget, window.registry, lambda _: [], [halt])

    palette.open_palette()

    assert not palette.mask().contains(QPoint(1250, 915))
    assert palette.mask().contains(QPoint(1100, 915))


@pytest.mark.parametrize(
    ("query", "text", "spans"),
    [
        ("can", "Cancel all", ((0, 3),)),
        ("all", "Cancel all", ((7, 10),)),
        ("ncel", "Cancel all", ((2, 6),)),
        ("ca all", "Cancel all", ((0, 2), (7, 10))),
        ("xyz", "Cancel all", None),
        ("cnl", "Cancel all", None),
        ("", "Cancel all", ()),
    ],
)
def test_fuzzy_match_marks_the_letters(
    query: str, text: str, spans: tuple[tuple[int, int], ...] | None
) -> None:
    found = fuzzy(query, text)

    assert (None if found is None else found.spans) == spans


def test_key_sheet_prints_every_key_of_the_catalogue(window: Window) -> None:
    printed = cheatsheet.markdown(window.registry)

    missing = [
        spec.id for spec in CATALOG if spec.keys and f"`{window.registry.key(spec.id)}`" not in printed
    ]
    assert missing == []
    assert "`Ctrl+Enter`" in printed


def test_key_sheet_opens_closes_and_gives_the_focus_back(window: Window, qtbot: QtBot) -> None:
    key_sheet = cheatsheet.KeySheet(window.widget, window.registry)
    window.table.setFocus()
    key_sheet.open_sheet()
    was_open = key_sheet.isVisible()

    qtbot.keyClick(key_sheet, Qt.Key.Key_Escape)

    assert (was_open, key_sheet.isVisible()) == (True, False)
    assert window.widget.focusWidget() is window.table


def key(kind: QEvent.Type, which: Qt.Key) -> QKeyEvent:
    return QKeyEvent(kind, which, Qt.KeyboardModifier.ControlModifier)


def test_hints_show_while_ctrl_is_held_and_go_with_it(window: Window, qtbot: QtBot) -> None:
    hints = KeyHints(window.widget, window.registry)
    hints.set_anchors([Anchor("palette.open", window.table, lambda: QPoint(0, 0))])
    hints.show_hints()
    shown = hints.isVisible()

    QApplication.sendEvent(window.table, key(QEvent.Type.KeyRelease, Qt.Key.Key_Control))

    assert (shown, hints.isVisible()) == (True, False)


def test_hints_go_when_another_key_makes_a_shortcut(window: Window) -> None:
    hints = KeyHints(window.widget, window.registry)
    hints.show_hints()

    QApplication.sendEvent(window.table, key(QEvent.Type.KeyPress, Qt.Key.Key_X))

    assert not hints.isVisible()


def test_scope_keys_act_only_where_they_are_attached(window: Window, qtbot: QtBot) -> None:
    table, other = QWidget(window.widget), QWidget(window.widget)
    for widget in (table, other):
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.show()
    window.registry.attach(table, Scope.TABLE)

    for widget in (other, table):
        widget.setFocus()
        qtbot.keyClick(widget, Qt.Key.Key_B)

    assert window.called == ["ticket_buy"]
