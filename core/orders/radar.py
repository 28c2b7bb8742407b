"""The risk radar of a symbol or of the portfolio, from daily bars, quotes, positions and weights."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from core.clock import Clock
from core.domain.access import Actor
from core.domain.messages import LoadRadar
from core.domain.radar import Radar, RadarInput, RadarInputName
from core.errors import RefusalCode, Refused
from core.ids import Symbol
from core.orders.daily_bars import DailyBars, History
from core.orders.gather import LiveState
from core.orders.portfolio import BENCHMARK
from core.orders.targets import Targets
from core.portfolio.returns import join, volatility
from core.risk.radar import Holding, Inputs, portfolio_radar, symbol_radar

# How long an answer waits for bars; what has not come by then is n/a, and there the next time.
WAIT_S = 5.0
# About three months for how much it moves of late, a year for how it moves with the market.
VOLATILITY_DAYS, LEAST_VOLATILITY_DAYS = 63, 20
MARKET_DAYS, LEAST_MARKET_DAYS = 252, 63

_I = RadarInputName
_OF_A_HOLDING = (_I.BETA, _I.CORRELATION, _I.VOLATILITY, _I.RANGE, _I.VOLUME, _I.SPREAD)
_ANY = Decimal(1)  # what has no price has no score, whatever it would weigh


class RadarRoom:
    """Answers `LoadRadar`. Runs on the core loop."""

    def __init__(self, state: LiveState, bars: DailyBars, targets: Targets, clock: Clock) -> None:
        self._state = state
        self._bars = bars
        self._targets = targets
        self._clock = clock

    async def look(self, command: LoadRadar, actor: Actor) -> Radar:
        """Score the axes from what is known now; what is not known is n/a, with the reason.

        Raises:
            Refused: `UNKNOWN_SYMBOL`.
        """
        del actor
        symbol = command.symbol
        if symbol is not None and symbol not in self._state.instruments:
            raise Refused(RefusalCode.UNKNOWN_SYMBOL, f"{symbol} is not known here.", {"field": "symbol"})
        wanted = [each.symbol for each in self._state.positions.held()] if symbol is None else [symbol]
        if wanted:
            await self._bars.settled((*wanted, BENCHMARK), WAIT_S)
        session = self._state.session
        at = self._clock.now() if session is None else session.now
        weights, target = Weights(self._state), self._targets.target
        if symbol is not None:
            return symbol_radar(symbol, {**self._inputs(symbol), **weights.of(symbol)}, target, at)
        holdings = [
            Holding(weights.values.get(each, _ANY), {**self._inputs(each), **weights.unpriced})
            for each in wanted
        ]
        return portfolio_radar(holdings, weights.of_all(), target, at)

    def _inputs(self, symbol: Symbol) -> Inputs:
        found = self._bars.get(symbol)
        made = [*self._to_market(symbol, found), *self._of_bars(symbol, found), self._spread(symbol)]
        return {each.name: each for each in made}

    def _to_market(self, symbol: Symbol, found: History | None) -> tuple[RadarInput, ...]:
        market = self._bars.get(BENCHMARK)
        if market is None or found is None:
            why = self._bars.missing(symbol if found is None else BENCHMARK)
            return _unknown((_I.BETA, _I.CORRELATION), why)
        both = join(_newest(found.returns, MARKET_DAYS), market.returns)
        if len(both.ours) < LEAST_MARKET_DAYS:
            days = f"{len(both.ours)} of {LEAST_MARKET_DAYS}"
            return _unknown((_I.BETA, _I.CORRELATION), f"{symbol} has too few days with {BENCHMARK}: {days}.")
        flat = f"{symbol} or {BENCHMARK} has not moved."
        return _input(_I.BETA, both.beta, flat), _input(_I.CORRELATION, both.correlation, flat)

    def _of_bars(self, symbol: Symbol, found: History | None) -> tuple[RadarInput, ...]:
        if found is None:
            return _unknown((_I.VOLATILITY, _I.RANGE, _I.VOLUME), self._bars.missing(symbol))
        few = f"{symbol} has too few daily bars: {len(found.closes)}."
        newest = list(_newest(found.returns, VOLATILITY_DAYS).values())
        a_year = volatility(newest) if len(newest) >= LEAST_VOLATILITY_DAYS else None
        true_range = None if found.true_range is None else found.true_range / found.closes[-1][1]
        return (
            _input(_I.VOLATILITY, a_year, few),
            _input(_I.RANGE, true_range, few),
            _input(_I.VOLUME, found.usual_volume, few),
        )

    def _spread(self, symbol: Symbol) -> RadarInput:
        quote = self._state.quotes.get(symbol)
        if quote is None or quote.bid is None or quote.ask is None or not 0 < quote.bid <= quote.ask:
            return _input(_I.SPREAD, None, f"There is no bid and ask of {symbol} now.")
        return _input(_I.SPREAD, (quote.ask - quote.bid) * 2 / (quote.ask + quote.bid))


class Weights:
    """What each holding and each sector has of the account's equity.

    Attributes:
        values: dollars, without sign, of each holding that has a price.
        unpriced: each input of a holding as not known, where one of them has no price: no weight is known.
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state
        held, book = state.positions.held(), state.positions
        priced = [(each, last) for each in held if (last := book.last(each.symbol)) is not None and last > 0]
        self.values = {each.symbol: abs(each.qty) * last for each, last in priced}
        self._held = [each.symbol for each in held]
        without = [each for each in self._held if each not in self.values]
        self._why = f"There is no price of {', '.join(without)} yet." if without else ""
        cash, net = state.account.cash, book.net
        self._equity = None if cash is None or net is None else cash + net
        if not self._why and (self._equity is None or self._equity <= 0):
            self._why = "The account's equity is not known."
        names = _OF_A_HOLDING if without else ()
        self.unpriced: Inputs = {each.name: each for each in _unknown(names, self._why)}

    def of(self, symbol: Symbol) -> Inputs:
        """Return the inputs of concentration that a symbol has, held or not."""
        sector = self._sector(symbol)
        return self._named(self.values.get(symbol, Decimal(0)), None if sector is None else [sector], symbol)

    def of_all(self) -> Inputs:
        """Return those of the portfolio: its largest position, and its largest sector."""
        sectors = [self._sector(each) for each in self._held]
        unknown = next(
            (each for each, sector in zip(self._held, sectors, strict=True) if sector is None), None
        )
        largest = max(self.values.values(), default=Decimal(0))
        return self._named(largest, None if unknown else [each for each in sectors if each], unknown)

    def _named(self, value: Decimal, sectors: Sequence[str] | None, symbol: Symbol | None) -> Inputs:
        if self._why or self._equity is None:
            found = _unknown((_I.POSITION_WEIGHT, _I.SECTOR_WEIGHT), self._why)
        else:
            heaviest = None if sectors is None else max(map(self._of_sector, sectors), default=Decimal(0))
            found = (
                _input(_I.POSITION_WEIGHT, value / self._equity),
                _input(
                    _I.SECTOR_WEIGHT,
                    None if heaviest is None else heaviest / self._equity,
                    f"The sector of {symbol} is not known.",
                ),
            )
        return {each.name: each for each in (*found, _input(_I.HOLDINGS, Decimal(len(self._held))))}

    def _sector(self, symbol: Symbol) -> str | None:
        instrument = self._state.instruments.get(symbol)
        return None if instrument is None else instrument.sector

    def _of_sector(self, sector: str) -> Decimal:
        found = (value for symbol, value in self.values.items() if self._sector(symbol) == sector)
        return sum(found, Decimal(0))


def _newest(returns: dict[date, float], days: int) -> dict[date, float]:
    return dict(list(returns.items())[-days:])


def _input(name: RadarInputName, value: float | Decimal | None, missing: str = "") -> RadarInput:
    if value is None:
        return RadarInput(name, None, missing)
    return RadarInput(name, value if isinstance(value, Decimal) else Decimal(repr(value)))


def _unknown(names: Sequence[RadarInputName], why: str) -> tuple[RadarInput, ...]:
    return tuple(RadarInput(name, None, why) for name in names)
