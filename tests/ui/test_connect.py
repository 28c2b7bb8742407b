"""The form for a paper account: by keyboard, each fault below its field, nothing lost, nothing shown."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow
from pytestqt.qtbot import QtBot

from core.domain.credentials import AlpacaCredentials, PolygonKey
from ui.dialogs.connect import ConnectSheet, Field, PaperStart, Rules, connect_sheet

PASSPHRASE = "correct horse battery"
ODD = "holds a space or a character that no key has; copy it again."
RULES = Rules(
    name=lambda text: "Taken." if text == "desk" else "" if text else "A name.",
    passphrase=lambda text: "" if len(text) >= 15 else "Too short.",
)


class Heard:
    """The sheet, and what it handed over."""

    def __init__(self, window: QMainWindow, name: str = "paper") -> None:
        self.starts: list[PaperStart | None] = []
        self.sheet: ConnectSheet = connect_sheet(window, name, RULES, self.starts.append)

    def fill(self, **texts: str) -> None:
        usual = {"passphrase": PASSPHRASE, "again": PASSPHRASE, "key_id": "PKTEST", "secret": "aSecret"}
        for name, text in {**usual, **texts}.items():
            self.sheet.fields[Field(name)].setText(text)

    def faults(self) -> dict[str, str]:
        return {
            each.value: label.text()
            for each, label in self.sheet.faults.items()
            if label.isVisible() and label.text()
        }


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    made = QMainWindow()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.activateWindow()
    return made


@pytest.fixture
def form(window: QMainWindow) -> Heard:
    return Heard(window)


def test_form_is_filled_in_and_sent_by_keyboard_alone(form: Heard) -> None:
    words = ["correct horse battery", "correct horse battery", "PKTEST", "aSecret", ""]

    for text in words:
        QTest.keyClicks(QApplication.focusWidget(), text)
        if text:
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)

    assert form.starts == [PaperStart("paper", PASSPHRASE, AlpacaCredentials("PKTEST", "aSecret"))]


def test_form_without_a_proposed_name_begins_with_it(window: QMainWindow) -> None:
    form = Heard(window, "")

    assert QApplication.focusWidget() is form.sheet.fields[Field.NAME]


def test_form_hands_over_the_polygon_key_and_what_was_pasted_with_spaces_around(form: Heard) -> None:
    form.fill(name=" mine ", key_id=" PKTEST\t", secret="aSecret ", polygon=" poly ")

    form.sheet.take()

    expected = PaperStart("mine", PASSPHRASE, AlpacaCredentials("PKTEST", "aSecret"), PolygonKey("poly"))
    assert form.starts == [expected]


@pytest.mark.parametrize("passphrase", [f" {PASSPHRASE} ", "é" * 20, "x" * 1000])
def test_form_takes_a_passphrase_exactly_as_typed(form: Heard, passphrase: str) -> None:
    form.fill(passphrase=passphrase, again=passphrase)

    form.sheet.take()

    assert form.starts[0] is not None
    assert form.starts[0].passphrase == passphrase


@pytest.mark.parametrize(
    ("texts", "faults"),
    [
        ({"name": "desk"}, {"name": "Taken."}),
        ({"name": "  "}, {"name": "A name."}),
        ({"passphrase": "short", "again": "short"}, {"passphrase": "Too short."}),
        ({"again": f"{PASSPHRASE} "}, {"again": "This is not what you typed first."}),
        ({"key_id": ""}, {"key_id": "The key id is missing."}),
        ({"secret": "a b"}, {"secret": f"The secret {ODD}"}),
        ({"secret": "x" * 300}, {"secret": "The secret has 257 characters; no more than 256 are expected."}),
        ({"polygon": "é"}, {"polygon": f"The key {ODD}"}),
        (
            {"key_id": "", "secret": ""},
            {"key_id": "The key id is missing.", "secret": "The secret is missing."},
        ),
    ],
)
def test_form_says_each_fault_below_its_field_and_loses_nothing(form: Heard, texts, faults) -> None:
    form.fill(**texts)
    before = {each: edit.text() for each, edit in form.sheet.fields.items()}

    form.sheet.take()

    assert (form.starts, form.faults()) == ([], faults)
    assert {each: edit.text() for each, edit in form.sheet.fields.items()} == before
    first = next(iter(faults))
    assert QApplication.focusWidget() is form.sheet.fields[Field(first)]
    assert form.sheet.fields[Field(first)].accessibleDescription() == faults[first]


def test_fault_goes_when_its_field_is_mended(form: Heard) -> None:
    form.fill(key_id="", secret="")
    form.sheet.take()

    QTest.keyClicks(form.sheet.fields[Field.KEY_ID], "P")

    assert list(form.faults()) == ["secret"]


def test_form_is_sent_once_until_it_is_refused_and_then_again(form: Heard) -> None:
    form.fill()
    form.sheet.take()
    form.sheet.take()
    form.sheet.say("Trying the keys")
    busy = (len(form.starts), form.sheet.fields[Field.SECRET].isReadOnly(), form.sheet.note.text())

    form.sheet.refuse({Field.KEY_ID: "Alpaca says: forbidden."})
    told = form.faults()
    form.sheet.take()

    assert busy == (1, True, "Trying the keys")
    assert told == {"key_id": "Alpaca says: forbidden."}
    assert len(form.starts) == 2
    assert form.starts[0] == form.starts[1]


def test_refusal_of_no_field_in_particular_stands_below_all(form: Heard) -> None:
    form.fill()
    form.sheet.take()

    form.sheet.refuse({}, "The disk is full.")

    assert (form.sheet.fault.isVisible(), form.sheet.fault.text()) == (True, "The disk is full.")
    assert form.faults() == {}


def test_esc_gives_up_once_and_forgets_what_was_typed(form: Heard) -> None:
    form.fill()
    fields = form.sheet.fields

    QTest.keyClick(fields[Field.SECRET], Qt.Key.Key_Escape)

    assert form.starts == [None]
    assert {edit.text() for edit in fields.values()} == {""}


def test_accepted_form_closes_without_giving_up(form: Heard) -> None:
    form.fill()
    form.sheet.take()

    form.sheet.accept()

    assert len(form.starts) == 1
    assert form.sheet.isHidden()


def test_click_beside_the_form_loses_nothing(form: Heard) -> None:
    form.fill()

    QTest.mouseClick(form.sheet, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))

    assert form.starts == []
    assert form.sheet.isVisible()


def test_form_masks_all_but_name_and_key_id_and_shows_nothing_in_a_repr(form: Heard) -> None:
    masked = {
        each for each, edit in form.sheet.fields.items() if edit.echoMode() is QLineEdit.EchoMode.Password
    }
    form.fill(polygon="aPolyKey")
    form.sheet.take()

    assert masked == {Field.PASSPHRASE, Field.AGAIN, Field.SECRET, Field.POLYGON}
    shown = repr(form.starts)
    assert all(secret not in shown for secret in ("PKTEST", "aSecret", "aPolyKey", PASSPHRASE))


@pytest.mark.parametrize("size", [(1024, 640), (1280, 800), (1920, 1080)])
def test_form_with_every_fault_fits_into_the_window(window: QMainWindow, size) -> None:
    window.resize(*size)
    form = Heard(window)
    form.fill(name="desk", passphrase="x", again="y", key_id="", secret="", polygon="é")

    form.sheet.take()

    assert len(form.faults()) == 6
    assert form.sheet.sheet.height() >= form.sheet.sheet.sizeHint().height()
    assert form.sheet.rect().contains(form.sheet.sheet.geometry())
