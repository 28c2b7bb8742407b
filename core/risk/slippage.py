"""How much worse a fill was than the price at which it was decided (B7, TCA)."""

from decimal import Decimal

from core.domain.market import Quote
from core.domain.terms import OrderTerms, Side
from core.risk.pricing import far_touch


def decision_price(terms: OrderTerms, quote: Quote | None) -> Decimal | None:
    """Return the dollars a share that a decision counted on.

    A stop counts on its own price, for the market is elsewhere when it is decided; every other order on what
    the other side asked or bid at that moment, or on the last trade where there was none. A trailing stop
    counts on no price.
    """
    if terms.stop_px is not None:
        return terms.stop_px
    if terms.ord_type.waits:
        return None
    return far_touch(terms.side, quote)


def slip(side: Side, decision_px: Decimal, last_px: Decimal) -> Decimal:
    """Return the dollars a share by which a fill was worse; below zero where it was better."""
    return (last_px - decision_px) * side.sign


def slip_pct(side: Side, decision_px: Decimal, last_px: Decimal) -> Decimal:
    """Return the same in percent of the decision price."""
    return slip(side, decision_px, last_px) * 100 / decision_px
