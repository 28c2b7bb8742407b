"""Fields keep what was typed; a hold is a hold; states have shapes; labels take nothing for markup."""

from decimal import Decimal

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFontInfo, QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.domain.access import Mode, TradingState
from core.domain.terms import Side
from ui.theme import fonts
from ui.theme.icons import glyph, icon
from ui.theme.stylesheet import apply_look, sheet
from ui.theme.tokens import DENSITIES, GainLoss, Look, ThemeName, load_theme, tokens
from ui.widgets.buttons import Button, Dress, HoldButton
from ui.widgets.fields import ChoiceField, NumberField, SideField
from ui.widgets.labels import Text, plain
from ui.widgets.lamps import Lamp, LampState, ModeBadge, StateChip
from ui.widgets.toast import Notice, ToastStack


def colours(widget: QWidget) -> set[str]:
    image = widget.grab().toImage()
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return {QColor(image.pixel(x, y)).name().upper() for x, y in points}


def key(kind: QEvent.Type, which: Qt.Key, *, repeats: bool = False) -> QKeyEvent:
    return QKeyEvent(kind, which, Qt.KeyboardModifier.NoModifier, "", repeats)


@pytest.fixture
def price(qtbot: QtBot) -> NumberField:
    field = NumberField("Limit price")
    field.set_tick(Decimal("0.01"), Decimal("0.01"))
    qtbot.addWidget(field)
    field.show()
    return field


@pytest.mark.parametrize("typed", ["189.430", "0.1000000000000000055", "1e308", "-5", "abc", " 7 "])
def test_number_field_keeps_what_was_typed(price: NumberField, typed: str) -> None:
    price.setText(typed)

    assert price.text() == typed


@pytest.mark.parametrize("typed", ["NaN", "Infinity", "abc", ""])
def test_number_of_what_is_none_is_none(price: NumberField, typed: str) -> None:
    price.setText(typed)

    assert price.number() is None


@pytest.mark.parametrize(
    ("start", "which", "shift", "text"),
    [
        ("189.43", Qt.Key.Key_Up, False, "189.44"),
        ("189.43", Qt.Key.Key_Down, True, "189.33"),
        ("189.435", Qt.Key.Key_Up, False, "189.44"),
        ("189.435", Qt.Key.Key_Down, False, "189.43"),
        ("0.01", Qt.Key.Key_Down, False, "0.01"),
        ("", Qt.Key.Key_Up, False, "0.02"),
        ("abc", Qt.Key.Key_Up, False, "abc"),
    ],
)
def test_number_field_steps_by_ticks(
    price: NumberField, qtbot: QtBot, start: str, which: Qt.Key, shift: bool, text: str
) -> None:
    price.setText(start)
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier

    qtbot.keyClick(price, which, modifier)

    assert price.text() == text


def test_number_field_that_was_refused_says_so_and_has_the_edge(price: NumberField) -> None:
    price.resize(162, 28)

    price.set_refused("prices move by 0.01")

    assert price.accessibleDescription() == "prices move by 0.01"
    assert tokens().halt.name().upper() in colours(price)


def test_choice_field_moves_by_keys_and_stops_at_its_ends(qtbot: QtBot) -> None:
    field = ChoiceField("Type", ["Limit", "Market"])
    qtbot.addWidget(field)
    chosen: list[int] = []
    field.chosen.connect(chosen.append)

    for which in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(field, which)

    assert chosen == [1]
    assert field.accessibleName() == "Type: Market"


def test_side_field_follows_its_letters(qtbot: QtBot) -> None:
    field = SideField()
    qtbot.addWidget(field)

    with qtbot.waitSignal(field.chosen) as chosen:
        qtbot.keyClick(field, Qt.Key.Key_S)

    assert chosen.args == [Side.SELL]


@pytest.fixture
def hold(qtbot: QtBot) -> tuple[HoldButton, list[float], list[bool]]:
    button = HoldButton("Hold to send", Dress.BUY)
    qtbot.addWidget(button)
    now, fired = [10.0], list[bool]()
    button.set_clock(lambda: now[0])
    button.held.connect(lambda: fired.append(True))
    return button, now, fired


Hold = tuple[HoldButton, list[float], list[bool]]


def test_hold_fires_once_after_600_ms(hold: Hold) -> None:
    button, now, fired = hold
    QApplication.sendEvent(button, key(QEvent.Type.KeyPress, Qt.Key.Key_Space))

    for _ in range(4):
        now[0] += 0.2
        button.advance()
        QApplication.sendEvent(button, key(QEvent.Type.KeyPress, Qt.Key.Key_Space, repeats=True))

    assert fired == [True]


def test_hold_that_ends_early_does_nothing(hold: Hold) -> None:
    button, now, fired = hold
    QApplication.sendEvent(button, key(QEvent.Type.KeyPress, Qt.Key.Key_Space))
    now[0] += 0.59
    button.advance()

    QApplication.sendEvent(button, key(QEvent.Type.KeyRelease, Qt.Key.Key_Space))
    now[0] += 1
    button.advance()

    assert fired == []
    assert button.progress == 0.0


@pytest.mark.parametrize("which", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_hold_is_never_begun_by_enter(hold: Hold, which: Qt.Key) -> None:
    button, now, fired = hold

    QApplication.sendEvent(button, key(QEvent.Type.KeyPress, which))
    now[0] += 1
    button.advance()

    assert fired == []


def test_hold_of_a_disabled_button_does_not_begin(hold: Hold) -> None:
    button, now, fired = hold
    button.setEnabled(False)

    button.begin()
    now[0] += 1
    button.advance()

    assert fired == []


def test_button_ignores_a_key_that_repeats(qtbot: QtBot) -> None:
    button = Button("Halt", Dress.HALT)
    qtbot.addWidget(button)
    clicks: list[bool] = []
    button.clicked.connect(lambda: clicks.append(True))

    for _ in range(3):
        QApplication.sendEvent(button, key(QEvent.Type.KeyPress, Qt.Key.Key_Space, repeats=True))
        QApplication.sendEvent(button, key(QEvent.Type.KeyRelease, Qt.Key.Key_Space))

    assert clicks == []


def left_edge(badge: ModeBadge) -> list[bool]:
    badge.resize(badge.sizeHint())
    image, ground = badge.grab().toImage(), tokens().surface1.lightness()
    return [abs(QColor(image.pixel(0, y)).lightness() - ground) > 20 for y in range(image.height())]


def test_mode_badges_differ_in_shape_without_any_hue(qtbot: QtBot) -> None:
    pill, paper = ModeBadge(Mode.SIM), ModeBadge(Mode.PAPER)
    qtbot.addWidget(pill)
    qtbot.addWidget(paper)

    assert all(left_edge(paper))
    assert not any(left_edge(pill)[:4])
    assert tokens().live_fill.name().upper() not in colours(pill) | colours(paper)


def test_mode_badge_of_real_money_is_a_filled_block(qtbot: QtBot) -> None:
    badge = ModeBadge(Mode.LIVE)
    qtbot.addWidget(badge)

    assert tokens().live_fill.name().upper() in colours(badge)
    assert (badge.objectName(), badge.accessibleName()) == ("badge.mode", "Mode: LIVE")


def test_state_chip_of_a_halt_is_a_block(qtbot: QtBot) -> None:
    chip = StateChip(TradingState.HALTED)
    qtbot.addWidget(chip)

    assert tokens().halt_fill.name().upper() in colours(chip)
    assert chip.accessibleName() == "Trading: HALTED"


def test_lamp_that_is_healthy_has_no_hue(qtbot: QtBot) -> None:
    lamp = Lamp("Feed")
    qtbot.addWidget(lamp)

    lamp.set_state(LampState.OK)

    hues = {name for name in colours(lamp) if QColor(name).hsvSaturation() > 90}
    assert hues == set()


@pytest.mark.parametrize("text", ["<b>AAPL</b>", "<img src='http://127.0.0.1/'>", "&amp;"])
def test_labels_take_nothing_for_markup(qtbot: QtBot, text: str) -> None:
    label, line = plain(text), Text(text)
    qtbot.addWidget(label)
    qtbot.addWidget(line)

    assert label.textFormat() is Qt.TextFormat.PlainText
    assert (label.text(), line.text()) == (text, text)


def test_text_that_does_not_fit_is_in_the_tool_tip(qtbot: QtBot) -> None:
    line = Text("A rather long sentence about an order")
    qtbot.addWidget(line)
    line.resize(60, 20)

    line.grab()

    assert line.toolTip() == "A rather long sentence about an order"


def test_toasts_of_equal_words_are_merged(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    stack = ToastStack(window)

    for _ in range(3):
        stack.show_toast(Notice.WARNING, "The feed is slow.")

    assert [toast.count for toast in stack.toasts()] == [3]


def test_toasts_are_at_most_four(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    stack = ToastStack(window)

    for number in range(9):
        stack.show_toast(Notice.WARNING, f"Warning {number}")

    assert [toast.text for toast in stack.toasts()] == [f"Warning {number}" for number in range(5, 9)]


@pytest.mark.parametrize("weight", [fonts.REGULAR, fonts.MEDIUM, fonts.SEMIBOLD])
def test_face_is_bundled_and_has_its_weights(weight: int) -> None:
    fonts.register_fonts()

    assert QFontInfo(fonts.font(12, weight)).family() == fonts.FAMILY
    assert fonts.metrics(12, weight).horizontalAdvance("1") == fonts.metrics(12, weight).horizontalAdvance(
        "8"
    )


def test_face_gets_wider_with_its_weight() -> None:
    widths = [fonts.metrics(12, weight).horizontalAdvance("Watchlist") for weight in (400, 500, 600)]

    assert widths == sorted(set(widths))


def test_capitals_are_centred_in_a_row() -> None:
    assert fonts.baseline(0, 24, 12) == 16


def test_style_sheet_is_short() -> None:
    lines = sheet(load_theme()).strip().splitlines()

    assert len(lines) < 200


@pytest.mark.parametrize("name", ThemeName)
@pytest.mark.parametrize("gain_loss", GainLoss)
def test_theme_has_every_token(name: ThemeName, gain_loss: GainLoss) -> None:
    found = load_theme(name, gain_loss)

    assert found.name == name
    assert found.scrim.alpha() > 0


def test_look_that_changes_reaches_the_application(qapp: QApplication) -> None:
    light = load_theme(ThemeName.LIGHT)

    apply_look(qapp, Look(light, DENSITIES["dense"]))

    assert qapp.palette().window().color() == light.surface1
    assert tokens() is light


def test_icon_follows_the_theme(qapp: QApplication) -> None:
    made = icon("lock", "text1")
    dark = made.pixmap(16, 16).toImage()
    apply_look(qapp, Look(load_theme(ThemeName.LIGHT)))

    assert made.pixmap(16, 16).toImage() != dark


def test_icon_that_phosphor_lacks_is_refused() -> None:
    with pytest.raises(KeyError):
        glyph("no-such-icon")
