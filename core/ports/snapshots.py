"""Where a scan of many symbols gets its figures, all at once."""

from collections.abc import Sequence
from typing import Protocol

from core.domain.movers import MoverSnapshot
from core.ids import Symbol


class SnapshotSource(Protocol):
    """A market-data vendor that answers for many symbols together. Called from the core loop only."""

    async def snapshots(
        self, symbols: Sequence[Symbol]
    ) -> tuple[dict[Symbol, MoverSnapshot], dict[Symbol, str]]:
        """Return what is known, and for each symbol that failed the reason in words; never raises.

        Every symbol asked for is in exactly one of the two.
        """
        ...
