"""Makes the throwaway profile permanent: a name, a passphrase, and the passphrase once more."""

import unicodedata
from functools import partial
from pathlib import Path

from core.domain.messages import KeepProfile
from core.errors import RefusalCode, Refused
from ui.dialogs.text_input import TextInput
from ui.parts import Parts

SHORTEST = 15  # as the vault demands it; a test keeps the two together
_ABOUT_NAME = (RefusalCode.NAME_TAKEN, RefusalCode.MALFORMED)


class Keeping:
    """Three sheets, one after the other. What was typed comes back with the reason when it is refused."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def begin(self) -> None:
        """Ask for the name."""
        self._ask_name()

    def _ask_name(self, name: str = "", passphrase: str = "", fault: str = "") -> None:
        dialog = TextInput(
            self._parts.window,
            "Keep this profile",
            "Give it a name. Its orders, fills and log stay as they are.",
            "Next",
            lambda name: self._send(name, passphrase) if passphrase else self._ask_passphrase(name),
            text=name,
        )
        dialog.open_field()
        dialog.refuse(fault)

    def _ask_passphrase(self, name: str, fault: str = "") -> None:
        dialog = TextInput(
            self._parts.window,
            f"A passphrase for {name}",
            "It opens the profile from now on. Nobody can recover it for you.",
            "Next",
            partial(self._ask_again, name),
            is_secret=True,
            fault_of=_fault,
        )
        dialog.open_field()
        dialog.refuse(fault)

    def _ask_again(self, name: str, passphrase: str) -> None:
        TextInput(
            self._parts.window,
            "The same passphrase again",
            "So that a slip of the finger cannot lock you out.",
            "Keep",
            partial(self._send, name),
            is_secret=True,
            fault_of=lambda text: "" if text == passphrase else "This is not what you typed first.",
        ).open_field()

    def _send(self, name: str, passphrase: str) -> None:
        def kept(folder: Path) -> None:
            self._parts.notices.say(f"Kept as {name} in {folder}.")

        def refused(error: Exception) -> bool:
            if isinstance(error, Refused) and error.code is RefusalCode.WEAK_PASSPHRASE:
                words = str(error)
                self._ask_passphrase(name, f"{words[:1].upper()}{words[1:]}.")
                return True
            is_about_name = isinstance(error, Refused) and error.code in _ABOUT_NAME
            if is_about_name:
                self._ask_name(name, passphrase, str(error))
            return is_about_name

        self._parts.bridge.send(KeepProfile(name, passphrase), kept, refused)


def _fault(text: str) -> str:
    if len(unicodedata.normalize("NFKC", text)) >= SHORTEST:  # counted as the vault counts
        return ""
    return f"At least {SHORTEST} characters; four or five plain words do well."
