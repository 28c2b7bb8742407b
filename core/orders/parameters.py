"""The risk parameters of a profile: changed by an administrator, kept with their history over restarts."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import structlog

from core.bus import Bus
from core.clock import Clock
from core.domain.access import Actor
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.messages import LoadRisk, Notice, RiskParametersChanged, SetRiskParameters, Severity
from core.domain.parameters import ParameterChange, RiskView, Scope
from core.errors import DatabaseDamaged, StorageError
from core.orders.gather import LiveState
from core.orders.targets import Targets
from core.ports.journal import Journal, Record
from core.ports.storage import Store, UnitOfWork
from core.risk.parameters import COOL_OFF_S, Key, Parameters, decide, first_changes, fold, in_force, key_of
from core.tasks import Tasks

CHECK_EVERY_S = 1.0
RETRY_AFTER_S = 10.0
_MOST_SHOWN = 500

_log = structlog.get_logger("orders")


class RiskParameters:
    """Answers `LoadRisk` and `SetRiskParameters`. Runs on the core loop.

    The wait of what loosens is counted on the monotonic clock, and begins anew with each start: neither a
    turned clock nor a restart shortens it.

    Args:
        state: whose limits these are; written here alone, both in one step.
        store: where the changes are.
        journal: the way to write.
        clock: for the wait, and for the record.
        bus: told of each change.
        tasks: see a write through although whoever asked has gone.
        targets: the profile of risk that is shown with them.
        desk: who puts in force what has waited.
    """

    def __init__(
        self,
        state: LiveState,
        store: Store,
        journal: Journal,
        clock: Clock,
        bus: Bus,
        tasks: Tasks,
        targets: Targets,
        desk: Actor,
    ) -> None:
        self._state = state
        self._store = store
        self._journal = journal
        self._clock = clock
        self._bus = bus
        self._tasks = tasks
        self._targets = targets
        self._desk = desk
        self._parameters = Parameters(state.limits)
        self._changes: list[ParameterChange] = []
        self._due: dict[Key, float] = {}
        self._retry_at = 0.0
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Begin with what is stored; what nothing is stored of begins with the profile's first values.

        Raises:
            StorageError: the changes cannot be read, or the first values not be stored.
        """
        changes = await self._store.read(lambda reader: reader.parameter_changes())
        try:
            self._parameters = fold(self._parameters, changes)
        except ValueError as error:
            raise DatabaseDamaged(f"a risk parameter cannot be read: {error}") from error
        self._changes = list(changes)
        first = first_changes(self._parameters, map(key_of, changes), self._clock.now())
        if first:
            values = {
                scope.value: {each.name: each.after for each in first if each.scope is scope}
                for scope in Scope
            }
            draft = AuditDraft(
                AuditAction.RISK_PARAMETER_CHANGED, self._desk, "first values", payload_of(values)
            )
            await self._store_changes(first, (draft,))
        self._take(())
        await self._targets.load()

    async def look(self, command: LoadRisk, actor: Actor) -> RiskView:
        """Answer with what is in force, what waits, and how it came to be."""
        del command, actor
        return self._view()

    async def change(self, command: SetRiskParameters, actor: Actor) -> RiskView:
        """Change parameters, all of them or none; what loosens waits.

        Raises:
            Refused: `REASON_MISSING`, or `MALFORMED` with the field.
            StorageError: nothing was changed.
        """
        await self._tasks.see_through(self._carry_out(command, actor), "risk parameters")
        return self._view()

    async def _carry_out(self, command: SetRiskParameters, actor: Actor) -> None:
        async with self._lock:
            now = self._clock.now()
            changes = decide(self._parameters, command.edits, command.reason, actor, now)
            if not changes:
                return
            await self._store_changes(changes, tuple(_draft(each, actor) for each in changes))
            self._take(changes)

    async def run(self) -> None:
        """Put in force what has waited, again and again."""
        while True:
            await self._clock.sleep(CHECK_EVERY_S)
            if self._due:
                await self._tasks.see_through(self._end_waits(), "risk parameters")

    async def _end_waits(self) -> None:
        async with self._lock:
            steady = self._clock.monotonic()
            due = [each for each in self._parameters.waiting if self._due[key_of(each)] <= steady]
            if not due or steady < self._retry_at:
                return
            changes = in_force(due, self._clock.now())
            try:
                await self._store_changes(changes, tuple(_draft(each, self._desk) for each in changes))
            except StorageError as error:
                # What loosens holds only once it is written.
                self._retry_at = steady + RETRY_AFTER_S
                text = f"A change of risk parameters waits on, for it could not be written: {error}"
                self._bus.publish(Notice(Severity.WARNING, text, "risk_parameters"))
                return
            self._take(changes)

    async def _store_changes(
        self, changes: tuple[ParameterChange, ...], drafts: tuple[AuditDraft, ...]
    ) -> None:
        def work(uow: UnitOfWork, record: Record) -> None:
            for change in changes:
                uow.insert_parameter_change(change)
            for draft in drafts:
                record(draft)

        await self._journal.write(work)
        self._changes.extend(changes)

    def _take(self, changes: tuple[ParameterChange, ...]) -> None:
        self._parameters = fold(self._parameters, changes)
        anew = {key_of(each) for each in changes}
        end = self._clock.monotonic() + COOL_OFF_S
        waiting = [key_of(each) for each in self._parameters.waiting]
        self._due = {key: end if key in anew else self._due.get(key, end) for key in waiting}
        self._state.limits = self._parameters.everybody
        self._state.agent_limits = self._parameters.agent_limits
        if changes:
            view = self._view()
            self._bus.publish(RiskParametersChanged(view.limits, view.agent_limits, view.pending))
            for each in changes:
                _log.info("risk_parameter.changed", name=each.name, scope=each.scope.value, value=each.after)

    def _view(self) -> RiskView:
        now, steady = self._clock.now(), self._clock.monotonic()
        pending = tuple(
            replace(each, effective_at=now + timedelta(seconds=max(0.0, self._due[key_of(each)] - steady)))
            for each in self._parameters.waiting
        )
        shown = [each for each in reversed(self._changes) if each.before]
        return RiskView(
            limits=self._parameters.everybody,
            agent_own=self._parameters.agent,
            agent_limits=self._parameters.agent_limits,
            pending=pending,
            history=tuple(shown[:_MOST_SHOWN]),
            target=self._targets.target,
        )


def _draft(change: ParameterChange, actor: Actor) -> AuditDraft:
    waits = change.effective_at > change.decided_at
    facts = {
        "scope": change.scope.value,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "author": change.author,
        "reason": change.reason,
        "waits": waits,
        "effective_at": change.effective_at.isoformat(),
    }
    what = f"{change.scope.value} {change.name}"
    return AuditDraft(AuditAction.RISK_PARAMETER_CHANGED, actor, what, payload_of(facts))
