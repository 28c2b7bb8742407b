"""What the desk gathers and the rules judge on; no rule looks anywhere else.

Sums are kept up to date by `state` as orders, fills and quotes come in, so that a judgement
costs the same with one position and with five hundred. `None` is unknown and never zero.
"""

from dataclasses import dataclass
from decimal import Decimal

from core.domain.access import Origin, TradingState
from core.domain.breakers import BreakerRecord
from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.market import MarketSession, Quote
from core.domain.money import Price
from core.domain.order import Resting
from core.domain.terms import OrderTerms


@dataclass(frozen=True, slots=True)
class RecentOrder:
    """An order that passed the desk not long ago, for the rules of repetition.

    Attributes:
        terms: what was asked for.
        age_s: seconds since, on our monotonic clock.
    """

    terms: OrderTerms
    age_s: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What one way in has sent, and has at work; each as in `Facts`."""

    sent_last_minute: int = 0
    sent_today: int = 0
    working_total: int = 0
    working_in_symbol: int = 0


@dataclass(frozen=True, slots=True)
class Proposed:
    """What an order of the agent was proposed on.

    Attributes:
        age_s: seconds since it was proposed, by our time of day: it may outlive a start.
        decision_px: dollars; the last price at that moment.
        thesis_age_s: seconds since an order of the same thesis was sent; None where there was none.
    """

    age_s: float
    decision_px: Price
    thesis_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known at the moment of a judgement.

    Working orders are all that may still fill: ours, UNKNOWN ones and external ones; where an
    order is being replaced, the old one is left out.

    Attributes:
        trading_state: None while it could not be read.
        session: the market day; None while the feed is down.
        instrument: None where the symbol is not known.
        quote: of the order's symbol.
        quote_age_s: seconds since it was received.
        position_qty: shares held of the symbol, signed.
        working_buy_qty: shares of the symbol that working purchases may still bring.
        working_sell_qty: shares of the symbol that working sales may still take.
        cash: dollars, all fills known to us included.
        reserved_cash: dollars that working purchases may still cost at worst, fees included; None when one
            of them cannot be priced.
        gross_exposure: dollars; values of all positions without sign, and of what working purchases may add.
        equity: dollars now.
        start_equity: dollars at the start of the market day.
        account_age_s: seconds since the broker last confirmed the account.
        positions_age_s: seconds since the broker last told what is held.
        fee_rate_pct: percent of an order's value that fees may cost at worst.
        filled_qty: shares that the order being replaced has already filled.
        recent: orders of the last minute in the same symbol, newest first.
        ready: order entry is released: the order stream is up and reconciled; None is treated as no.
        sent_last_minute: new orders and replacements of the last 60 s.
        sent_today: the same since the start of our day, UTC.
        burst_left: whole orders that the token bucket still gives.
        may_short: the broker lets this account sell what it does not hold.
        is_margin: the account may borrow.
        usual_volume: shares of the symbol that trade in a day, as the mean of the last 20 days; None is n/a.
        sector_exposure: dollars; as `gross_exposure`, of the sector of the symbol.
        opposite: the order on the other side that this one would meet first; None where none rests there.
        working_total: orders that may still fill, UNKNOWN, external and just decided ones included; those
            of one list count once.
        working_in_symbol: the same of the order's symbol.
        blocked: why the broker takes no orders for the account; empty while it takes them.
        unreadable: what was wrong with the broker's last answer on account or positions; empty if nothing.
        origin: the way in; None while nobody has ordered yet.
        asked: what was asked for, where a market order goes out as a limit order (A9).
        own: what the agent alone has sent and has at work; None where someone else orders.
        common: what everybody is held to, where tighter numbers judge: counts of all orders are held
            against these.
        entries: opening orders by automation in the symbol within ten minutes; None where a person orders.
        turnover: dollars bought and sold on this market day, and what all working orders may add at worst.
        day_flows: dollars that the owner put in (or took out, negative) on this market day.
        peak_equity: dollars; the highest equity, corrected for deposits and withdrawals; None is n/a.
        paused: tripped breakers that pause the way in of the order.
        proposed: what the agent's order was proposed on; None for an order that nobody proposed.
    """

    trading_state: TradingState | None
    session: MarketSession | None
    instrument: Instrument | None
    quote: Quote | None
    quote_age_s: float | None
    position_qty: Decimal | None
    working_buy_qty: Decimal | None
    working_sell_qty: Decimal | None
    cash: Decimal | None
    reserved_cash: Decimal | None
    gross_exposure: Decimal | None
    equity: Decimal | None
    start_equity: Decimal | None
    account_age_s: float | None
    fee_rate_pct: Decimal = Decimal(0)
    filled_qty: Decimal = Decimal(0)
    recent: tuple[RecentOrder, ...] = ()
    ready: bool | None = None
    sent_last_minute: int = 0
    sent_today: int = 0
    burst_left: int = 0
    may_short: bool = False
    is_margin: bool = False
    usual_volume: Decimal | None = None
    sector_exposure: Decimal | None = None
    opposite: Resting | None = None
    working_total: int = 0
    working_in_symbol: int = 0
    positions_age_s: float | None = None
    blocked: str = ""
    unreadable: str = ""
    origin: Origin | None = None
    asked: OrderTerms | None = None
    own: Counts | None = None
    common: Limits | None = None
    entries: int | None = None
    turnover: Decimal | None = None
    day_flows: Decimal = Decimal(0)
    peak_equity: Decimal | None = None
    paused: tuple[BreakerRecord, ...] = ()
    proposed: Proposed | None = None
