"""Identifiers: who makes them, how they look, what they prove."""

import secrets
from base64 import urlsafe_b64encode
from typing import NewType, Protocol

ClOrdId = NewType("ClOrdId", str)
OrderId = NewType("OrderId", str)
ExecId = NewType("ExecId", str)
Symbol = NewType("Symbol", str)
IdempotencyKey = NewType("IdempotencyKey", str)

PREFIX = "IQ-"
_RANDOM_BYTES = 17
_UNIQUE_LENGTH = 22
_HEAD_LENGTH = 11


class IdSource(Protocol):
    """Where unique numbers come from; a seeded one in tests."""

    def unique(self) -> str:
        """Return 22 characters of [A-Za-z0-9_-] that were never returned before."""
        ...


class RandomIds:
    """128 random bits and four more, from the operating system."""

    def unique(self) -> str:
        """Return 22 characters carrying 132 random bits."""
        return urlsafe_b64encode(secrets.token_bytes(_RANDOM_BYTES))[:_UNIQUE_LENGTH].decode()


class CountedIds:
    """Numbers in order, for runs that must repeat byte for byte."""

    def __init__(self, label: str = "T") -> None:
        self._label = label
        self._count = 0

    def unique(self) -> str:
        """Return the next number, padded to 22 characters."""
        self._count += 1
        return f"{self._label}{self._count:0{_UNIQUE_LENGTH - len(self._label)}d}"


def mint_cl_ord_id(ids: IdSource, audit_head: str) -> ClOrdId:
    """Make a client order id of 36 characters that bears witness to our record.

    Layout: `IQ-`, 22 characters of a unique number, 11 characters of the audit head as it
    stood before this order. Minted inside the write-ahead, stored, and never derived again.

    Args:
        ids: where the unique number comes from.
        audit_head: the newest audit digest, base64url, at least 11 characters.
    """
    if len(audit_head) < _HEAD_LENGTH:
        raise ValueError(f"an audit head has at least {_HEAD_LENGTH} characters, not {len(audit_head)}")
    return ClOrdId(f"{PREFIX}{ids.unique()}{audit_head[:_HEAD_LENGTH]}")


def is_ours(cl_ord_id: str) -> bool:
    """Say whether this order was made by this program, by its prefix."""
    return cl_ord_id.startswith(PREFIX)


def is_minted(cl_ord_id: str) -> bool:
    """Say whether an id has the layout of `mint_cl_ord_id`, so that a piece of our record stands in it."""
    return is_ours(cl_ord_id) and len(cl_ord_id) == len(PREFIX) + _UNIQUE_LENGTH + _HEAD_LENGTH


def new_idempotency_key(ids: IdSource) -> IdempotencyKey:
    """Make the key of one decision; made when a ticket opens."""
    return IdempotencyKey(f"k-{ids.unique()}")
