"""What a sale costs in the United States beside the broker's commission of zero.

Rates as known in November 2026: data, of which a stale one moves cents and breaks no rule. Both fees
fall on the seller only, are taken per fill and rounded up to the cent, as retail brokers pass them on.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from core.domain.money import CENT, ZERO, Money
from core.domain.terms import Side


@dataclass(frozen=True, slots=True)
class FeeTable:
    """The rates in force.

    Attributes:
        sec_rate: dollars a dollar of sales, Section 31 of the Securities Exchange Act (order 34-104909).
        taf_rate: dollars a share sold, FINRA trading activity fee (By-Laws, schedule A, section 1).
        taf_cap: dollars, at most, for one trade.
    """

    sec_rate: Decimal
    taf_rate: Decimal
    taf_cap: Decimal

    def fee(self, side: Side, qty: Decimal, px: Decimal) -> Money:
        """Return the dollars that a fill is charged."""
        if side is Side.BUY:
            return Money(0)
        taf = min(self.taf_rate * qty, self.taf_cap)
        return Money(_up(self.sec_rate * qty * px) + _up(taf))


US_2026 = FeeTable(sec_rate=Decimal("0.0000206"), taf_rate=Decimal("0.000195"), taf_cap=Decimal("9.79"))
NO_FEES = FeeTable(sec_rate=ZERO, taf_rate=ZERO, taf_cap=ZERO)


def _up(dollars: Decimal) -> Decimal:
    return dollars.quantize(CENT, rounding=ROUND_CEILING)
