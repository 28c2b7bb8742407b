"""What the broker says no with."""

from typing import Any


class Refusal(Exception):
    """An error reply: HTTP status, Alpaca's code, its words, and the facts beside them."""

    def __init__(self, status: int, code: int, message: str, **context: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **context}


def invalid(message: str, **context: Any) -> Refusal:
    return Refusal(422, 42210000, message, **context)


def malformed(message: str) -> Refusal:
    return Refusal(422, 40010001, message)


def duplicate() -> Refusal:
    return Refusal(422, 40010001, "client_order_id must be unique")


def forbidden(message: str, **context: Any) -> Refusal:
    return Refusal(403, 40310000, message, **context)


def not_found(what: str) -> Refusal:
    return Refusal(404, 40410000, what)
