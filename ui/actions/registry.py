"""Makes QActions and menus from the catalogue, and refuses a catalogue that cannot work."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from core.errors import InvariantBroken
from ui.actions.spec import ActionSpec, Scope, Section, UiContext, may
from ui.theme.icons import icon

_PORTABLE = QKeySequence.SequenceFormat.PortableText
_CONTEXT = {
    Scope.EVERYWHERE: Qt.ShortcutContext.ApplicationShortcut,
    Scope.TABLE: Qt.ShortcutContext.WidgetShortcut,
    Scope.TICKET: Qt.ShortcutContext.WidgetWithChildrenShortcut,
    Scope.SHEET: Qt.ShortcutContext.WidgetWithChildrenShortcut,
}

Handlers = Mapping[str, Callable[[], object]]


def bound_keys(
    specs: Iterable[ActionSpec], rebound: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return the keys of each action by its id, in portable spelling, with a person's own in place of ours.

    Raises:
        InvariantBroken: An id is used twice, a key cannot be read, or two actions would answer one key.
            Qt would then trigger neither, and one of them may be Halt.
    """
    keys: dict[str, tuple[str, ...]] = {}
    taken: dict[str, list[ActionSpec]] = {}
    for spec in specs:
        if spec.id in keys:
            raise InvariantBroken(f"action {spec.id} is in the catalogue twice")
        keys[spec.id] = tuple(_portable(spec.id, key) for key in rebound.get(spec.id, spec.keys))
        for key in keys[spec.id]:
            for other in taken.get(key, ()):
                if Scope.EVERYWHERE in (spec.scope, other.scope) or spec.scope is other.scope:
                    raise InvariantBroken(f"key {key} belongs to both {other.id} and {spec.id}; rebind one")
            taken.setdefault(key, []).append(spec)
    return keys


def _portable(action: str, key: str) -> str:
    text = QKeySequence.fromString(key, _PORTABLE).toString(_PORTABLE)
    if not text:
        raise InvariantBroken(f"action {action}: {key!r} is not a key")
    return text


class ActionRegistry(QObject):
    """All actions of one window. Give it a new context when a fact changes; it does the rest.

    Attributes:
        triggered: the id of an action that was done, by key, menu or palette.
    """

    triggered = Signal(str)

    def __init__(
        self,
        specs: Sequence[ActionSpec],
        handlers: Handlers,
        window: QWidget,
        rebound: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Build the actions and put the keys that act everywhere on the window.

        Raises:
            InvariantBroken: Keys clash, a spec has no handler, or a handler no spec.
        """
        super().__init__(window)
        self._specs = {spec.id: spec for spec in specs}
        self._keys = bound_keys(specs, rebound or {})
        _same_names({spec.handler for spec in specs}, set(handlers))
        self._context = UiContext()
        self._actions = {spec.id: self._make(spec, handlers[spec.handler]) for spec in specs}
        self.attach(window, Scope.EVERYWHERE)
        self.set_context(self._context)

    def _make(self, spec: ActionSpec, handler: Callable[[], object]) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence.fromString(key, _PORTABLE) for key in self._keys[spec.id]])
        action.setShortcutContext(_CONTEXT[spec.scope])
        action.setAutoRepeat(False)  # a key that is held down never acts twice
        action.setCheckable(spec.is_choice)
        if spec.icon:
            action.setIcon(icon(spec.icon))
        action.triggered.connect(lambda _checked=False: self._run(spec.id, handler))
        return action

    def _run(self, action: str, handler: Callable[[], object]) -> None:
        handler()
        if self._specs[action].is_choice:
            self._actions[action].setChecked(action in self._context.chosen)
        self.triggered.emit(action)

    def attach(self, widget: QWidget, scope: Scope) -> None:
        """Let the keys of a scope act while a widget has the focus: a table, the ticket, a sheet."""
        widget.addActions([self._actions[spec.id] for spec in self._specs.values() if spec.scope is scope])

    def set_context(self, context: UiContext) -> None:
        """Take over the facts of the window; every action is enabled, hidden and checked anew."""
        self._context = context
        for spec in self._specs.values():
            action, reason = self._actions[spec.id], spec.obstacle(context)
            action.setEnabled(not reason)
            action.setVisible(may(context.role, spec.role))
            action.setToolTip(f"{spec.text} ({reason})" if reason else spec.text)
            if spec.is_choice:
                action.setChecked(spec.id in context.chosen)

    @property
    def context(self) -> UiContext:
        """The facts that are in force."""
        return self._context

    @property
    def specs(self) -> tuple[ActionSpec, ...]:
        """The catalogue, in its order."""
        return tuple(self._specs.values())

    def action(self, action: str) -> QAction:
        """Return the QAction of an id."""
        return self._actions[action]

    def key(self, action: str) -> str:
        """Return the key to show for an id, as people write it; empty if it has none."""
        keys = self._keys[action]
        return keys[0].replace("Return", "Enter").replace("Del", "Delete") if keys else ""

    def run(self, action: str) -> str:
        """Do an action, as its key would; return why it cannot be done now, empty when it was done."""
        reason = self._specs[action].obstacle(self._context)
        if not reason:
            self._actions[action].trigger()
        return reason

    def main_menu(self, parent: QWidget) -> QMenu:
        """Return the menu of everything, a submenu for each section."""
        menu = QMenu(parent)
        for section in Section:
            members = [spec for spec in self._specs.values() if spec.section is section and spec.in_menu]
            if members:
                part = menu.addMenu(section.value)
                part.addActions([self._actions[spec.id] for spec in members])
        return menu

    def context_menu(self, panel: str, parent: QWidget) -> QMenu:
        """Return the menu of a panel's rows: the same actions with the same keys."""
        menu = QMenu(parent)
        menu.addActions([self._actions[spec.id] for spec in self._specs.values() if panel in spec.menus])
        return menu


def _same_names(wanted: set[str], given: set[str]) -> None:
    if missing := sorted(wanted - given):
        raise InvariantBroken(f"actions without a handler: {', '.join(missing)}")
    if idle := sorted(given - wanted):
        raise InvariantBroken(f"handlers without an action: {', '.join(idle)}")
