"""Asking a person whether this very order may go."""

from typing import Protocol

from core.domain.confirmation import ConfirmationReply, ConfirmationRequest


class Confirmer(Protocol):
    """A person in front of a screen."""

    async def ask(self, request: ConfirmationRequest) -> ConfirmationReply:
        """Show the order and wait for the answer; closing the window, or time running out, is "no".

        Raises:
            Refused: `NO_WINDOW` where there is nobody to ask.
        """
        ...
