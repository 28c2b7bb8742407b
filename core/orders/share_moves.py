"""Shares that a changed symbol has moved: booked as entries of their own, where the broker says so."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.domain.money import ZERO
from core.domain.portfolio import ShareMove
from core.ids import ClOrdId, ExecId
from core.orders.booking import ADJUSTED
from core.orders.drift import Drift, adjustment
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.ports.broker import Broker
from core.ports.storage import Store

# What moved longer ago than this has been taken over by now, or is left to the check that waits.
_LOOK_BACK = timedelta(days=30)


class ShareMoves:
    """Explains what differs by what the broker tells of. Runs on the core loop."""

    def __init__(self, state: LiveState, broker: Broker, oms: OrderManagement, store: Store) -> None:
        self._state = state
        self._broker = broker
        self._oms = oms
        self._store = store

    async def book(self, drifts: Sequence[Drift], at: datetime) -> dict[Drift, str]:
        """Book each difference that is, to the share, what moved without a trade and was not booked yet.

        Args:
            drifts: what differs; nothing of their symbols is on its way.
            at: market time, UTC.

        Returns:
            What was booked, and in words why.

        Raises:
            BrokerUnavailable, OutcomeUnknown: the query failed; nothing was booked.
        """
        moves = await self._broker.share_moves(at - _LOOK_BACK) if drifts else ()
        booked: dict[Drift, str] = {}
        for drift in drifts:
            new = await self._new(each for each in moves if each.symbol == drift.symbol)
            if not new or sum((each.qty for each in new), ZERO) != drift.missing:
                continue
            words = f"{new[-1].words} on {new[-1].day}, as the broker's activities say"
            made = adjustment(drift, self._state.positions.get(drift.symbol), "", at)
            name = _name(new[-1])
            await self._oms.apply(replace(made, exec_id=name, cl_ord_id=ClOrdId(name), text=words))
            self._state.account.begin_anew()
            booked[drift] = words
        return booked

    async def _new(self, moves: Iterable[ShareMove]) -> list[ShareMove]:
        # Each entry is named after the last move that is in it, and so are those before it.
        found = list(moves)
        names = [_name(each) for each in found]
        known = (
            await self._store.read(lambda reader: reader.known_executions(names)) if names else frozenset()
        )
        last = max((place for place, name in enumerate(names) if name in known), default=-1)
        return found[last + 1 :]


def _name(move: ShareMove) -> ExecId:
    return ExecId(f"{ADJUSTED}moved:{move.activity_id}")
