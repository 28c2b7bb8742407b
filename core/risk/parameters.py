"""Which risk parameters hold, and how a change of them comes about: pure, folded from the changes.

What tightens holds at once. What loosens waits (C7): its change has an `effective_at` after its `decided_at`,
and is a wish only; a second change, written once the wait is over, puts it in force. So a start that folds
the same changes finds the same limits, whatever the clock on the wall says by then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, assert_never

from core.domain.access import Actor
from core.domain.limit_kinds import AGENTS, KINDS, LimitKind, Looser, Value, contradiction, read, written
from core.domain.limits import AGENT_LIMITS, Limits
from core.domain.parameters import ParameterChange, ParameterEdit, Scope
from core.errors import RefusalCode, Refused

COOL_OFF_S = 60.0
LONGEST_REASON = 500
FIRST_VALUE = "first value"

Key = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What holds now, and what waits.

    Attributes:
        everybody: what everybody is held against.
        agent: the agent's own values; those that it has none of are not looked at.
        waiting: changes that loosen, the first decided first; one a parameter.
    """

    everybody: Limits
    agent: Limits = AGENT_LIMITS
    waiting: tuple[ParameterChange, ...] = ()

    @property
    def agent_limits(self) -> Limits:
        """What the agent is held against."""
        return tightest(self.everybody, self.agent)

    def of(self, scope: Scope) -> Limits:
        """Return the values of one scope."""
        return self.everybody if scope is Scope.ALL else self.agent


def key_of(change: ParameterChange | ParameterEdit) -> Key:
    """Return what a change is of; a newer one of the same takes the place of one that waits."""
    return change.scope, change.name


def tightest(everybody: Limits, agent: Limits) -> Limits:
    """Take of both the tighter, parameter by parameter; everybody's where the agent has none of its own."""
    mine = {name: _tighter(KINDS[name], getattr(everybody, name), getattr(agent, name)) for name in AGENTS}
    return replace(everybody, **mine)


def _tighter(kind: LimitKind, one: Any, other: Any) -> Any:  # noqa: ANN401 - of the field's type
    # Of two lists neither need be the tighter: what both allow is.
    if kind.looser is Looser.MORE_SYMBOLS and one is not None and other is not None:
        return one & other
    return other if is_looser(kind, one, other) else one


def is_looser(kind: LimitKind, one: Any, other: Any) -> bool:  # noqa: ANN401 - of the field's type
    """Say whether one value lets anything through that the other does not."""
    match kind.looser:
        case Looser.HIGHER:
            return bool(one > other)
        case Looser.LOWER:
            return bool(one < other)
        case Looser.ON:
            return one and not other
        case Looser.OFF:
            return other and not one
        case Looser.FEWER_SYMBOLS:
            return not one >= other
        case Looser.MORE_SYMBOLS:
            return other is not None and (one is None or not one <= other)
        case _:
            assert_never(kind.looser)


def fold(parameters: Parameters, changes: Iterable[ParameterChange]) -> Parameters:
    """Let changes follow one another, oldest first. Those of a parameter that is no more are passed over.

    Raises:
        ValueError: a change has a value that cannot be read; it names the parameter.
    """
    for change in changes:
        parameters = _after(parameters, change)
    return parameters


def _after(parameters: Parameters, change: ParameterChange) -> Parameters:
    kind = KINDS.get(change.name)
    if kind is None or (change.scope is Scope.AGENT and not kind.agent):
        return parameters
    others = tuple(each for each in parameters.waiting if key_of(each) != key_of(change))
    if change.effective_at > change.decided_at:
        return replace(parameters, waiting=(*others, change))
    try:
        value = read(kind, change.after, bounded=False)
    except ValueError as error:
        raise ValueError(f"{change.scope.value} {change.name}: {error}") from error
    named: dict[str, Any] = {change.name: value}
    limits = replace(parameters.of(change.scope), **named)
    if change.scope is Scope.ALL:
        return replace(parameters, everybody=limits, waiting=others)
    return replace(parameters, agent=limits, waiting=others)


def first_changes(parameters: Parameters, known: Iterable[Key], now: datetime) -> tuple[ParameterChange, ...]:
    """Write down the values that nothing is stored of yet, so that from now on the book alone counts."""
    stored = frozenset(known)
    wanted = [(Scope.ALL, name) for name in KINDS] + [(Scope.AGENT, name) for name in KINDS if name in AGENTS]
    missing = [key for key in wanted if key not in stored]
    return tuple(
        ParameterChange(
            scope=scope,
            name=name,
            before="",
            after=written(getattr(parameters.of(scope), name)),
            author="desk",
            role="admin",
            reason=FIRST_VALUE,
            decided_at=now,
            effective_at=now,
        )
        for scope, name in missing
    )


def in_force(waiting: Iterable[ParameterChange], now: datetime) -> tuple[ParameterChange, ...]:
    """Make of changes whose wait is over those that put them in force."""
    return tuple(replace(each, decided_at=now, effective_at=now) for each in waiting)


def decide(
    parameters: Parameters, edits: tuple[ParameterEdit, ...], reason: str, actor: Actor, now: datetime
) -> tuple[ParameterChange, ...]:
    """Make changes of edits, all of them or none; an edit that changes nothing makes none.

    One that gives a parameter the value it has takes back what waits for it.

    Raises:
        Refused: `REASON_MISSING`, or `MALFORMED` with the field: no such parameter, no such value, twice
            the same, or two parameters that contradict one another, now or once what waits is in force.
    """
    words = reason_of(reason)
    if not edits:
        raise malformed("edits", "Expected a parameter to change, found none.")
    waiting = {key_of(each) for each in parameters.waiting}
    changes: dict[Key, ParameterChange] = {}
    seen: set[Key] = set()
    for edit in edits:
        if key_of(edit) in seen:
            raise malformed(edit.name, f"{edit.name} stands there twice.", edit.scope)
        seen.add(key_of(edit))
        kind, value = _value(edit)
        before = getattr(parameters.of(edit.scope), edit.name)
        if value == before and key_of(edit) not in waiting:
            continue
        wait_s = COOL_OFF_S if is_looser(kind, value, before) else 0.0
        changes[key_of(edit)] = ParameterChange(
            scope=edit.scope,
            name=edit.name,
            before=written(before),
            after=written(value),
            author=actor.user,
            role=actor.role,
            reason=words,
            decided_at=now,
            effective_at=now + timedelta(seconds=wait_s),
        )
    _refuse_contradiction(fold(parameters, changes.values()), changes)
    return tuple(changes.values())


def reason_of(reason: str) -> str:
    """Return a reason as one line for the record.

    Raises:
        Refused: `REASON_MISSING`, or `MALFORMED` if it is too long.
    """
    words = "".join(each if each.isprintable() else " " for each in reason).strip()
    if not words:
        text = "Changing what limits risk needs a reason; it is kept in the record."
        raise Refused(RefusalCode.REASON_MISSING, text, {"field": "reason"})
    if len(words) > LONGEST_REASON:
        raise malformed("reason", f"A reason has at most {LONGEST_REASON} characters.")
    return words


def malformed(field: str, words: str, scope: Scope | None = None) -> Refused:
    """Return the refusal of a value, with the field that it stands in."""
    details = {"field": field} if scope is None else {"field": field, "scope": scope.value}
    return Refused(RefusalCode.MALFORMED, words, details)


def _value(edit: ParameterEdit) -> tuple[LimitKind, Value]:
    kind = KINDS.get(edit.name)
    if kind is None:
        raise malformed(edit.name, f"There is no risk parameter {edit.name!r}.", edit.scope)
    if edit.scope is Scope.AGENT and not kind.agent:
        text = f"The agent has no {edit.name} of its own; everybody's holds for it too."
        raise malformed(edit.name, text, edit.scope)
    try:
        return kind, read(kind, edit.value)
    except ValueError as error:
        raise malformed(edit.name, f"{edit.name}: {error}.", edit.scope) from error


def _refuse_contradiction(parameters: Parameters, changes: Mapping[Key, ParameterChange]) -> None:
    # What was decided together takes effect together; so these are all the states that there will be.
    states = [parameters]
    for moment, group in groupby(parameters.waiting, key=lambda each: each.decided_at):
        states.append(fold(states[-1], in_force(group, moment)))
    for state in states:
        for scope, names in ((Scope.ALL, frozenset(KINDS)), (Scope.AGENT, AGENTS)):
            clash = contradiction(state.of(scope), names)
            if clash is not None:
                raise _contradicts(state.of(scope), scope, clash, changes)


def _contradicts(
    limits: Limits, scope: Scope, clash: tuple[str, str], changes: Mapping[Key, ParameterChange]
) -> Refused:
    low, high = clash
    field = next((name for name in clash if (scope, name) in changes), low)
    if low == "allowed":
        both = sorted(limits.restricted & (limits.allowed or frozenset()))
        return malformed(field, f"{', '.join(both)}: allowed, and restricted as well.", scope)
    values = (
        f"{low} would be {written(getattr(limits, low))}, above {high} of {written(getattr(limits, high))}"
    )
    return malformed(field, f"{values}. Change both at once.", scope)
