"""A7, its first half: from what was typed to numbers, exactly, or to a sentence about what is wrong."""

import re
from decimal import Decimal

from core.domain.money import Price, Qty
from core.domain.risk import RuleCode, RuleResult, TicketField
from core.domain.terms import OrderDraft, OrderTerms
from core.ids import Symbol
from core.risk.checks.numbers import LABEL, qty_fault, sound_price
from core.risk.results import refused

_SYMBOL = re.compile(r"[A-Z][A-Z0-9]*(?:[.\-/][A-Z0-9]+)*")
_SYMBOL_LENGTH = 12
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_POWER = re.compile(r"[+-]?[0-9.]+[eE][+-]?[0-9]+")
_LENGTH = 40
_SHOWN = 20


def parse_draft(draft: OrderDraft) -> OrderTerms | tuple[RuleResult, ...]:
    """Read a draft; where it cannot be read, say so for every field at once.

    Numbers are plain decimals with a point: no separators, no powers of ten, no rounding. A price that
    the type does not have is refused, never dropped. The symbol is trimmed and upper-cased; whether it
    exists is another rule's business.
    """
    symbol = draft.symbol.strip().upper()
    qty = _quantity(draft.order_qty)
    price = _price(draft, draft.price, TicketField.PRICE, wanted=draft.ord_type.has_price)
    stop_px = _price(draft, draft.stop_px, TicketField.STOP_PX, wanted=draft.ord_type.has_stop)
    faults = [
        found for found in (_symbol_fault(symbol), qty, price, stop_px) if isinstance(found, RuleResult)
    ]
    if (
        faults
        or isinstance(qty, RuleResult)
        or isinstance(price, RuleResult)
        or isinstance(stop_px, RuleResult)
    ):
        return tuple(faults)
    return OrderTerms(
        symbol=Symbol(symbol),
        side=draft.side,
        ord_type=draft.ord_type,
        time_in_force=draft.time_in_force,
        order_qty=Qty(qty),
        price=None if price is None else Price(price),
        stop_px=None if stop_px is None else Price(stop_px),
    )


def _symbol_fault(symbol: str) -> RuleResult | None:
    if not symbol:
        return _fault("An order needs a symbol.", TicketField.SYMBOL)
    if len(symbol) > _SYMBOL_LENGTH or not _SYMBOL.fullmatch(symbol):
        text = f"{_quoted(symbol)} is not a symbol: letters and digits, such as AAPL or BRK.B."
        return _fault(text, TicketField.SYMBOL)
    return None


def _quantity(typed: str) -> Decimal | RuleResult:
    if not typed.strip():
        return _fault("An order needs a quantity.", TicketField.ORDER_QTY)
    found = _number(typed, "quantity", TicketField.ORDER_QTY)
    return found if isinstance(found, RuleResult) else qty_fault(found) or found


def _price(draft: OrderDraft, typed: str, field: TicketField, *, wanted: bool) -> Decimal | RuleResult | None:
    label, kind = LABEL[field], draft.ord_type.value.replace("_", " ")
    if not typed.strip():
        return _fault(f"A {kind} order needs a {label}.", field) if wanted else None
    if not wanted:
        return _fault(f"A {kind} order has no {label}: it must be left empty.", field)
    found = _number(typed, label, field)
    return found if isinstance(found, RuleResult) else sound_price(field, found) or found


def _number(typed: str, label: str, field: TicketField) -> Decimal | RuleResult:
    # The minus sign of typography is what our own screen shows, so it may come back by copy and paste.
    text = typed.strip().replace("\N{MINUS SIGN}", "-")
    if len(text) > _LENGTH:
        return _fault(f"The {label} is too long: at most {_LENGTH} characters are read.", field)
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        return _fault(
            f"The {label} {_quoted(text)} must be written without commas: {text.replace(',', '')}.", field
        )
    if "," in text:
        return _fault(
            f"The {label} {_quoted(text)} must be written without commas, with a point for decimals.", field
        )
    if _POWER.fullmatch(text):
        return _fault(f"The {label} {_quoted(text)} must be written out, without a power of ten.", field)
    return _fault(f"The {label} {_quoted(text)} is not a number such as 100 or 12.50.", field)


def _quoted(text: str) -> str:
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return f"“{shown[:_SHOWN]}…”" if len(shown) > _SHOWN else f"“{shown}”"


def _fault(text: str, field: TicketField) -> RuleResult:
    return refused(RuleCode.NUMBERS, text, field)
