"""A7, its first half: from what was typed to numbers, exactly, or to a sentence about what is wrong."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_UP, Context, Decimal

from core.domain.market import Quote
from core.domain.money import Money, Price, Qty
from core.domain.risk import RuleCode, RuleResult, TicketField
from core.domain.terms import Contingency, Legs, OrderDraft, OrderTerms
from core.ids import Symbol
from core.risk.checks.numbers import LABEL, qty_fault, sound_price, trail_fault, trail_pct_fault
from core.risk.pricing import far_touch
from core.risk.results import refused

_SYMBOL = re.compile(r"[A-Z][A-Z0-9]*(?:[.\-/][A-Z0-9]+)*")
_SYMBOL_LENGTH = 12
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_POWER = re.compile(r"[+-]?[0-9.]+[eE][+-]?[0-9]+")
_LENGTH = 40
_SHOWN = 20
_NINTH = Decimal("1E-9")
# The largest amount over the smallest price, with nine decimals, is longer than the usual 28 digits.
_DIVIDES = Context(prec=60, rounding=ROUND_UP)


def parse_draft(draft: OrderDraft, quote: Quote | None = None) -> OrderTerms | tuple[RuleResult, ...]:
    """Read a draft; where it cannot be read, say so for every field at once.

    Numbers are plain decimals with a point: no separators, no powers of ten, no rounding. A price that
    the type does not have is refused, never dropped. The symbol is trimmed and upper-cased; whether it
    exists is another rule's business.

    Args:
        draft: what was typed.
        quote: of the symbol; an amount in dollars becomes an estimate of shares by it.
    """
    reading = _Reading(draft)
    symbol = reading.symbol()
    cash = reading.cash()
    qty = None if draft.cash_order_qty.strip() else reading.quantity()
    price = reading.price(draft.price, TicketField.PRICE, wanted=draft.ord_type.has_price)
    stop_px = reading.price(draft.stop_px, TicketField.STOP_PX, wanted=draft.ord_type.has_stop)
    trail_px, trail_pct = reading.trail()
    legs = reading.legs(price)
    if reading.faults or (qty is None and cash is None):
        return tuple(reading.faults)
    terms = OrderTerms(
        symbol=Symbol(symbol),
        side=draft.side,
        ord_type=draft.ord_type,
        time_in_force=draft.time_in_force,
        order_qty=Qty(qty or 1),
        price=price,
        stop_px=stop_px,
        trail_px=trail_px,
        trail_pct=trail_pct,
        extended_hours=draft.extended_hours,
        cash_order_qty=cash,
        legs=legs,
    )
    return terms if cash is None else _estimated(terms, cash, quote)


def _estimated(terms: OrderTerms, cash: Money, quote: Quote | None) -> OrderTerms | tuple[RuleResult, ...]:
    price = terms.price if terms.price is not None else far_touch(terms.side, quote)
    if price is None:
        text = f"Without a quote of {terms.symbol} an amount cannot be judged; a number of shares can."
        return (refused(RuleCode.FACTS, text, TicketField.CASH_ORDER_QTY),)
    # Up, so that no rule judges fewer shares than the cash may buy at this price.
    qty = _DIVIDES.divide(cash, price).quantize(_NINTH, context=_DIVIDES)
    fault = qty_fault(qty)
    return replace(terms, order_qty=Qty(qty)) if fault is None else (fault,)


class _Reading:
    """One draft, field by field; what is wrong is collected."""

    def __init__(self, draft: OrderDraft) -> None:
        self._draft = draft
        self._kind = draft.ord_type.value.replace("_", " ")
        self.faults: list[RuleResult] = []

    def symbol(self) -> str:
        symbol = self._draft.symbol.strip().upper()
        self._keep(_symbol_fault(symbol))
        return symbol

    def quantity(self) -> Decimal | None:
        typed = self._draft.order_qty
        if not typed.strip():
            self._keep(_fault("An order needs a quantity.", TicketField.ORDER_QTY))
            return None
        found = _number(typed, "quantity", TicketField.ORDER_QTY)
        return self._taken(found, qty_fault)

    def cash(self) -> Money | None:
        typed, field = self._draft.cash_order_qty, TicketField.CASH_ORDER_QTY
        if not typed.strip():
            return None
        if self._draft.order_qty.strip():
            self._keep(_fault("An order is for shares or for an amount, not for both.", field))
            return None
        found = self._taken(_number(typed, LABEL[field], field), lambda value: sound_price(field, value))
        return None if found is None else Money(found)

    def price(self, typed: str, field: TicketField, *, wanted: bool) -> Price | None:
        if not typed.strip():
            self._keep(_fault(f"A {self._kind} order needs a {LABEL[field]}.", field) if wanted else None)
            return None
        if not wanted:
            self._keep(_fault(f"A {self._kind} order has no {LABEL[field]}: it must be left empty.", field))
            return None
        found = self._taken(_number(typed, LABEL[field], field), lambda value: sound_price(field, value))
        return None if found is None else Price(found)

    def trail(self) -> tuple[Price | None, Decimal | None]:
        has_px, has_pct = bool(self._draft.trail_px.strip()), bool(self._draft.trail_pct.strip())
        wanted = self._draft.ord_type.has_trail
        fault = trail_fault(self._kind, has_px=has_px, has_pct=has_pct, wanted=wanted)
        if fault is not None:
            self._keep(fault)
            return None, None
        if has_px:
            return self.price(self._draft.trail_px, TicketField.TRAIL_PX, wanted=True), None
        field = TicketField.TRAIL_PCT
        found = _number(self._draft.trail_pct, LABEL[field], field) if has_pct else None
        return None, None if found is None else self._taken(found, trail_pct_fault)

    def legs(self, price: Price | None) -> Legs | None:
        draft = self._draft
        typed = (
            (draft.take_profit, TicketField.TAKE_PROFIT),
            (draft.stop_loss, TicketField.STOP_LOSS),
            (draft.stop_loss_limit, TicketField.STOP_LOSS_LIMIT),
        )
        if draft.contingency is None:
            for text, field in typed:
                if text.strip():
                    self._keep(_fault(f"Without legs there is no {LABEL[field]}: leave it empty.", field))
            return None
        is_pair = draft.contingency is Contingency.OCO
        # The limit of a pair is its take profit, so it is typed once.
        profit = price if is_pair and not draft.take_profit.strip() else self._leg(*typed[0])
        stop = self._leg(*typed[1])
        limit = self._leg(*typed[2]) if draft.stop_loss_limit.strip() else None
        return None if profit is None or stop is None else Legs(draft.contingency, profit, stop, limit)

    def _leg(self, typed: str, field: TicketField) -> Price | None:
        if not typed.strip():
            self._keep(_fault(f"The order needs a {LABEL[field]}.", field))
            return None
        return self.price(typed, field, wanted=True)

    def _taken(
        self, found: Decimal | RuleResult, fault: Callable[[Decimal], RuleResult | None]
    ) -> Decimal | None:
        wrong = found if isinstance(found, RuleResult) else fault(found)
        self._keep(wrong)
        return None if isinstance(found, RuleResult) or wrong is not None else found

    def _keep(self, fault: RuleResult | None) -> None:
        if fault is not None:
            self.faults.append(fault)


def _symbol_fault(symbol: str) -> RuleResult | None:
    if not symbol:
        return _fault("An order needs a symbol.", TicketField.SYMBOL)
    if len(symbol) > _SYMBOL_LENGTH or not _SYMBOL.fullmatch(symbol):
        text = f"{_quoted(symbol)} is not a symbol: letters and digits, such as AAPL or BRK.B."
        return _fault(text, TicketField.SYMBOL)
    return None


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
