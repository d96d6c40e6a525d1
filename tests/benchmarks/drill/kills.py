"""Kills with SIGKILL: of each kind of process in turn, in a random order."""

import random
import time
from collections.abc import Callable, Iterator, Mapping

import psycopg

from tests.benchmarks.drill.journal import Journal
from tests.benchmarks.drill.postgresql import Pair
from tests.benchmarks.drill.units import Unit, kill

# How long the portal may take to acknowledge a write again.
_SECONDS = 120
Victims = Mapping[str, Callable[[], list[int]]]


def victims(units: Mapping[str, Unit], pair: Pair) -> Victims:
    """Return where to find the processes of each kind at the moment."""

    def of_primary(kinds: str) -> Callable[[], list[int]]:
        return lambda: pair.primary.processes(kinds)

    kinds: dict[str, Callable[[], list[int]]] = {
        "a node's main process": lambda: [units["node 1"].pid, units["node 2"].pid],
        "a node's worker process": lambda: [*units["node 1"].children(), *units["node 2"].children()],
        "the worker": lambda: [units["worker"].pid],
        "nginx, its main process": lambda: [units["nginx"].pid],
        "nginx, a worker process": units["nginx"].children,
        "Redis": lambda: [units["redis"].pid],
        "PostgreSQL, the primary's postmaster": lambda: [pair.primary.unit.pid],
        "PostgreSQL, a node's backend": of_primary("client backend"),
        "PostgreSQL, the sender of the replication": of_primary("walsender"),
        "PostgreSQL, another process of the primary": of_primary("checkpointer|walwriter|background writer"),
        "PostgreSQL, the standby's postmaster": lambda: [pair.standby.unit.pid],
    }
    return kinds


def in_turn(kinds: Victims, number: int, chance: random.Random) -> Iterator[str]:
    """Yield that many kinds, each as often as the others, in a random order."""
    order: list[str] = []
    for _ in range(number):
        if not order:
            order = list(kinds)
            chance.shuffle(order)
        yield order.pop()


def kill_one(find: Callable[[], list[int]], chance: random.Random) -> None:
    """Kill one of the processes. Wait for one, because an earlier kill may have ended them all."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            if (found := find()) and kill(chance.choice(found)):
                return
        except psycopg.Error:
            pass  # the database is not back yet
        time.sleep(0.1)
    raise AssertionError("no such process came back")


def wait_for_write(journal: Journal) -> float:
    """Return after how many seconds a write was acknowledged again; infinity if none was for too long."""
    started, before = time.monotonic(), journal.acknowledged
    while journal.acknowledged == before:
        if time.monotonic() - started > _SECONDS:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - started
