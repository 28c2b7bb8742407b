"""Puts a core together: which store, which broker, which feed, and who carries out what."""

from dataclasses import replace

from app.outside import Outside
from app.routes import route_commands
from core.agent.proposals import OrderPath, Proposals
from core.audit import ledger
from core.audit.anchors import anchor_numbers
from core.audit.journal import AuditJournal
from core.audit.verify import Verifier
from core.bus import Bus
from core.domain import messages as m
from core.domain.access import Actor, Mode, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.orders.again import SendingAgain
from core.orders.audit_watch import AuditWatch
from core.orders.backups import BackupRoom
from core.orders.broker_witness import BrokerWitness
from core.orders.clerk import Clerk
from core.orders.counted import CountedBroker, OrderCount
from core.orders.enrolment import Enrolment
from core.orders.entry import OrderEntry
from core.orders.exits import Exits
from core.orders.flatten import Closer, Flattening
from core.orders.following import Following
from core.orders.gate import PHRASE_TYPED, Gate, GateSettings
from core.orders.gather import Gatherer, LiveState
from core.orders.glance import Glance
from core.orders.in_flight import InFlight
from core.orders.intents import Intents
from core.orders.keys import Keys
from core.orders.kill import KillSwitch
from core.orders.link_record import LinkRecord
from core.orders.links import Links
from core.orders.locking import Locking
from core.orders.lookups import LookUps
from core.orders.measuring import Measuring
from core.orders.oms import OrderManagement
from core.orders.portfolio_desk import PortfolioDesk
from core.orders.protection import Protection
from core.orders.recollection import recall
from core.orders.reconcile import Reconciler
from core.orders.risk_desk import RiskDesk
from core.orders.rounds import Rounds
from core.orders.safeguards import Safeguards, Watched
from core.orders.scan import QuotedSnapshots, Scanner
from core.orders.sending import Sending
from core.orders.sightings import Sightings
from core.orders.supervision import Means
from core.orders.sweep import Sweeper
from core.orders.throttle import Throttle
from core.orders.trading_state import TradingStateLatch
from core.orders.unsettled import Unsettled
from core.orders.valuation import Valuation
from core.state.account import AccountState
from core.state.orders import OrderBook
from core.state.positions import PositionBook
from core.state.quotes import QuoteBook
from core.storage.segments import archives_of
from core.tasks import RightOfWay, Tasks


class Core:
    """A complete trading program without a screen. Lives on the core loop."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        clock, store = outside.clock, outside.store
        self.bus = Bus()
        self.tasks = Tasks(self._on_task_failure)
        self.desk_actor = Actor("desk", "admin", Origin.DESK, outside.session)
        self.state = LiveState(
            QuoteBook(clock), OrderBook(), PositionBook(), AccountState(clock), {}, outside.limits
        )
        count = OrderCount(self.state, clock)
        self.outside = outside = replace(outside, broker=CountedBroker(outside.broker, count))
        self.journal = AuditJournal(store, clock, self.bus, outside.emergency)
        self.throttle = Throttle(clock)
        self.gatherer = Gatherer(self.state, clock)
        self.latch = TradingStateLatch(self.state, self.journal, clock, self.bus)
        self.intents = Intents(self.state, self.journal, clock, self.bus, outside.ids)
        self.oms = OrderManagement(
            self.state, store, self.journal, clock, self.bus, self.desk_actor, self.tasks
        )
        self.sending = Sending(self.state, outside.broker, self.oms, clock, self.bus, self.tasks)
        settings = GateSettings(outside.profile.mode, outside.profile.account)
        self.gate = Gate(settings, outside.confirmer, self.journal, clock, self.tasks)
        self.keys = Keys(self.state, self.intents, store)
        self.entry = OrderEntry(
            self.state,
            self.gatherer,
            self.throttle,
            self.gate,
            self.intents,
            self.keys,
            self.sending,
            self.journal,
        )
        self.exits = Exits(
            self.state, outside.broker, self.oms, self.sending, self.journal, clock, self.desk_actor
        )
        self.unsettled = Unsettled(
            self.state,
            outside.broker,
            self.oms,
            self.sending,
            SendingAgain(self.state, self.gatherer, self.throttle, self.gate, store, self.journal),
            clock,
            self.bus,
            self.tasks,
        )
        means = Means(clock, self.bus, self.tasks, outside.rng)
        lookups = LookUps(self.state, outside.broker, self.oms, self.unsettled, self.bus)
        self.reconciler = Reconciler(
            self.state, outside.broker, self.oms, lookups, store, self.journal, self.desk_actor, means
        )
        self.following = Following(self.state, outside.feed, self.bus)
        self.links = Links(
            self.state,
            outside.broker,
            outside.feed,
            self.oms,
            self.reconciler,
            self.unsettled,
            self.following,
            means,
        )
        self.risk_desk = RiskDesk(
            self.state,
            self.gatherer,
            self.throttle,
            outside.feed,
            store,
            self.journal,
            means,
            self.desk_actor,
        )
        self.portfolio = PortfolioDesk(
            self.state, self.throttle, outside.feed, store, self.journal, self.desk_actor, means
        )
        self.safeguards = safeguards(self, means, count)
        self.protection = Protection(self.state, self.bus)
        self.kill = kill_switch(self, means)
        self.rounds = Rounds(
            self.state,
            outside.feed,
            self.links,
            self.following,
            self.reconciler,
            InFlight(self.state, lookups, clock),
            self.valuation,
            means,
        )
        self.glance = Glance(
            self.state, outside.profile, self.latch, self.links, self.valuation, clock, self.bus
        )
        self._make_readers(means)
        self.locking = Locking(self.state, store, self.journal, outside.profile, outside.unlock)
        self.desk = self.locking.desk
        self.backups = BackupRoom(outside.backups, outside.profile.name, self.journal, self.desk_actor, means)
        self._hook()
        self.proposals = proposals_of(self)
        route_commands(self)

    def _make_readers(self, means: Means) -> None:
        outside, anchoring = self.outside, self.outside.anchoring
        self.clerk = Clerk(self.state, outside.store, self.journal, outside.feed, self.gate, self.bus)
        self.backups = BackupRoom(outside.backups, outside.profile.name, self.journal, self.desk_actor, means)
        self.scanner = Scanner(self.state, outside.snapshots or QuotedSnapshots(self.state))
        reading = None if anchoring is None else anchoring.reading()
        store, clock, self.way = outside.store, outside.clock, RightOfWay()
        self.anchorer = None if anchoring is None else anchoring.writing(store, clock, self.bus)
        self.audit_watch = AuditWatch(
            Verifier(store, reading, archives_of(store.path), self.way),
            self.links.show,
            clock,
            self.bus,
            tuple if self.anchorer is None else self.anchorer.shown,
        )

    @property
    def valuation(self) -> Valuation:
        """What everything is worth now."""
        return self.portfolio.valuation

    def _hook(self) -> None:
        outside = self.outside
        self.measuring = Measuring(self.state, self.links, outside.clock, self.bus)
        self.desk.way = self.way
        self.measuring.registry.add(self.journal.appends, *outside.store.instruments)
        self.measuring.registry.add(*anchor_numbers(self.anchorer), *self.backups.instruments)
        self.entry.writing, self.desk.on_refused = self.measuring.writing, self.measuring.refused
        self.bus.subscribe(m.FillBooked, lambda event: self.state.traded.note(event.fill))
        self.safeguards.join(self.desk)
        self.sending.on_error = self.links.met
        self.oms.patience.on_turned = self.links.show
        enrolment = Enrolment(
            outside.broker, outside.store, self.journal, outside.profile.mode, self.desk_actor
        )
        self.links.on_connected = enrolment.check
        LinkRecord(self.journal, self.desk_actor, self.bus, self.tasks)
        self.clerk.on_lists, self.clerk.on_looked = self.following.listed, self.following.look

    async def start(self) -> None:
        """Recover, then connect: the same code after a clean end and after a crash.

        Raises:
            StorageError: the book cannot be read or written; nothing was sent.
        """
        outside = self.outside
        head = await outside.store.read(lambda reader: reader.audit_head())
        if head.seq == 0:
            signed_by = "" if outside.anchoring is None else outside.anchoring.public_key
            genesis = ledger.genesis(
                outside.store.installation_id, outside.store.created_at_us, self.desk_actor, signed_by
            )
            await self.journal.record(genesis)
        facts = {"profile": outside.profile.name, "mode": outside.profile.mode.value}
        await self.journal.record(
            AuditDraft(AuditAction.PROGRAM_STARTED, self.desk_actor, outside.profile.name, payload_of(facts))
        )
        await self.journal.fold_emergency(outside.session)
        self.latch.restore(await outside.store.read(lambda reader: reader.trading_state()))
        self.measuring.breakers.restore(await outside.store.read(lambda reader: reader.breakers()))
        await self.risk_desk.load()
        await self.reconciler.load()
        BrokerWitness(self.state.orders, self.bus)
        await self.keys.load()
        await recall(outside.store, self.oms.tally, self.valuation, self.state.traded)
        await self.safeguards.restore()
        await self.proposals.restore()
        await self._restore_settings()
        self.following.listed(await outside.store.read(lambda reader: reader.watchlists()))
        self.links.show(m.Part.DATABASE, m.LinkState.UP)
        self.links.show(m.Part.AUDIT, m.LinkState.UP)
        self.tasks.spawn(self.links.run_feed(), "feed")
        self.tasks.spawn(self.links.run_orders(), "orders")
        for name, work in self.rounds.works:
            self.tasks.spawn(work(), name)
        self.risk_desk.begin()
        self.safeguards.begin()
        self.portfolio.begin()
        self.tasks.spawn(self.proposals.run(), "proposals")
        self.tasks.spawn(self.audit_watch.run(), "verify")
        self.tasks.spawn(self.backups.run(), "backup")
        self.tasks.spawn(self.measuring.run(), "loop lag")
        if self.anchorer is not None:
            self.tasks.spawn(self.anchorer.run(), "anchors")

    async def _restore_settings(self) -> None:
        store = self.outside.store
        settings = await store.read(lambda reader: reader.settings())
        self.locking.restore(settings)
        self.gate.settings.always = settings.get("confirm_always") == "true"
        self.gate.settings.phrase_is_due = settings.get(PHRASE_TYPED) != "true"
        self.protection.is_wanted = settings.get("want_stops") != "false"
        today = self.outside.clock.now().date()
        orders = await store.read(lambda reader: reader.recent_orders(self.state.limits.per_day))
        made = [order for order in orders if order.created_at.date() == today and not order.external]
        self.throttle.restore_today(len(made), sum(order.origin is Origin.AGENT for order in made))
        self.gatherer.automation.restore(orders)

    async def stop(self) -> None:
        """End the streams and note the end; working orders stay as they are."""
        await self.tasks.close()
        await self.outside.feed.close()
        await self.outside.broker.close()
        draft = AuditDraft(AuditAction.PROGRAM_STOPPED, self.desk_actor, self.outside.profile.name)
        await self.journal.record_anyway(draft)
        if self.anchorer is not None:
            await self.anchorer.anchor()

    def _on_task_failure(self, name: str, error: BaseException) -> None:
        self.bus.publish(m.Notice(m.Severity.ALARM, f"{name}: {error}", f"task:{name}"))


def safeguards(core: Core, means: Means, count: OrderCount) -> Safeguards:
    """Put the breakers of a core together, and what ends orders that turn up again."""
    Sightings(core.oms, core.exits, core.journal, means)
    watched = Watched(
        core.outside.broker,
        count,
        core.latch,
        core.oms,
        core.intents,
        core.exits,
        core.unsettled,
        core.reconciler,
        core.links,
        core.sending,
    )
    return Safeguards(core.state, watched, core.outside.store, core.journal, core.desk_actor, means)


def kill_switch(core: Core, means: Means) -> KillSwitch:
    """Put the kill switch of a core together."""
    state, broker, oms = core.state, core.outside.broker, core.oms
    closer = Closer(
        state, core.gatherer, core.throttle, core.intents, core.sending, oms, core.outside.ids, means
    )
    sweeper = Sweeper(state, broker, oms, means)
    flattening = Flattening(state, broker, closer, means)
    return KillSwitch(state, oms, core.latch, core.journal, sweeper, flattening, means)


def proposals_of(core: Core) -> Proposals:
    """Put the room together that takes proposals, and what a person decides on them."""
    path = OrderPath(core.state, core.gatherer, core.throttle, core.entry, core.keys)
    outside = core.outside
    return Proposals(path, outside.store, core.journal, outside.clock, core.bus, outside.ids)


def profile_facts(
    name: str,
    user: str,
    role: str,
    *,
    temporary: bool,
    venue: tuple[Mode, str, str] = (Mode.SIM, "simulator", "Practice account"),
) -> m.ProfileFacts:
    """Describe a profile; the venue is mode, broker and account, if it is not the embedded exchange."""
    mode, broker, account = venue
    return m.ProfileFacts(name, mode, broker, user, role, temporary, account)
