"""The window around the form: opened, given up, and told what did not open, with nothing lost."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import desktop as desktops
from app import profile as profiles
from app.connecting import Probed
from app.desktop import Desktop
from app.options import DesktopOptions, Kind
from app.runtime import Running
from core.adapters import keychain
from core.domain.access import Actor, Mode, Origin
from core.domain.credentials import AlpacaCredentials
from core.errors import BrokerUnavailable, CredentialMissing, InvestIQError
from core.storage import vault
from tests.ui import pretend
from ui.dialogs.connect import ConnectSheet, Field
from ui.dialogs.unlock import UnlockSheet
from ui.dialogs.welcome import Start, Welcome

PASSPHRASE = "correct horse battery"
CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)


async def probe(_: AlpacaCredentials) -> Probed:
    return Probed(passed=True, words="Practice account 1.")


class Opening:
    """Stands for the session start: opens, or fails as told."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path | None, str]] = []
        self.error: InvestIQError | None = None

    async def __call__(self, options, _publish, _ask, passphrase) -> Running:
        self.asked.append((options.profile_folder, passphrase))
        if self.error is not None:
            raise self.error
        core = pretend.PretendCore(pretend.snapshot([]))

        async def execute(command, _actor):
            return await asyncio.wrap_future(core.send(command))

        async def stop() -> None:
            return

        return Running(execute, Actor("owner", "admin", Origin.WINDOW, "s"), stop)


@pytest.fixture
def opening(monkeypatch) -> Opening:
    made = Opening()
    monkeypatch.setattr(desktops, "start_profile", made)
    monkeypatch.setattr(desktops, "settle", lambda: None)
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))
    return made


@pytest.fixture
def desktop(qtbot: QtBot, qapp: QApplication, opening: Opening, tmp_path: Path) -> Desktop:
    made = Desktop(DesktopOptions(Kind.WELCOME, tmp_path / "root"), qapp, probe)
    qtbot.addWidget(made.window, before_close_func=lambda _: made.end())
    made.open()
    qtbot.waitUntil(lambda: bool(_shown(made, Welcome)))
    return made


def _shown(desktop: Desktop, kind: type) -> list:
    return [sheet for sheet in desktop.window.findChildren(kind) if sheet.isVisible()]


async def _until(question) -> None:
    async with asyncio.timeout(20):
        while not question():  # noqa: ASYNC110 - Qt has no event of asyncio's to wait for
            await asyncio.sleep(0.01)


def _fill(desktop: Desktop) -> ConnectSheet:
    QTest.keyClick(_shown(desktop, Welcome)[0], Qt.Key.Key_2)
    (sheet,) = _shown(desktop, ConnectSheet)
    for name, text in (
        (Field.PASSPHRASE, PASSPHRASE),
        (Field.AGAIN, PASSPHRASE),
        (Field.KEY_ID, "PKTEST"),
        (Field.SECRET, "aSecret"),
    ):
        sheet.fields[name].setText(text)
    return sheet


async def test_connected_account_is_opened_and_the_form_goes(qtbot, desktop, opening, tmp_path):
    sheet = _fill(desktop)

    sheet.take()
    await _until(lambda: desktop.window.parts.facts.profile is not None and not _shown(desktop, ConnectSheet))

    assert opening.asked == [(tmp_path / "root" / "profiles" / "paper", PASSPHRASE)]
    assert _shown(desktop, Welcome) == []


async def test_account_that_does_not_open_is_told_and_stays_as_a_profile(
    qtbot, desktop, opening, tmp_path, expected_log
):
    expected_log("snapshot.not_loaded")
    opening.error = BrokerUnavailable("Alpaca cannot be reached.")
    sheet = _fill(desktop)

    sheet.take()
    await _until(lambda: _shown(desktop, Welcome))

    assert _shown(desktop, ConnectSheet) == []
    assert "Alpaca cannot be reached." in [heard.text for heard in desktop.window.parts.notices._heard]
    assert profiles.names(tmp_path / "root") == ("paper",)
    QTest.keyClick(_shown(desktop, Welcome)[0], Qt.Key.Key_3)
    assert len(_shown(desktop, UnlockSheet)) == 1


async def test_form_that_is_given_up_leads_back_to_the_choice(qtbot, desktop, opening):
    sheet = _fill(desktop)

    QTest.keyClick(sheet, Qt.Key.Key_Escape)

    assert (_shown(desktop, ConnectSheet), len(_shown(desktop, Welcome))) == ([], 1)
    assert opening.asked == []


async def test_live_profile_is_not_opened_from_the_choice_without_approval(
    qtbot, desktop, opening, tmp_path, monkeypatch
):
    monkeypatch.delenv("LIVE_TRADING_APPROVED", raising=False)
    profiles.create(tmp_path / "root", "desk", PASSPHRASE, mode=Mode.LIVE, cost=CHEAP)

    QTest.keyClick(_shown(desktop, Welcome)[0], Qt.Key.Key_3)

    assert (_shown(desktop, UnlockSheet), len(_shown(desktop, Welcome))) == ([], 1)
    assert any("LIVE_TRADING_APPROVED" in heard.text for heard in desktop.window.parts.notices._heard)


async def test_missing_key_is_told_beside_the_passphrase_and_the_sheet_stays(
    qtbot, desktop, opening, tmp_path, expected_log
):
    expected_log("snapshot.not_loaded")
    profiles.create(tmp_path / "root", "desk", PASSPHRASE, mode=Mode.PAPER, cost=CHEAP)
    opening.error = CredentialMissing("profile 'desk' needs alpaca.paper")
    desktop._begin(Start.PROFILE)
    (sheet,) = _shown(desktop, UnlockSheet)

    sheet.field.setText(PASSPHRASE)
    sheet.take()
    await _until(lambda: sheet.fault.text().strip())

    assert sheet.fault.text() == "profile 'desk' needs alpaca.paper"
    assert sheet.isVisible()
