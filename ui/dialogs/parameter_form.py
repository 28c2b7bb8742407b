"""Fields for every risk parameter, for everybody and for the agent, and for the axes of the target."""

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QScrollArea, QSizePolicy, QWidget

from core.domain.limit_kinds import AGENTS, written
from core.domain.limits import Limits
from core.domain.parameters import ParameterEdit, RadarAxis, Scope, TargetProfile
from ui.models.columns import Ink
from ui.panels import parameter_words as words
from ui.panels.risk_radar import AXES
from ui.theme.fonts import SEMIBOLD, font
from ui.widgets.labels import Text
from ui.widgets.refusals import mark_refused

_FIELD_WIDTH = 120
_ROW = 26

Key = tuple[Scope, str]


class ValueField(QLineEdit):
    """One value as text; it knows what is in force, and shows a fault as its edge and its tip."""

    def __init__(self, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.in_force = ""
        self._hint = hint
        self.setFont(font(12))
        self.setFixedWidth(_FIELD_WIDTH)
        self.setFixedHeight(_ROW - 2)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setAccessibleName(name)
        self.setToolTip(hint)
        self.textChanged.connect(lambda _: self.show_fault(""))

    @property
    def is_changed(self) -> bool:
        """Whether something else was typed than what is in force."""
        return self.text().strip() != self.in_force

    def show_value(self, text: str) -> None:
        """Show what is in force, unless something else was typed."""
        was_changed = self.is_changed
        self.in_force = text
        if not was_changed:
            self.setText(text)

    def forget(self) -> None:
        """Take what was typed for what is in force."""
        self.in_force = self.text().strip()

    def show_fault(self, fault: str) -> None:
        """Show what is wrong with it; "" takes it away."""
        mark_refused(self, fault)
        self.setToolTip(fault or self._hint)


class _Form(QWidget):
    """A grid of fields that scrolls to the one that has the focus.

    Attributes:
        edited: something else was typed.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 4, 8, 8)
        self.grid.setHorizontalSpacing(12)
        self.grid.setVerticalSpacing(2)
        self.grid.setColumnStretch(0, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def head(self, row: int, titles: tuple[str, ...]) -> None:
        """Put titles over the columns, the first bold."""
        for column, title in enumerate(titles):
            weight = SEMIBOLD if column == 0 else 400
            ink = Ink.TEXT1 if column == 0 else Ink.TEXT3
            side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            self.grid.addWidget(Text(title, weight=weight, ink=ink, align=side), row, column)

    def add(self, row: int, column: int, name: str, hint: str) -> ValueField:
        """Put a field in its place."""
        field = ValueField(name, hint)
        field.textChanged.connect(lambda _: self.edited.emit())
        field.installEventFilter(self)
        self.grid.addWidget(field, row, column)
        return field

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.FocusIn and isinstance(watched, QWidget):
            viewport = self.parentWidget()
            area = None if viewport is None else viewport.parentWidget()
            if isinstance(area, QScrollArea):
                area.ensureWidgetVisible(watched, 0, _ROW)
        return super().eventFilter(watched, event)


class ParameterForm(_Form):
    """Every parameter in its group."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[Key, ValueField] = {}
        row = 0
        for title, names in words.GROUPS:
            self.head(row, (title, "Everybody", "The agent"))
            row += 1
            for name in names:
                self._add(row, name)
                row += 1

    def _add(self, row: int, name: str) -> None:
        label = words.label(name)
        self.grid.addWidget(Text(label, ink=Ink.TEXT2), row, 0)
        hint = f"{label}: {words.allowed(name)}"
        self.fields[Scope.ALL, name] = self.add(row, 1, label, hint)
        if name in AGENTS:
            self.fields[Scope.AGENT, name] = self.add(row, 2, f"{label}, the agent", hint)
        else:
            same = Text("the same", ink=Ink.TEXT3, align=Qt.AlignmentFlag.AlignRight)
            self.grid.addWidget(same, row, 2)

    @property
    def first(self) -> ValueField:
        """The first field."""
        return next(iter(self.fields.values()))

    def show_limits(self, limits: Limits, agent: Limits) -> None:
        """Show what is in force."""
        for (scope, name), field in self.fields.items():
            field.show_value(written(getattr(limits if scope is Scope.ALL else agent, name)))

    def set_open(self, *, is_open: bool) -> None:
        """Take input, or only show."""
        _set_open(self.fields, is_open)

    def edits(self) -> tuple[ParameterEdit, ...]:
        """Return what was typed and differs."""
        changed = ((key, field) for key, field in self.fields.items() if field.is_changed)
        return tuple(ParameterEdit(scope, name, field.text().strip()) for (scope, name), field in changed)

    def forget(self) -> None:
        """Show what is in force from now on, whatever was typed."""
        for field in self.fields.values():
            field.forget()

    def show_fault(self, name: str, scope: str, fault: str) -> bool:
        """Mark a field; False where there is none of that name."""
        field = self.fields.get((Scope(scope or Scope.ALL), name))
        if field is not None:
            field.show_fault(fault)
            field.setFocus(Qt.FocusReason.OtherFocusReason)
            field.selectAll()
        return field is not None


class TargetForm(_Form):
    """The six axes of the target profile."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head(0, ("Risk aimed at, 0 to 100", "Target"))
        self.fields: dict[RadarAxis, ValueField] = {}
        for row, (axis, title) in enumerate(AXES.items(), start=1):
            self.grid.addWidget(Text(title, ink=Ink.TEXT2), row, 0)
            self.fields[axis] = self.add(row, 1, f"Target of {title}", "a number from 0 to 100")
        self.grid.setRowStretch(len(AXES) + 1, 1)

    def show_target(self, target: TargetProfile) -> None:
        """Show what is aimed at."""
        for axis, field in self.fields.items():
            field.show_value(written(target.target(axis)))

    def set_open(self, *, is_open: bool) -> None:
        """Take input, or only show."""
        _set_open(self.fields, is_open)

    def edits(self) -> tuple[tuple[RadarAxis, str], ...]:
        """Return what was typed and differs."""
        return tuple((axis, each.text().strip()) for axis, each in self.fields.items() if each.is_changed)

    def forget(self) -> None:
        """Show what is aimed at from now on, whatever was typed."""
        for field in self.fields.values():
            field.forget()

    def show_fault(self, name: str, _scope: str, fault: str) -> bool:
        """Mark a field; False where there is none of that name."""
        field = next((each for axis, each in self.fields.items() if axis.value == name), None)
        if field is not None:
            field.show_fault(fault)
            field.setFocus(Qt.FocusReason.OtherFocusReason)
            field.selectAll()
        return field is not None


def _set_open(fields: Mapping[Key, ValueField] | Mapping[RadarAxis, ValueField], is_open: bool) -> None:
    for field in fields.values():
        field.setReadOnly(not is_open)
