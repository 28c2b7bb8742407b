"""What the palette finds: commands of the catalogue and symbols, best first, in sections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from ui.actions.match import Match, fuzzy
from ui.actions.registry import ActionRegistry
from ui.actions.spec import ActionSpec, Section, may

_MOST_COMMANDS, _MOST_SYMBOLS = 6, 4
_DISABLED_COST = 150
_WORDS_COST = 450
_SETTINGS = (Section.LOOK,)


class HitKind(Enum):
    """The value is the heading."""

    COMMAND = "Commands"
    SYMBOL = "Symbols"
    SETTING = "Settings"


@dataclass(frozen=True, slots=True)
class SymbolEntry:
    """A symbol that the palette may offer; ``price`` is written already."""

    symbol: str
    name: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the palette.

    Attributes:
        id: of the action, or the symbol.
        spans: letters of the title that were typed.
        detail: grey words beside the title; the reason where it is disabled.
        right: what stands at the right: a key, or a price.
    """

    kind: HitKind
    id: str
    title: str
    spans: tuple[tuple[int, int], ...]
    detail: str = ""
    right: str = ""
    icon: str = ""
    is_enabled: bool = True


Symbols = Callable[[str], Sequence[SymbolEntry]]


def find(registry: ActionRegistry, symbols: Symbols, query: str, *, symbols_only: bool = False) -> list[Hit]:
    """Return the palette's lines for what was typed."""
    found = [] if symbols_only else _commands(registry, query)
    commands = [hit for hit in found if hit.kind is HitKind.COMMAND][:_MOST_COMMANDS]
    settings = [hit for hit in found if hit.kind is HitKind.SETTING][:_MOST_COMMANDS]
    return commands + _symbols(symbols, query) + (settings if query.strip() else [])


def _commands(registry: ActionRegistry, query: str) -> list[Hit]:
    context, ranked = registry.context, []
    for number, spec in enumerate(registry.specs):
        if not spec.in_palette or not may(context.role, spec.role):
            continue
        match = _match(spec, query)
        if match is None:
            continue
        reason = spec.obstacle(context)
        ranked.append(
            (
                match.score - (_DISABLED_COST if reason else 0),
                -number,
                _command(registry, spec, match, reason),
            )
        )
    ranked.sort(key=lambda each: each[:2], reverse=True)
    return [hit for _, _, hit in ranked]


def _match(spec: ActionSpec, query: str) -> Match | None:
    match = fuzzy(query, spec.text)
    if match is not None:
        return match
    by_words = fuzzy(query, spec.words) if spec.words else None
    return None if by_words is None else Match(by_words.score - _WORDS_COST, ())


def _command(registry: ActionRegistry, spec: ActionSpec, match: Match, reason: str) -> Hit:
    detail = reason or ("" if spec.detail is None else spec.detail(registry.context))
    is_on = spec.is_choice and spec.id in registry.context.chosen
    return Hit(
        kind=HitKind.SETTING if spec.section in _SETTINGS else HitKind.COMMAND,
        id=spec.id,
        title=spec.text,
        spans=match.spans,
        detail="on" if is_on and not detail else detail,
        right=registry.key(spec.id),
        icon="prohibit" if reason else spec.icon or "caret-right",
        is_enabled=not reason,
    )


def _symbols(symbols: Symbols, query: str) -> list[Hit]:
    if not query.strip():
        return []
    ranked = []
    for entry in symbols(query):
        match = fuzzy(query, entry.symbol)
        score = match.score if match is not None else -1
        spans = match.spans if match is not None else ()
        hit = Hit(HitKind.SYMBOL, entry.symbol, entry.symbol, spans, entry.name, entry.price, "trend-up")
        ranked.append((score, hit))
    ranked.sort(key=lambda each: each[0], reverse=True)
    return [hit for _, hit in ranked[:_MOST_SYMBOLS]]
