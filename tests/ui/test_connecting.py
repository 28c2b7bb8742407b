"""From the form to a profile: the keys are tried first, and all is made or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app import connecting
from app import profile as profiles
from app.connecting import PaperConnecting, Probed, make_paper
from app.secrets import load_alpaca, load_polygon, open_secrets
from core.adapters import keychain
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, PolygonKey
from core.errors import KeyringUnavailable, RefusalCode, Refused, StorageUnwritable
from core.settings import BrokerName, FeedName
from core.storage import vault
from tests.fakes.keychain import MemoryKeyring, allow
from ui.dialogs.connect import Field, PaperStart

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PAIR = AlpacaCredentials("PKTESTKEYID0001", "aSecretOfSomeLength")


async def not_probed(credentials):
    return Probed(passed=True, words="a paper account")


@pytest.fixture(autouse=True)
def no_ring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    made = QMainWindow()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    return made


class Flow:
    """A person at the form, and what came of it."""

    def __init__(self, window: QMainWindow, root: Path, probe: Callable[..., Awaitable[Probed]]) -> None:
        self.opened: list[tuple[Path, str]] = []
        self.left = 0
        self.probed: list[AlpacaCredentials] = []

        async def asked(credentials: AlpacaCredentials) -> Probed:
            self.probed.append(credentials)
            return await probe(credentials)

        self.connecting = PaperConnecting(
            window, root, asked, lambda folder, words: self.opened.append((folder, words)), self._leave
        )
        self.sheet = self.connecting.sheet

    def _leave(self) -> None:
        self.left += 1

    async def send(self, **texts: str) -> None:
        usual = {
            "passphrase": PASSPHRASE, "again": PASSPHRASE, "key_id": PAIR.key_id, "secret": PAIR.secret
        }  # fmt: skip
        for name, text in {**usual, **texts}.items():
            self.sheet.fields[Field(name)].setText(text)
        self.sheet.take()
        if self.connecting._work is not None:
            await asyncio.wait([self.connecting._work])

    def faults(self) -> dict[Field, str]:
        return {each: label.text() for each, label in self.sheet.faults.items() if label.text()}


async def test_connected_account_is_a_paper_profile_with_its_keys(qtbot, window, root):
    flow = Flow(window, root, not_probed)

    await flow.send()

    folder = root / "profiles" / "paper"
    assert (flow.opened, flow.probed, flow.faults()) == ([(folder, PASSPHRASE)], [PAIR], {})
    made = profiles.load(root, "paper")
    settings = made.settings
    assert (settings.mode, settings.broker, settings.feed) == (Mode.PAPER, BrokerName.ALPACA, FeedName.ALPACA)
    secrets = open_secrets(made, vault.unlock(folder, PASSPHRASE).key)
    assert load_alpaca(made, Mode.PAPER, secrets) == PAIR
    assert profiles.last_used(root) == "paper"
    assert flow.sheet.isVisible()  # until the profile is open
    flow.connecting.accept()
    assert (flow.sheet.isHidden(), flow.left) == (True, 0)


async def test_keys_that_the_broker_does_not_take_are_told_and_nothing_is_made(qtbot, window, root):
    async def forbidden(_: AlpacaCredentials) -> Probed:
        return Probed(passed=False, words="Alpaca does not know this key.")

    flow = Flow(window, root, forbidden)

    await flow.send()

    assert flow.faults() == {Field.KEY_ID: "Alpaca does not know this key."}
    assert (flow.opened, profiles.names(root)) == ([], ())
    assert flow.sheet.fields[Field.SECRET].text() == PAIR.secret


async def test_form_knows_the_names_that_are_taken_or_cannot_be(qtbot, window, root):
    profiles.create(root, "paper", PASSPHRASE, cost=CHEAP)
    flow = Flow(window, root, not_probed)
    assert flow.sheet.fields[Field.NAME].text() == "paper 2"

    for name, words in (
        ("paper", "There is a profile of this name already."),
        ("a/b", "'a/b' cannot be a profile's name: at most 32 letters, digits, spaces, dots or dashes."),
        ("", "The profile needs a name."),
    ):
        await flow.send(name=name)
        assert flow.faults() == {Field.NAME: words}
    await flow.send(name="paper 2", passphrase="short", again="short")
    assert list(flow.faults()) == [Field.PASSPHRASE]
    assert (flow.opened, flow.probed) == ([], [])


async def test_name_that_was_taken_meanwhile_is_told_at_its_field(qtbot, window, root):
    async def slow(_: AlpacaCredentials) -> Probed:
        profiles.create(root, "paper", PASSPHRASE, cost=CHEAP)
        return Probed(passed=True, words="")

    flow = Flow(window, root, slow)

    await flow.send()

    assert flow.faults() == {Field.NAME: "There is a profile of this name already."}
    assert flow.opened == []


async def test_disk_that_takes_nothing_is_told_and_the_form_can_be_sent_again(
    qtbot, window, root, monkeypatch
):
    def full(*_args: object, **_more: object) -> Path:
        raise StorageUnwritable("the disk is full")

    flow = Flow(window, root, not_probed)
    with monkeypatch.context() as patch:
        patch.setattr(connecting, "make_paper", full)
        await flow.send()
        told = flow.sheet.fault.text()

    await flow.send()

    assert told == "the disk is full"
    assert len(flow.opened) == 1


async def test_probe_that_breaks_is_told_and_logged(qtbot, window, root, expected_log):
    async def broken(_: AlpacaCredentials) -> Probed:
        raise ZeroDivisionError("a bug")

    expected_log("connect.failed")
    flow = Flow(window, root, broken)

    await flow.send()
    await asyncio.sleep(0)

    assert "a bug" in flow.sheet.fault.text()
    assert flow.sheet.button.isEnabled()


async def test_esc_while_the_keys_are_tried_leaves_at_once_and_makes_nothing(qtbot, window, root):
    async def never(_: AlpacaCredentials) -> Probed:
        return await asyncio.get_running_loop().create_future()

    flow = Flow(window, root, never)
    for name, text in (
        ("passphrase", PASSPHRASE),
        ("again", PASSPHRASE),
        ("key_id", "PK"),
        ("secret", "aSecret"),
    ):
        flow.sheet.fields[Field(name)].setText(text)
    flow.sheet.take()
    await asyncio.sleep(0)

    QTest.keyClick(flow.sheet, Qt.Key.Key_Escape)
    await asyncio.wait([flow.connecting._work])

    assert flow.connecting._work.cancelled()
    assert (flow.left, flow.opened, profiles.names(root)) == (1, [], ())


def test_profile_with_a_polygon_key_takes_its_prices_from_there(root):
    make_paper(root, PaperStart("paper", PASSPHRASE, PAIR, PolygonKey("poly")), cost=CHEAP)

    made = profiles.load(root, "paper")
    assert made.settings.feed is FeedName.POLYGON
    secrets = open_secrets(made, vault.unlock(made.folder, PASSPHRASE).key)
    assert load_polygon(made, secrets) == PolygonKey("poly")


@pytest.mark.parametrize("bad", [AlpacaCredentials("a b", "c"), AlpacaCredentials("a", "")])
def test_profile_whose_keys_are_none_is_not_made(root, bad):
    with pytest.raises(Refused) as refused:
        make_paper(root, PaperStart("paper", PASSPHRASE, bad), cost=CHEAP)

    assert refused.value.code is RefusalCode.MALFORMED
    assert profiles.names(root) == ()


def test_profile_whose_keyring_takes_nothing_is_not_made(root, monkeypatch):
    allow(monkeypatch)
    ring = MemoryKeyring()
    ring.is_deaf = True
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(ring, "the test's keyring"))

    with pytest.raises(KeyringUnavailable):
        make_paper(root, PaperStart("paper", PASSPHRASE, PAIR), cost=CHEAP)

    assert profiles.names(root) == ()
    assert profiles.last_used(root) is None
