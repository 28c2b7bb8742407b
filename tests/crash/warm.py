"""Processes that are there at once: forked from a parent that has imported everything."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess

LONGEST_S = 30.0

# The parent has neither threads nor a loop: its forks are clean and quick.
_warm = multiprocessing.get_context("forkserver")
_warm.set_forkserver_preload(["tests.crash.child", "tests.crash.alpaca_child", "pytest"])


def begin(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Start a function in a process of its own."""
    process = _warm.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process
