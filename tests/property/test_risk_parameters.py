"""No edits, waits and starts, in any order, free the agent or anybody before the time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.access import Actor, Origin
from core.domain.limit_kinds import AGENTS, KINDS, LimitKind, Looser, contradiction, written
from core.domain.limits import Limits
from core.domain.parameters import ParameterChange, ParameterEdit, Scope
from core.errors import Refused
from core.risk.parameters import COOL_OFF_S, Parameters, decide, fold, in_force, is_looser, key_of

KIM = Actor("kim", "admin", Origin.WINDOW, "s")
START = datetime(2026, 1, 5, tzinfo=UTC)
FIRST = Parameters(Limits())


def texts(kind: LimitKind) -> st.SearchStrategy[str]:
    if kind.looser in (Looser.ON, Looser.OFF):
        return st.sampled_from(["true", "false", "maybe"])
    if kind.looser in (Looser.FEWER_SYMBOLS, Looser.MORE_SYMBOLS):
        return st.sampled_from(["-", "*", "A", "A B", "B C", "A,B,C"])
    usual = {written(getattr(FIRST.of(scope), kind.name)) for scope in Scope}
    return st.sampled_from([*usual, "0.5", "1", "2", "3", "7", "20", "60", "90", "-1", "1e308", "NaN"])


EDIT = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: st.builds(ParameterEdit, st.sampled_from(Scope), st.just(name), texts(KINDS[name]))
)
STEP = st.one_of(
    st.lists(EDIT, min_size=1, max_size=3).map(tuple),
    st.floats(0.5, COOL_OFF_S, allow_nan=False),
    st.just("restart"),
)


@dataclass
class Model:
    """The rule of the desk in a few lines: a wait is counted from the decision, and from each start."""

    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.changes: list[ParameterChange] = []
        self.parameters = FIRST
        self.began: dict[object, float] = {}

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_s)

    def take(self, changes: tuple[ParameterChange, ...]) -> None:
        self.changes += changes
        self.parameters = fold(self.parameters, changes)
        for change in changes:
            self.began[key_of(change)] = self.now_s

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        due = [
            each for each in self.parameters.waiting if self.now_s - self.began[key_of(each)] >= COOL_OFF_S
        ]
        self.take(in_force(due, self.now))

    def restart(self) -> None:
        before = self.parameters
        self.parameters = fold(FIRST, self.changes)
        assert self.parameters == before
        self.began = {key_of(each): self.now_s for each in self.parameters.waiting}


@settings(max_examples=300)
@given(st.lists(STEP, max_size=25))
def test_nothing_loosens_before_its_time_and_the_agent_is_never_freer(steps: list[object]) -> None:
    model = Model()
    decided: dict[tuple[Scope, str, str], float] = {}
    for step in steps:
        before = model.parameters
        if step == "restart":
            model.restart()
            for each in model.parameters.waiting:
                decided[(*key_of(each), each.after)] = model.now_s
        elif isinstance(step, float):
            model.pass_time(step)
        else:
            try:
                changes = decide(model.parameters, step, "because", KIM, model.now)
            except Refused:
                changes = ()
            model.take(changes)
            for each in changes:
                decided[(*key_of(each), each.after)] = model.now_s
        hold(model, before, decided)


def hold(model: Model, before: Parameters, decided: dict[tuple[Scope, str, str], float]) -> None:
    after = model.parameters
    for scope, names in ((Scope.ALL, KINDS.keys()), (Scope.AGENT, AGENTS)):
        assert contradiction(after.of(scope), frozenset(names)) is None
        for name in names:
            old, new = getattr(before.of(scope), name), getattr(after.of(scope), name)
            if is_looser(KINDS[name], new, old):
                assert model.now_s - decided[scope, name, written(new)] >= COOL_OFF_S
    for name, kind in KINDS.items():
        assert not is_looser(kind, getattr(after.agent_limits, name), getattr(after.everybody, name))


@given(st.lists(EDIT, min_size=1, max_size=4).map(tuple))
def test_a_set_of_edits_is_taken_whole_or_not_at_all(edits: tuple[ParameterEdit, ...]) -> None:
    try:
        changes, field = decide(FIRST, edits, "because", KIM, START), ""
    except Refused as refusal:
        changes, field = (), refusal.details["field"]
    if field:
        assert field in {each.name for each in edits}
        return

    after = fold(fold(FIRST, changes), in_force(fold(FIRST, changes).waiting, START))
    for each in edits:
        assert written(getattr(after.of(each.scope), each.name)) == _spelled(each)


def _spelled(edit: ParameterEdit) -> str:
    text = edit.value.replace(",", " ")
    return text if KINDS[edit.name].most == 0 else written(type(getattr(Limits(), edit.name))(text))
