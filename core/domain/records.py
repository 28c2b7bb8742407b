"""Small values that are stored beside orders: keys, state changes, lists, queries."""

from dataclasses import dataclass
from datetime import datetime

from core.domain.access import TradingState
from core.ids import ClOrdId, IdempotencyKey, Symbol


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What one decision's key was used for.

    Attributes:
        fingerprint: hex SHA-256 of the order's canonical text.
        cl_ord_id: the order it made.
        created_at_us: our time, microseconds since 1970-01-01 UTC; it lives 24 hours of this count, and as
            long as its order is not terminal.
    """

    key: IdempotencyKey
    fingerprint: str
    cl_ord_id: ClOrdId
    created_at_us: int


@dataclass(frozen=True, slots=True)
class TradingStateRecord:
    """A change of the trading state, by whom and why."""

    state: TradingState
    reason: str
    actor: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Watchlist:
    """A named list of symbols; `group` heads of a symbol are derived (held, sector), not stored."""

    name: str
    symbols: tuple[Symbol, ...]
    position: int = 0


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which audit records are wanted, newest first.

    Attributes:
        text: looked for in entity, action, actor and payload, any case; empty for all.
        before_seq: only records before this number; None for the newest.
        action: only this action; empty for all.
        cl_ord_id: only this order; empty for all.
        limit: at most so many rows.
        order: how our id or the broker's begins; empty for all.
        actor: a part of whose name, any case; empty for all.
        since_us: our time, microseconds since 1970-01-01 UTC; None from the beginning.
        until_us: the same, and not itself included; None to the end.
    """

    text: str = ""
    before_seq: int | None = None
    action: str = ""
    cl_ord_id: str = ""
    limit: int = 200
    order: str = ""
    actor: str = ""
    since_us: int | None = None
    until_us: int | None = None
