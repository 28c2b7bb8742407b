"""Gathering the facts of a judgement out of the live state."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from core.clock import Clock
from core.domain.access import Origin, TradingState
from core.domain.breakers import BreakerRecord
from core.domain.instrument import Instrument
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.market import MarketSession, Quote
from core.domain.money import ZERO
from core.domain.order import Order
from core.domain.outcomes import PortfolioPeak
from core.domain.portfolio import Position
from core.domain.proposals import Proposal
from core.domain.terms import OrderTerms, Side
from core.ids import ClOrdId, Symbol
from core.orders.automation import Automation
from core.orders.throttle import Figures
from core.risk.facts import Counts, Facts, Proposed, RecentOrder
from core.risk.pricing import SHORT_RESERVE, far_touch, worst_without_limit
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from core.state.traded import Traded
from core.state.working import Working

_REPEAT_WINDOW_S = 60.0

# What fees may take of an order at worst: the SEC fee of sales and the TAF together stay well
# below this for every price from one dollar up.
FEE_RATE_PCT = Decimal("0.05")


@dataclass(slots=True)
class LiveState:
    """All live truth of one profile; the core loop alone touches it.

    Attributes:
        limits: what everybody but the agent is held against.
        agent_limits: what the agent is held against; never looser than `limits`.
        ready: the order stream is up and reconciled, and the book could be written.
        behind: orders of which a status told more shares than the fills that are booked; until those
            are fetched they count neither as working nor as held, so the position is not known.
        in_flight: orders that are being sent; a broker that does not list them yet proves nothing.
        opaque: symbols in which an order works that nobody can read, so what is held may change by any
            number of shares.
        tripped: the breakers that have tripped and that nobody has acknowledged.
        peak: the highest equity, from which the drawdown is measured; None before the first.
        day_flows: dollars that the owner put in (or took out, negative) on this market day.
        traded: what was bought and sold on each market day.
        garbled: answers of the broker that could not be read last time: question, and what was wrong.
        positions_at: monotonic seconds of the broker's last answer on what is held; None before the first.
        is_locked: nobody sits at the window.
    """

    quotes: QuoteBook
    orders: OrderBook
    positions: PositionBook
    account: AccountState
    instruments: dict[Symbol, Instrument]
    limits: Limits
    agent_limits: Limits = AGENT_LIMITS
    trading_state: TradingState | None = None
    session: MarketSession | None = None
    ready: bool = False
    book_writable: bool = True
    behind: set[ClOrdId] = field(default_factory=set)
    in_flight: set[ClOrdId] = field(default_factory=set)
    opaque: frozenset[Symbol] = frozenset()
    tripped: tuple[BreakerRecord, ...] = ()
    peak: PortfolioPeak | None = None
    day_flows: Decimal = ZERO
    traded: Traded = field(default_factory=Traded)
    garbled: dict[str, str] = field(default_factory=dict)
    positions_at: float | None = None
    is_locked: bool = False

    @property
    def in_force(self) -> TradingState | None:
        """What holds for orders: while the window is locked, they may lessen a position at most."""
        is_active = self.trading_state is TradingState.ACTIVE
        return TradingState.REDUCING if is_active and self.is_locked else self.trading_state

    @property
    def equity(self) -> Decimal | None:
        """Dollars of cash and of all positions, less the cash that nothing explains; None if one is unknown.

        Such cash is neither gained nor lost: most often it is a deposit, which the broker's list of
        activities tells of a moment later.
        """
        cash, net = self.account.cash, self.positions.net
        return None if cash is None or net is None else cash + net - (self.account.drift or ZERO)

    def limits_for(self, origin: Origin) -> Limits:
        """Return what whoever comes this way in is held against."""
        return self.agent_limits if origin is Origin.AGENT else self.limits


@dataclass(frozen=True, slots=True)
class Source:
    """Whose order is judged.

    Attributes:
        origin: the way in; None while nobody has ordered yet.
        proposal: what the agent proposed, where the order came of it.
    """

    origin: Origin | None = None
    proposal: Proposal | None = None


NOBODYS = Source()


class _Worth(NamedTuple):
    """What the working orders of a symbol may cost and turn over, and what that was reckoned from."""

    working: Working
    quote: Quote | None
    position: Position | None
    last: Decimal | None
    cost: Decimal | None
    sold: Decimal


class Gatherer:
    """Collects facts; remembers the orders of the last minute for the rules of repetition.

    Attributes:
        automation: what programs have sent lately.
        usual_volume: shares of a symbol that trade in a day; asked at every judgement, so it never waits.
    """

    def __init__(self, state: LiveState, clock: Clock) -> None:
        self.automation = Automation(clock)
        self._state = state
        self._clock = clock
        self._recent: dict[Symbol, deque[tuple[float, OrderTerms]]] = {}
        self._worth: dict[Symbol, _Worth] = {}
        self.usual_volume: Callable[[Symbol], Decimal | None] = lambda _symbol: None

    def remember(self, terms: OrderTerms) -> None:
        """Note an order that is on its way."""
        self._recent.setdefault(terms.symbol, deque()).append((self._clock.monotonic(), terms))

    def facts(
        self,
        terms: OrderTerms,
        figures: Figures,
        replaces: Order | None = None,
        source: Source = NOBODYS,
    ) -> Facts:
        """Collect everything that is known at this moment.

        Args:
            terms: the order that is judged, as it was asked for.
            figures: where the throttle stood before this order.
            replaces: the order that this one takes the place of; left out of all sums.
            source: whose order it is.
        """
        state = self._state
        without = replaces.cl_ord_id if replaces is not None else None
        working = state.orders.working(terms.symbol, without)
        adds, adds_to_sector, count, trades = self._all_working(terms.symbol, working)
        is_agents = source.origin is Origin.AGENT
        gross, cash = state.positions.gross, state.account.cash
        account = state.account.account
        return Facts(
            trading_state=state.in_force,
            session=state.session,
            instrument=state.instruments.get(terms.symbol),
            quote=state.quotes.get(terms.symbol),
            quote_age_s=state.quotes.age_s(terms.symbol),
            position_qty=None if account is None else self._held(terms.symbol),
            working_buy_qty=working.buy_qty,
            working_sell_qty=working.sell_qty,
            cash=cash,
            reserved_cash=None if adds is None else adds + adds * FEE_RATE_PCT / 100,
            gross_exposure=None if gross is None or adds is None else gross + adds,
            equity=state.equity,
            start_equity=None if account is None else account.start_equity,
            account_age_s=state.account.age_s,
            fee_rate_pct=FEE_RATE_PCT,
            filled_qty=replaces.cum_qty if replaces is not None else ZERO,
            recent=self._repeats(terms.symbol),
            ready=state.ready and state.book_writable and not state.behind,
            sent_last_minute=figures.last_minute,
            sent_today=figures.today,
            burst_left=figures.burst_left,
            usual_volume=self.usual_volume(terms.symbol),
            may_short=account is not None and account.may_short,
            is_margin=account is not None and account.is_margin,
            sector_exposure=self._of_sector(terms.symbol, adds_to_sector),
            opposite=working.first(terms.side.opposite),
            working_total=count,
            working_in_symbol=working.count,
            positions_age_s=self._positions_age_s(),
            blocked="" if account is None else account.blocked,
            unreadable=next(iter(state.garbled.values()), ""),
            origin=source.origin,
            asked=terms,
            own=self._own(terms.symbol, figures, without) if is_agents else None,
            common=state.limits if is_agents else None,
            entries=self.automation.entries(terms.symbol, source.origin),
            turnover=self._turnover(trades),
            day_flows=state.day_flows,
            peak_equity=None if state.peak is None else state.peak.equity,
            paused=self._pauses(source.origin) if state.tripped else (),
            proposed=None if source.proposal is None else self._proposed(source.proposal),
        )

    def _positions_age_s(self) -> float | None:
        at = self._state.positions_at
        return None if at is None else self._clock.monotonic() - at

    def _own(self, symbol: Symbol, figures: Figures, without: ClOrdId | None) -> Counts:
        opened = [
            order
            for order in self._state.orders.open()
            if order.origin is Origin.AGENT and order.cl_ord_id != without
        ]
        lists = {order.list_id or order.cl_ord_id: order.symbol for order in opened}
        symbols = (*lists.values(), *self.automation.reserved())
        return Counts(figures.own_last_minute, figures.own_today, len(symbols), symbols.count(symbol))

    def _turnover(self, trades: Decimal | None) -> Decimal | None:
        session = self._state.session
        if trades is None or session is None:
            return None
        # Regular hours open and close on one UTC date, which names the market day.
        return self._state.traded.on(session.opens.date()) + trades

    def _pauses(self, origin: Origin | None) -> tuple[BreakerRecord, ...]:
        if origin is None:
            return ()
        return tuple(record for record in self._state.tripped if record.pauses(origin))

    def _proposed(self, proposal: Proposal) -> Proposed:
        age_s = (self._clock.now() - proposal.made_at).total_seconds()
        return Proposed(age_s, proposal.decision_px, self.automation.thesis_age_s(proposal))

    def _held(self, symbol: Symbol) -> Decimal | None:
        behind = (self._state.orders.get(cl_ord_id) for cl_ord_id in self._state.behind)
        if symbol in self._state.opaque or any(each is None or each.symbol == symbol for each in behind):
            return None
        return self._state.positions.qty(symbol)

    def _repeats(self, symbol: Symbol) -> tuple[RecentOrder, ...]:
        recent = self._recent.get(symbol)
        if recent is None:
            return ()
        now = self._clock.monotonic()
        while recent and now - recent[0][0] >= _REPEAT_WINDOW_S:
            recent.popleft()
        return tuple(RecentOrder(terms, now - at) for at, terms in reversed(recent))

    def _sector(self, symbol: Symbol) -> str | None:
        instrument = self._state.instruments.get(symbol)
        return None if instrument is None else instrument.sector

    def _of_sector(self, symbol: Symbol, adds: Decimal | None) -> Decimal | None:
        sector = self._sector(symbol)
        held = None if sector is None else self._state.positions.of_sector(sector)
        return None if held is None or adds is None else held + adds

    def _all_working(
        self, symbol: Symbol, its_working: Working
    ) -> tuple[Decimal | None, Decimal | None, int, Decimal | None]:
        """Return what all working orders may cost, fees aside, and add to exposure; and how many there are.

        Between the two stands what those in the sector of the symbol may cost; at the end, what all of them,
        sales included, may turn over. A sum is None where a part of it is not known.
        """
        known = self._state.instruments
        sector = self._sector(symbol)
        adds, adds_to_sector, count, is_known, sold = ZERO, ZERO, 0, True, ZERO
        for each, found in self._state.orders.by_symbol().items():
            worth = self._worth_of(each, its_working if each == symbol else found)
            count += worth.working.count
            sold += worth.sold
            if worth.cost is None:
                is_known = False
                continue
            adds += worth.cost
            if sector is not None and each in known and known[each].sector == sector:
                adds_to_sector += worth.cost
        return (adds, adds_to_sector, count, adds + sold) if is_known else (None, None, count, None)

    def _worth_of(self, symbol: Symbol, working: Working) -> "_Worth":
        # What nothing has changed of since the judgement before is not reckoned again.
        state = self._state
        quote, position, last = (
            state.quotes.get(symbol),
            state.positions.get(symbol),
            state.positions.last(symbol),
        )
        worth = self._worth.get(symbol)
        if (
            worth is None
            or worth.working is not working
            or worth.quote is not quote
            or worth.position is not position
            or worth.last is not last
        ):
            cost = self._cost(symbol, working) if working.unbounded or working.sell_qty else working.cost
            sold = working.sell_qty * max(last or ZERO, working.dearest) if working.sell_qty else ZERO
            worth = self._worth[symbol] = _Worth(working, quote, position, last, cost, sold)
        return worth

    def _cost(self, symbol: Symbol, working: Working) -> Decimal | None:
        # Purchases cost their worst price, and short sales what a broker holds back.
        cost, ask = working.cost, far_touch(Side.BUY, self._state.quotes.get(symbol))
        for claim in working.unbounded:
            price = worst_without_limit(claim.terms, ask)
            if price is None:
                return None
            cost += claim.leaves_qty * price
        if not working.sell_qty:
            return cost
        held = self._state.positions.qty(symbol)
        short = working.sell_qty - held if held > 0 else working.sell_qty
        if short <= 0:
            return cost
        return None if ask is None else cost + short * max(ask * SHORT_RESERVE, working.dearest)
