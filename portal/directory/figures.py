"""Numbers over all organizations for the operator's monitoring: no names and no IDs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """SCIM tokens of active connections. Those that expire within 30 days include those within 7."""

    expired: int
    within_7_days: int
    within_30_days: int
    # When the next one expires; None without tokens.
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """Connections of all programs to the database server, and how many it accepts."""

    connections: int
    max_connections: int


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """Tasks of the worker: those that are due, those whose time hasn't come, those that run, and those that failed for good."""

    waiting: int
    delayed: int
    running: int
    dead: int
    # How long the oldest of those that are due has waited.
    oldest_seconds: float
    # When a worker last showed that it runs; None if none does.
    heartbeat_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobFigures:
    """A scheduled job: how often it should run, when it last succeeded (None: never), and how long that took."""

    name: str
    interval_seconds: float
    succeeded_at: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database says about all organizations at a time."""

    read_at: datetime
    # Active SCIM connections by state: active, paused, on_hold.
    connections: Mapping[str, int]
    open_conflicts: int
    tokens: TokenFigures
    tasks: TaskFigures
    jobs: tuple[JobFigures, ...]
    # Missing partitions of log tables.
    partition_gaps: int
    # None for SQLite.
    server: ServerFigures | None
