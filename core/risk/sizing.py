"""How many shares to take: so that a stop at a distance loses no more than was set out to be risked."""

from dataclasses import dataclass, replace
from decimal import Decimal

from core.domain.limits import Limits
from core.domain.money import Qty
from core.domain.terms import OrderTerms
from core.risk.checks.numbers import MAX_QTY
from core.risk.facts import Facts
from core.risk.nearest import most_that_passes
from core.risk.pricing import HUNDRED, worst_price


@dataclass(frozen=True, slots=True)
class Risk:
    """What one trade may lose: dollars, or percent of the equity at the start of the day; one of the two."""

    dollars: Decimal | None = None
    pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StopAway:
    """Where the loss is stopped: at a price, or at so many average true ranges away; one of the two.

    Attributes:
        stop_px: dollars a share, on the losing side of the entry.
        atr: dollars a share; the average true range.
        times: how many of them away.
    """

    stop_px: Decimal | None = None
    atr: Decimal | None = None
    times: Decimal = Decimal(2)


@dataclass(frozen=True, slots=True)
class Size:
    """How many shares, and why no more.

    Attributes:
        order_qty: shares, a whole number of lots.
        by_risk: shares that the risk alone would allow, a whole number of lots.
        loss: dollars that are lost when the stop fills at its price, fees of both ways included.
    """

    order_qty: Qty
    by_risk: Qty
    loss: Decimal


def size(
    terms: OrderTerms, limits: Limits, facts: Facts, risk: Risk, stop: StopAway, lot: int = 1
) -> Size | None:
    """Size an order that opens a position; its own quantity is not looked at.

    shares = risk / (entry at its worst - stop + fees of both ways), rounded down to the lot, and at most
    what passes every rule.

    Returns:
        None where a fact is missing, the stop is on the wrong side, or not even one lot passes.
    """
    entry = worst_price(terms, facts.quote)
    amount = _dollars(risk, facts)
    if entry is None or amount is None or lot < 1:
        return None
    each = _loss_each(terms, facts, entry, stop)
    if each is None:
        return None
    # Whole numbers of lots by a division that never rounds up: the risk is a limit, not an aim.
    by_risk = _lots(MAX_QTY, lot) if amount >= each * MAX_QTY else _lots(amount // each, lot)
    if by_risk <= 0:
        return None
    most = most_that_passes(replace(terms, order_qty=by_risk), limits, facts)
    if most is None or _lots(most, lot) <= 0:
        return None
    qty = _lots(most, lot)
    return Size(qty, by_risk, qty * each)


def _dollars(risk: Risk, facts: Facts) -> Decimal | None:
    start = facts.start_equity
    amount = risk.dollars
    if risk.pct is not None and start is not None:
        amount = risk.pct * start / HUNDRED
    if (risk.dollars is None) == (risk.pct is None) or amount is None or amount <= 0:
        return None
    return amount


def _loss_each(terms: OrderTerms, facts: Facts, entry: Decimal, stop: StopAway) -> Decimal | None:
    if (stop.stop_px is None) == (stop.atr is None):
        return None
    stop_px = stop.stop_px
    if stop.atr is not None:
        stop_px = entry - stop.atr * stop.times * terms.side.sign
    if stop_px is None or stop_px <= 0 or (entry - stop_px) * terms.side.sign <= 0:
        return None
    return abs(entry - stop_px) + (entry + stop_px) * facts.fee_rate_pct / HUNDRED


def _lots(qty: Decimal, lot: int) -> Qty:
    return Qty(qty // lot * lot)
