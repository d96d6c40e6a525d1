"""/metrics: what the processes counted, whether this one can serve, and figures from the database."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from re import fullmatch

import django
from django.conf import settings
from prometheus_client import REGISTRY as PROCESS_REGISTRY
from prometheus_client import CollectorRegistry, Metric, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from portal.directories import figures
from portal.directory.figures import Figures
from portal.pages.operations.health import Health, health
from portal.version import version

_PARTS = ("database", "migrations", "guards", "signing_key")


def exposition() -> bytes:
    """Return all metrics as text, within two seconds, even if something hangs."""
    if settings.METRICS_DIRECTORY:
        _forget_ended_processes(Path(settings.METRICS_DIRECTORY))
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted, settings.METRICS_DIRECTORY)  # type: ignore[no-untyped-call]  # -- the library has no types here
    else:
        counted = PROCESS_REGISTRY
    current = CollectorRegistry()
    current.register(_Current())
    return generate_latest(counted) + generate_latest(current)


def _forget_ended_processes(folder: Path) -> None:
    """Delete the gauges of processes that have ended, which nothing else notices if they were killed."""
    for file in folder.glob("gauge_live*.db"):
        found = fullmatch(r"gauge_live[a-z]*_(\d+)\.db", file.name)
        if found and not _is_running(int(found[1])):
            file.unlink(missing_ok=True)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Current(Collector):
    """What is asked at the time of the scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        built = {"version": version(), "python": platform.python_version(), "django": django.get_version()}
        yield _gauge("gatehouse_build_info", "Versions of this process", {tuple(built.items()): 1})
        yield from _of_health(health())
        if found := figures():
            yield from _of_figures(found)


def _of_health(now: Health) -> Iterator[Metric]:
    yield _gauge("gatehouse_ready", "Whether this process can serve, as /readyz says", {(): not now.faults})
    parts = {part: part not in now.faults for part in _PARTS}
    if now.has_redis is not None:
        parts["redis"] = now.has_redis
    yield _gauge(
        "gatehouse_part_ready",
        "Whether a part that this process depends on is as it must be",
        {(("part", part),): is_ready for part, is_ready in parts.items()},
    )


def _of_figures(found: Figures) -> Iterator[Metric]:
    yield _gauge(
        "gatehouse_figures_timestamp_seconds",
        "When the figures below were read from the database",
        {(): found.read_at.timestamp()},
    )
    yield _gauge(
        "gatehouse_scim_connections",
        "SCIM connections by state",
        {(("state", state),): number for state, number in found.connections.items()},
    )
    yield _gauge(
        "gatehouse_scim_conflicts_open", "Existing members that wait for a decision", {(): found.open_conflicts}
    )
    tokens = found.tokens
    yield _gauge(
        "gatehouse_scim_tokens_expiring",
        "SCIM tokens that have expired, or expire within days",
        {
            (("within", "expired"),): tokens.expired,
            (("within", "7d"),): tokens.within_7_days,
            (("within", "30d"),): tokens.within_30_days,
        },
    )
    if tokens.next_at:
        yield _gauge(
            "gatehouse_scim_token_next_expiry_timestamp_seconds",
            "When the next SCIM token expires",
            {(): tokens.next_at.timestamp()},
        )
    yield from _of_tasks(found)
    yield _gauge(
        "gatehouse_partition_gaps", "Log tables that lack partitions for the coming days", {(): found.partition_gaps}
    )
    if found.server:
        yield _gauge(
            "gatehouse_database_server_connections",
            "Connections of all programs to the database server, and the limit",
            {(("state", "open"),): found.server.connections, (("state", "limit"),): found.server.max_connections},
        )


def _of_tasks(found: Figures) -> Iterator[Metric]:
    tasks = found.tasks
    numbers = {"waiting": tasks.waiting, "delayed": tasks.delayed, "running": tasks.running, "dead": tasks.dead}
    yield _gauge("gatehouse_tasks", "Tasks of the worker", {(("state", state),): one for state, one in numbers.items()})
    yield _gauge(
        "gatehouse_task_oldest_waiting_seconds",
        "How long the oldest task that is due has waited",
        {(): tasks.oldest_seconds},
    )
    yield _gauge(
        "gatehouse_worker_heartbeat_timestamp_seconds",
        "When a worker last showed that it runs, 0 if none does",
        {(): tasks.heartbeat_at.timestamp() if tasks.heartbeat_at else 0},
    )
    yield _gauge(
        "gatehouse_job_interval_seconds",
        "How often a scheduled job should run",
        {(("name", job.name),): job.interval_seconds for job in found.jobs},
    )
    yield _gauge(
        "gatehouse_job_last_success_timestamp_seconds",
        "When a scheduled job last succeeded, 0 for never",
        {(("name", job.name),): job.succeeded_at.timestamp() if job.succeeded_at else 0 for job in found.jobs},
    )
    yield _gauge(
        "gatehouse_job_last_duration_seconds",
        "How long the last success of a scheduled job took",
        {(("name", job.name),): job.seconds or 0 for job in found.jobs},
    )


def _gauge(name: str, text: str, values: dict[tuple[tuple[str, str], ...], float]) -> GaugeMetricFamily:
    labels = next(iter(values), ())
    family = GaugeMetricFamily(name, text, labels=[label for label, _ in labels])
    for key, value in values.items():
        family.add_metric([text for _, text in key], value)
    return family
