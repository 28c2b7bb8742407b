"""Rubbish is collected on the window's thread, and on no other."""

import gc
import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.cli import COLLECT_AFTER
from app.collecting import Collector


class Rubbish:
    """Refers to itself, and notes on which thread it ends."""

    ended: list[threading.Thread]

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.ended.append(threading.current_thread())


def test_what_another_thread_leaves_ends_on_the_thread_of_the_window(qtbot: QtBot) -> None:
    Rubbish.ended = []
    kept: list[object] = []

    def work() -> None:
        Rubbish()
        kept.extend([] for _ in range(2 * COLLECT_AFTER[0]))  # which the interpreter would collect after

    owner = QObject()
    gc.collect()
    Collector(owner).begin()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = list(Rubbish.ended)
    qtbot.waitUntil(lambda: bool(Rubbish.ended))

    assert before == []
    assert Rubbish.ended == [threading.main_thread()]


def test_nothing_is_collected_before_as_much_was_made_as_the_interpreter_waits_for(qtbot: QtBot) -> None:
    Rubbish.ended = []
    collector = Collector(QObject())
    gc.collect()
    Rubbish()

    collector.look()

    assert Rubbish.ended == []
    gc.collect()
    assert Rubbish.ended == [threading.main_thread()]
