"""The kill switch: halt, end all of our orders, and where it is asked for close every position.

Nothing here waits for the database: what it does not take at once goes to the emergency file.
"""

import asyncio
from collections.abc import Coroutine

import structlog

from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import KillProgressed, KillReport, KillStage, KillTrading
from core.errors import Refused, StorageError
from core.ids import ClOrdId
from core.orders.flatten import Flattening
from core.orders.gather import LiveState
from core.orders.oms import OrderManagement
from core.orders.progress import Progress
from core.orders.supervision import Means
from core.orders.sweep import Sweeper, asks_for_end
from core.orders.trading_state import Change, TradingStateLatch
from core.orders.within import Patiently
from core.ports.journal import Journal

# What the broker has not confirmed by then is named.
DEADLINE_S = 30.0
# How long the database may take for a record before the emergency file gets it.
RECORD_S = 1.0
POLL_S = 0.5

_log = structlog.get_logger("kill")


class KillSwitch:
    """Carries out `KillTrading`. Runs on the core loop."""

    def __init__(
        self,
        state: LiveState,
        oms: OrderManagement,
        latch: TradingStateLatch,
        journal: Journal,
        sweeper: Sweeper,
        flattening: Flattening,
        means: Means,
    ) -> None:
        self._state = state
        self._oms = oms
        self._latch = latch
        self._journal = journal
        self._sweeper = sweeper
        self._flattening = flattening
        self._clock = means.clock
        self._bus = means.bus
        self._tasks = means.tasks
        self._patiently = Patiently(means.clock, means.tasks)
        self._using = asyncio.Lock()

    async def kill(self, command: KillTrading, actor: Actor) -> KillReport:
        """Halt at once; then cancel, and flatten where it is asked for, until the broker has confirmed it.

        Returns:
            What is proven, and by name what is not.
        """
        change = self._latch.halt_at_once(command.reason, actor)
        _log.info("kill.pulled", reason=command.reason, flatten=command.flatten, user=actor.user)
        progress = Progress()
        recording = self._tasks.spawn(self._record_halt(change, progress), "halt record")
        # Whoever pulled it may go away; it is seen through. A second use waits, and then looks anew.
        work = self._carry_out(progress, command, actor, recording)
        return await asyncio.shield(self._tasks.spawn(work, "kill"))

    async def _carry_out(
        self, progress: Progress, command: KillTrading, actor: Actor, recording: "asyncio.Task[None]"
    ) -> KillReport:
        async with self._using:
            await self._cancel(progress, actor)
            if command.flatten:
                progress.stage = KillStage.FLATTENING
                await self._flattening.close_all(progress, actor, lambda: self._show(progress))
            await asyncio.wait({recording})
            progress.stage = KillStage.DONE
            report = self._show(progress)
            _log.info("kill.done", confirmed=report.confirmed, total=report.total, proven=report.is_proven)
            return report

    def _show(self, progress: Progress) -> KillReport:
        report = progress.report()
        self._bus.publish(KillProgressed(report))
        return report

    async def _cancel(self, progress: Progress, actor: Actor) -> None:
        deadline = self._clock.monotonic() + DEADLINE_S
        sweep = await self._sweeper.begin(progress, deadline)
        self._tasks.spawn(self._record_cancels(tuple(sweep.targets), actor), "cancel record")
        while not await self._sweeper.go_on(sweep) and self._clock.monotonic() < deadline:
            self._show(progress)
            await self._clock.sleep(POLL_S)

    async def _record_halt(self, change: Change, progress: Progress) -> None:
        progress.recorded = await self._is_taken(self._store(change), "halt")
        if not progress.recorded:
            self._journal.note(change.draft)

    async def _is_taken(self, work: Coroutine[object, object, bool], name: str) -> bool:
        return await self._patiently.until(self._clock.monotonic() + RECORD_S, work, name) is True

    async def _store(self, change: Change) -> bool:
        try:
            await self._latch.store(change)
        except StorageError as error:
            _log.error("kill.unwritable", reason=str(error))
            return False
        return True

    async def _record_cancels(self, asked: tuple[ClOrdId, ...], actor: Actor) -> None:
        if not asked or await self._is_taken(self._store_cancels(asked, actor), "cancels"):
            return
        facts = payload_of({"cl_ord_ids": sorted(asked)})
        self._journal.note(
            AuditDraft(AuditAction.CANCEL_REQUESTED, actor, f"all {len(asked)} orders of ours", facts)
        )

    async def _store_cancels(self, asked: tuple[ClOrdId, ...], actor: Actor) -> bool:
        for cl_ord_id in asked:
            order = self._state.orders.get(cl_ord_id)
            if order is None:
                continue
            draft = self._oms.draft(AuditAction.CANCEL_REQUESTED, order, {"kill": True}, actor)
            try:
                await self._oms.change(cl_ord_id, asks_for_end, [draft])
            except (StorageError, Refused) as error:
                _log.error("kill.unwritable", cl_ord_id=cl_ord_id, reason=str(error))
                return False
        return True
