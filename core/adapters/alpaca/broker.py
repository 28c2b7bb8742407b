"""Alpaca behind the broker port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from core.adapters.alpaca.assets import Assets
from core.adapters.alpaca.delivery import Delivery
from core.adapters.alpaca.entry import Entry
from core.adapters.alpaca.lanes import Lane, open_lanes
from core.adapters.alpaca.limiter import Limiter, Priority
from core.adapters.alpaca.mapping import state_report
from core.adapters.alpaca.memory import Memory
from core.adapters.alpaca.questions import MarketClock, Questions
from core.adapters.alpaca.records import Records
from core.adapters.alpaca.request import Request
from core.adapters.alpaca.rest import Rest
from core.adapters.alpaca.sockets import Peer
from core.adapters.alpaca.trade_stream import TradeStream
from core.adapters.alpaca.words import Vocabulary
from core.adapters.calendar import MarketDay
from core.clock import Clock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials, alpaca_name
from core.domain.execution import ExecutionReport, UnreadableOrder
from core.domain.instrument import Instrument
from core.domain.outcomes import CashFlow
from core.domain.portfolio import Account, BrokerPosition, ShareMove
from core.domain.terms import NewOrderList, NewOrderSingle, OrderCancelReplaceRequest, OrderCancelRequest
from core.errors import BrokerError, BrokerUnavailable, CredentialsRefused, OutcomeUnknown
from core.ids import ClOrdId
from core.settings import AlpacaAddresses

_WARM_UP_S = 3.0
_MOST_SKEW_S = 2.0  # control list A4
# The account numbers of paper accounts begin so.
_PAPER_PREFIX = "PA"


class AlpacaBroker:
    """The broker port on Alpaca's trading API and its order stream. Used on the core loop.

    Args:
        mode: paper or live; decides which hosts may be spoken to at all.
        addresses: of this mode.
        credentials: the key pair of this mode.
        clock: our time.
        folder: where the list of instruments is kept.
        limiter: the account's requests a minute; its own where none is given.
        tell: called with words for the person, such as that the clocks differ.

    Raises:
        SettingInvalid: an address is not one that this mode may speak to; no client was made.
    """

    def __init__(
        self,
        mode: Mode,
        addresses: AlpacaAddresses,
        credentials: AlpacaCredentials,
        clock: Clock,
        folder: Path,
        limiter: Limiter | None = None,
        tell: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self._mode, self._tell = mode, tell
        self._lanes = open_lanes(mode, addresses, credentials, clock)
        self._limiter = limiter or Limiter(clock)
        self._peer = Peer(f"Alpaca ({mode})", alpaca_name(mode))
        rest = Rest(self._peer, self._limiter, clock)
        self._memory = Memory()
        vocabulary = Vocabulary()
        self._questions = Questions(rest, self._lanes, vocabulary, clock)
        self._delivery = Delivery(
            lambda: TradeStream(addresses.trade_stream_url, credentials, clock),
            self._questions,
            self._memory,
            vocabulary,
            lambda cl_ord_id: any(each.cl_ord_id == cl_ord_id for each in self.unreadable),
        )
        self._records = Records(self._questions, self._memory)
        self._entry = Entry(rest, self._lanes, self._questions, self._memory, vocabulary, self._delivery.put)
        self._assets = Assets(folder / f"alpaca-assets-{mode}.json", self._questions.instruments)
        self._clock = clock
        self._account_id = ""

    async def connect(self) -> None:
        """Check whose account it is, open the order stream, and have the lanes' connections ready.

        Raises:
            CredentialsRefused: the key opens nothing, or another account than before.
            BrokerUnavailable: there is no connection.
        """
        await self._delivery.close()
        account = await self._questions.account()
        if self._account_id not in ("", account.account_id):
            raise CredentialsRefused(
                f"{self._peer.what}: the key {self._peer.name} opens another account than it did before."
                " Store the key of this profile's account and connect again"
            )
        if account.account_id.startswith(_PAPER_PREFIX) is (self._mode is Mode.LIVE):
            money = "paper money" if self._mode is Mode.LIVE else "real money"
            raise CredentialsRefused(
                f"{self._peer.what}: the key {self._peer.name} opens an account of {money}, and this profile"
                f" is of mode {self._mode}. Store the key of the other kind and connect again"
            )
        self._account_id = account.account_id
        await self._delivery.open()
        # An order should not have to wait for the library's import and a handshake.
        warm = (_warm_up(lane, self._limiter) for lane in (self._lanes.submit, self._lanes.cancel))
        await asyncio.gather(*warm, self._check_clock())

    async def _check_clock(self) -> None:
        with suppress(BrokerUnavailable, OutcomeUnknown, TimeoutError):
            async with asyncio.timeout(_WARM_UP_S):
                skew_s = (await self.market_clock()).skew_s
            if abs(skew_s) > _MOST_SKEW_S:
                self._tell(
                    f"This computer's clock and Alpaca's differ by {skew_s:.0f} s; set the clock right"
                )

    async def close(self) -> None:
        """End the stream, the threads and their connections. Working orders stay as they are."""
        await self._delivery.close()
        await self._limiter.close()
        await self._lanes.close()

    async def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        """Send an order, once."""
        return await self._entry.submit(order)

    async def cancel(self, request: OrderCancelRequest) -> None:
        """Ask for an order's end."""
        await self._entry.cancel(request)

    async def replace(self, request: OrderCancelReplaceRequest) -> None:
        """Ask for a replacement."""
        await self._entry.replace(request)

    async def cancel_all(self) -> bool:
        """Ask for the end of everything that works, other programs' orders included, in one request.

        Raises:
            OutcomeUnknown: nobody knows which requests were taken; list the open orders.
        """
        await self._entry.cancel_all()
        return True

    async def order(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Look one order up."""
        view = await self._questions.order(cl_ord_id)
        if view is None:
            return None
        self._memory.see(view)
        return state_report(view, self._memory.kin(view))

    async def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List every order that works, legs one by one."""
        return await self._records.open_orders()

    @property
    def unreadable(self) -> tuple[UnreadableOrder, ...]:
        """The orders that the newest list could only name, such as one of a side that is new."""
        return self._records.unreadable

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held."""
        return await self._questions.positions()

    async def account(self) -> Account:
        """Return the account as it is now."""
        return await self._questions.account()

    async def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List acceptances, fills and ends at or after a market time, UTC, oldest first."""
        return await self._records.activities(since.astimezone(UTC))

    async def cash_flows(self, since: datetime) -> tuple[CashFlow, ...]:
        """List deposits, withdrawals, dividends, fees and the like."""
        return await self._questions.cash_flows(since.astimezone(UTC))

    async def share_moves(self, since: datetime) -> tuple[ShareMove, ...]:
        """List what changed symbols have moved."""
        return await self._questions.share_moves(since.astimezone(UTC))

    def reports(self) -> AsyncIterator[ExecutionReport]:
        """Deliver reports as they happen; for one reader."""
        return self._delivery.reports()

    async def assets(self) -> tuple[Instrument, ...]:
        """List the shares that Alpaca knows, asked for once a day.

        Raises:
            BrokerUnavailable: Alpaca does not answer, and there is no older list.
        """
        return await self._assets.get(self._clock.now().date())

    async def market_clock(self) -> MarketClock:
        """Read Alpaca's clock, and how far ours is from it."""
        return await self._questions.clock()

    async def calendar(self, first: date, last: date) -> tuple[MarketDay, ...]:
        """List the market days from one date in New York to another."""
        return await self._questions.calendar(first, last)


async def _warm_up(lane: Lane, limiter: Limiter) -> None:
    # Where the limit has no room, being ready counts for more than being warm.
    with suppress(BrokerUnavailable, OutcomeUnknown, TimeoutError):
        async with asyncio.timeout(_WARM_UP_S):
            await limiter.take(Priority.REFRESH)
        await lane.run(Request("GET", "/clock", total_s=_WARM_UP_S))


@dataclass(frozen=True, slots=True)
class Probe:
    """What a key opens: the account in words, or why it opens none; plain text."""

    is_open: bool
    text: str


async def probe_account(
    mode: Mode, addresses: AlpacaAddresses, credentials: AlpacaCredentials, clock: Clock
) -> Probe:
    """Try a key pair that was just typed; nothing is stored and no order can be sent.

    Raises:
        SettingInvalid: an address is not one that this mode may speak to.
    """
    lanes = open_lanes(mode, addresses, credentials, clock)
    peer = Peer(f"Alpaca ({mode})", alpaca_name(mode))
    questions = Questions(Rest(peer, Limiter(clock), clock), lanes, Vocabulary(), clock)
    try:
        account = await questions.account()
    except BrokerError as error:
        return Probe(is_open=False, text=str(error))
    finally:
        await lanes.close()
    state = account.blocked or "open for trading"
    text = f"{mode} account …{account.account_id[-4:]}: {state}; equity ${account.equity:,.2f}"
    return Probe(is_open=True, text=text)
