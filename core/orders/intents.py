"""The write-ahead: an intent, its key and its record are durable before anything is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft
from core.domain.messages import OrderChanged
from core.domain.order import Order
from core.domain.records import IdempotencyRecord
from core.domain.risk import Verdict
from core.domain.terms import OrderTerms
from core.errors import RefusalCode, Refused
from core.failpoints import failpoint
from core.ids import IdempotencyKey, IdSource, mint_cl_ord_id
from core.orders.bodies import fingerprint, order_body, order_in_words, order_message, verdict_body
from core.orders.gather import LiveState
from core.ports.journal import Journal, Record
from core.ports.storage import UnitOfWork
from core.risk.slippage import decision_price

KEY_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Intent:
    """A decision that has passed every rule and is to be written ahead.

    Attributes:
        terms: what goes out.
        replaces: the order whose place it takes; None for a new one.
        asked: what was asked for, which its key stands for, where that is not what goes out.
    """

    terms: OrderTerms
    key: IdempotencyKey
    verdict: Verdict
    actor: Actor
    replaces: Order | None = None
    asked: OrderTerms | None = None


class Intents:
    """Writes decisions ahead. Runs on the core loop."""

    def __init__(self, state: LiveState, journal: Journal, clock: Clock, bus: Bus, ids: IdSource) -> None:
        self._state = state
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._ids = ids
        self.on_written: Callable[[Order, Decimal | None], None] = lambda _order, _decision_px: None

    async def write_ahead(self, intent: Intent) -> Order:
        """Store the order, its key and its audit record, durably; nothing is sent before.

        Raises:
            Refused: `IDEMPOTENCY_CONFLICT` or `IN_FLIGHT` if the key was used meanwhile.
            StorageError: nothing was written, so nothing may be sent.
        """
        decision_px = decision_price(intent.terms, self._state.quotes.get(intent.terms.symbol))
        order = await self._journal.write(lambda uow, record: self._prepare(uow, record, intent, decision_px))
        failpoint("oms.after_intent")
        self.on_written(order, decision_px)
        self._state.orders.put(order)
        self._bus.publish(OrderChanged(order))
        return order

    def _prepare(self, uow: UnitOfWork, record: Record, intent: Intent, decision_px: Decimal | None) -> Order:
        failpoint("oms.before_intent")
        now = self._clock.now()
        known = uow.idempotency(intent.key)
        if known is not None and self.is_alive(known, uow.order(known.cl_ord_id)):
            raise Refused(
                RefusalCode.IN_FLIGHT, "This decision was sent already.", {"cl_ord_id": known.cl_ord_id}
            )
        cl_ord_id = mint_cl_ord_id(self._ids, uow.audit_head().digest)
        old = intent.replaces
        order = Order(
            cl_ord_id,
            intent.terms,
            now,
            now,
            orig_cl_ord_id=old.cl_ord_id if old is not None else None,
            sent_at=now,
            origin=intent.actor.origin,
        )
        body = order_body(order_message(order))
        uow.insert_order(order, body, verdict_body(intent.verdict, decision_px))
        created = int(now.timestamp() * 1_000_000)
        mark = fingerprint(intent.asked or intent.terms)
        uow.insert_idempotency(IdempotencyRecord(intent.key, mark, cl_ord_id, created))
        action = AuditAction.ORDER_PREPARED if old is None else AuditAction.REPLACE_REQUESTED
        record(AuditDraft(action, intent.actor, order_in_words(order), body, cl_ord_id=cl_ord_id))
        return order

    def oldest_living_us(self) -> int:
        """Return the moment, microseconds of UTC, before which a key lives by its order only."""
        return int((self._clock.now() - KEY_LIFE).timestamp() * 1_000_000)

    def is_alive(self, known: IdempotencyRecord, order: Order | None) -> bool:
        """Say whether a key still stands for its order: 24 hours of UTC, or until the order has ended."""
        age_us = self._clock.now().timestamp() * 1_000_000 - known.created_at_us
        return age_us < KEY_LIFE.total_seconds() * 1_000_000 or (order is not None and order.is_open)
