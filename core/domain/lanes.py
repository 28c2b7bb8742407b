"""The three ways in which a value crosses from the core to the window."""


class Latest:
    """Newest wins: one value a key, taken by the window once a frame."""

    __slots__ = ()

    @property
    def lane_key(self) -> tuple[str, str]:
        """What a newer value replaces."""
        raise NotImplementedError


class InOrder:
    """All in order: nothing is lost."""

    __slots__ = ()
