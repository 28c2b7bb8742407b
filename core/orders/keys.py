"""Idempotency: one decision's key stands for one order, while it is on its way and after."""

from core.domain.messages import Submitted
from core.domain.order import Order
from core.domain.risk import Verdict
from core.errors import RefusalCode, Refused
from core.ids import IdempotencyKey
from core.orders.gather import LiveState
from core.orders.intents import Intents
from core.ports.storage import Reader, Store


class Keys:
    """What each key is, or was, used for. Runs on the core loop."""

    def __init__(self, state: LiveState, intents: Intents, store: Store) -> None:
        self._state = state
        self._intents = intents
        self._store = store
        self._in_flight: dict[IdempotencyKey, str] = {}
        self._used: set[IdempotencyKey] | None = None

    async def load(self) -> None:
        """Remember every key that still stands for an order, so that a new one costs no question.

        Until then, every key is asked for.
        """
        since_us = self._intents.oldest_living_us()
        self._used = set(await self._store.read(lambda reader: reader.living_keys(since_us)))

    def take(self, key: IdempotencyKey, mark: str) -> None:
        """Hold a key for a decision that is on its way.

        Raises:
            Refused: `IN_FLIGHT` for the same order, `IDEMPOTENCY_CONFLICT` for another.
        """
        known = self._in_flight.get(key)
        if known == mark:
            raise Refused(RefusalCode.IN_FLIGHT, "This very order is on its way.")
        if known is not None:
            raise Refused(
                RefusalCode.IDEMPOTENCY_CONFLICT, "This key belongs to another order that is on its way."
            )
        self._in_flight[key] = mark

    def give_back(self, key: IdempotencyKey) -> None:
        """Let go of a key: the decision was carried out, and is stored, or was refused."""
        if self._used is not None:
            self._used.add(key)
        self._in_flight.pop(key, None)

    async def known(self, key: IdempotencyKey, mark: str) -> Submitted | None:
        """Return the order that a key made before; None for a new one.

        Raises:
            Refused: `IDEMPOTENCY_CONFLICT`: it was used for another order.
        """
        found = await self._stored(key)
        if found is None:
            return None
        stored, order = found
        if stored != mark or order is None:
            raise Refused(RefusalCode.IDEMPOTENCY_CONFLICT, "This key was used for another order.")
        return self.again(order)

    async def order_of(self, key: IdempotencyKey) -> Order | None:
        """Return the order that a key stands for; None for a key that is free."""
        found = await self._stored(key)
        return None if found is None else found[1]

    def again(self, order: Order) -> Submitted:
        """Answer a repeated decision with the order that it made."""
        return Submitted(self._state.orders.get(order.cl_ord_id) or order, Verdict(()), repeated=True)

    async def _stored(self, key: IdempotencyKey) -> tuple[str, Order | None] | None:
        if self._used is not None and key not in self._used:
            return None

        def query(reader: Reader) -> tuple[str, Order | None] | None:
            record = reader.idempotency(key)
            if record is None:
                return None
            order = reader.order(record.cl_ord_id)
            return (record.fingerprint, order) if self._intents.is_alive(record, order) else None

        return await self._store.read(query)
