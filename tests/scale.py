"""How much the long tests do: small by default, any size from the command line."""

_asked: dict[str, int | None] = {"examples": None, "torture": None}


def ask(*, examples: int | None, torture: int | None) -> None:
    """Remember what `--examples` and `--torture` say; conftest calls it before the tests are imported."""
    _asked.update(examples=examples, torture=torture)


def examples(usual: int) -> int:
    """Return how many examples a property test tries: `--examples`, or else `usual`."""
    return _asked["examples"] or usual


def torture(usual: int) -> int:
    """Return how many cycles a crash test runs: `--torture`, or else `usual`."""
    return _asked["torture"] or usual
