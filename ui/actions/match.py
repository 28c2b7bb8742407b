"""How well words that were typed fit a text, and which letters of it they are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A higher score is a better match; ``spans`` are pairs of start and end of the matched letters."""

    score: int
    spans: tuple[tuple[int, int], ...]


def fuzzy(query: str, text: str) -> Match | None:
    """Match in any case: a start, the start of a word, a part, or at least the letters in their order."""
    wanted, found = query.casefold().strip(), text.casefold()
    if not wanted:
        return Match(0, ())
    if len(found) != len(text):  # a letter whose lower case is two: spans would be off
        found = text.lower()
    if found.startswith(wanted):
        return Match(1000, ((0, len(wanted)),))
    at = found.find(" " + wanted)
    if at >= 0:
        return Match(800 + _share(wanted, found), ((at + 1, at + 1 + len(wanted)),))
    at = found.find(wanted)
    if at >= 0:
        return Match(600 + _share(wanted, found), ((at, at + len(wanted)),))
    return _letters(wanted.replace(" ", ""), found)


def _share(wanted: str, found: str) -> int:
    # Of two that fit as well, the one that says less besides is meant.
    return 99 * len(wanted) // len(found)


def _letters(wanted: str, found: str) -> Match | None:
    spans: list[tuple[int, int]] = []
    at = _word_start(wanted[:1], found)
    if at < 0:
        return None
    for letter in wanted:
        at = found.find(letter, at)
        if at < 0:
            return None
        if spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
        at += 1
    if len(spans) > 2:  # letters strewn over a sentence are no match that a person meant
        return None
    return Match(300, tuple(spans))


def _word_start(letter: str, found: str) -> int:
    if found.startswith(letter):
        return 0
    at = found.find(f" {letter}")
    return at + 1 if at >= 0 else -1
