"""Names who carries out each command, and answers those that are about the whole core."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from core.audit.browse import load_audit
from core.domain import messages as m
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft
from core.domain.records import AuditQuery, Watchlist
from core.errors import RefusalCode, Refused
from core.orders.lock_out import LockOuts

if TYPE_CHECKING:
    from app.wiring import Core


class Answers:
    """What no one room of a core can answer."""

    def __init__(self, core: "Core") -> None:
        self._core = core

    async def snapshot(self, command: m.LoadSnapshot, actor: Actor) -> m.Snapshot:
        """Collect everything at one moment."""
        del command, actor
        store, state = self._core.outside.store, self._core.state
        fills = await store.read(lambda reader: reader.fills(limit=500))
        lists = await store.read(lambda reader: reader.watchlists())
        settings = await store.read(lambda reader: reader.settings())
        audit = await store.read(lambda reader: reader.audit_page(AuditQuery(limit=200)))
        positions = state.positions.all()
        marks = tuple(
            mark for each in positions if (mark := self._core.valuation.mark_of(each.symbol)) is not None
        )
        return m.Snapshot(
            profile=self._core.locking.profile,
            instruments=tuple(state.instruments.values()),
            watchlists=lists or (Watchlist("Main", self._core.following.usual()),),
            settings=settings,
            orders=state.orders.recent(),
            fills=fills,
            positions=positions,
            quotes=state.quotes.all(),
            marks=marks,
            account=self._core.valuation.account_mark(),
            trading_state=self._core.latch.record,
            session=state.session or self._core.outside.feed.session(),
            links=dict(self._core.links.states),
            audit=audit,
            confirm_always=self._core.gate.settings.always,
            reconciliation=self._core.reconciler.last_run,
        )

    async def load_audit(self, command: m.LoadAudit, actor: Actor) -> m.AuditPage:
        """Search the record."""
        del actor
        return await load_audit(self._core.outside.store, command)

    async def keep(self, command: m.KeepProfile, actor: Actor) -> Path:
        """Make the demo a profile that stays."""
        if self._core.outside.keep is None:
            raise Refused(RefusalCode.NOT_PERMITTED, "Only the simulator's demo can be kept as a profile.")
        # Deriving a key from a passphrase takes long on purpose.
        folder = await asyncio.to_thread(self._core.outside.keep, command)
        await self._core.journal.record(AuditDraft(AuditAction.PROFILE_KEPT, actor, command.name))
        return folder


def route_commands(core: "Core") -> None:
    """Name who carries out each command."""
    for room in (core.risk_desk, core.proposals, core.backups):
        room.join(core.desk)
    _route_trading(core)
    _route_looking(core)


def _route_trading(core: "Core") -> None:
    route = core.desk.route
    route(m.PreviewOrder, core.entry.preview)
    route(m.SubmitOrder, core.entry.submit)
    route(m.ReplaceOrder, core.entry.replace)
    route(m.ClosePosition, core.entry.close)
    route(m.CancelOrder, core.exits.cancel)
    route(m.CancelOrders, core.exits.cancel_all)
    route(m.CheckOrder, core.unsettled.check)
    route(m.ResendOrder, core.unsettled.resend)
    route(m.GiveUpOrder, core.unsettled.give_up)
    route(m.Reconnect, core.links.reconnect)
    route(m.Reconcile, core.reconciler.now)
    route(m.HaltTrading, core.latch.halt)
    route(m.KillTrading, core.kill.kill)
    route(m.ResumeTrading, core.latch.resume)
    route(m.SetConfirmAlways, core.clerk.set_confirm_always)


def _route_looking(core: "Core") -> None:
    answers, lock_outs = Answers(core), LockOuts(core.outside.store, core.journal)
    route = core.desk.route
    route(m.LoadSnapshot, answers.snapshot)
    route(m.LoadLive, core.glance.look)
    route(m.LoadMetrics, core.measuring.load)
    route(m.LoadLockOut, lock_outs.load)
    route(m.NoteLockOut, lock_outs.note)
    route(m.LoadBars, core.clerk.bars)
    route(m.ScanMovers, core.scanner.scan)
    route(m.LoadFills, core.clerk.fills)
    route(m.LoadExternal, core.clerk.external)
    route(m.FollowAudit, core.clerk.follow_audit)
    route(m.LoadAudit, answers.load_audit)
    route(m.VerifyAudit, core.audit_watch.verify)
    route(m.ExplainPosition, core.portfolio.explain_position)
    route(m.ExplainOrder, core.clerk.explain_order)
    route(m.LoadPortfolio, core.portfolio.load)
    route(m.ExplainFigure, core.portfolio.explain)
    route(m.SaveWatchlist, core.clerk.save_watchlist)
    route(m.RemoveWatchlist, core.clerk.remove_watchlist)
    route(m.ImportWatchlist, core.clerk.import_watchlist)
    route(m.SaveSetting, core.clerk.save_setting)
    route(m.KeepProfile, answers.keep)
