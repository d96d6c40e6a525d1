"""Runs all checks at once, each in a thread of its own, and waits for none longer than the others."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from django.db import connection

from portal.access.rate_limits import warm_up
from portal.embedded.doctor import (
    configuration,
    database,
    disk,
    embed_url,
    mail,
    public_url,
    redis,
    schema,
    sms,
    worker,
)
from portal.embedded.doctor.findings import Finding, Severity, error, masked, warning
from portal.outages import UNAVAILABLE, reason

Check = Callable[[], Iterable[Finding]]

SECONDS = 20.0
# In the order of the output. The names are part of the output for scripts.
CHECKS: Mapping[str, Check] = {
    "settings": configuration.check,
    "database": database.check,
    "schema": schema.check,
    "keys": schema.check_keys,
    "pooler": database.check_pooler,
    "redis": redis.check,
    "clock": redis.check_clocks,
    "tls": public_url.check_certificate,
    "proxy": public_url.check_headers,
    "body_size": public_url.check_body_size,
    "metrics": public_url.check_metrics,
    "embed": embed_url.check,
    "mail": mail.check,
    "sms": sms.check,
    "worker": worker.check,
    "disk": disk.check,
}


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check found, and how long it took."""

    name: str
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def severity(self) -> Severity:
        """The worst severity among the findings."""
        order = list(Severity)
        return max((finding.severity for finding in self.findings), key=order.index, default=Severity.OK)


def examine(skip: Collection[str] = ()) -> list[Examined]:
    """Run the checks but those to skip, and return their results in order, without secrets, after SECONDS at most."""
    # Two threads must not import what this loads at the same time. It connects to nothing.
    warm_up()
    results: SimpleQueue[Examined] = SimpleQueue()
    names = [name for name in CHECKS if name not in skip]
    for name in names:
        # Not an executor: Python would wait for a thread that hangs before it ends.
        threading.Thread(target=_run, args=(name, CHECKS[name], results), name=name, daemon=True).start()
    done: dict[str, Examined] = {}
    until = time.monotonic() + SECONDS
    while len(done) < len(names):
        try:
            found = results.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            break
        done[found.name] = found
    return [done.get(name) or Examined(name, (_HANGS,), SECONDS) for name in names]


_HANGS = error(
    f"No result after {SECONDS:.0f} seconds: the service accepts connections but doesn't respond, or this machine is busy.",
    "Check whether that service, its storage or the name server hangs, and restart it.",
)


def _run(name: str, check: Check, results: "SimpleQueue[Examined]") -> None:
    started = time.monotonic()
    try:
        found = [*check()]
    except UNAVAILABLE as failure:
        found = [
            warning(
                f"Can't be checked while the database doesn't respond ({reason(failure)['reason']}).",
                "Fix the database first.",
            )
        ]
    except Exception as failure:  # noqa: BLE001 -- the other checks must have their say
        found = [error(f"The check failed: {type(failure).__name__}: {failure}", "Send this output to support.")]
    finally:
        connection.close()  # of this thread
    hidden = (replace(one, text=masked(one.text), fix=masked(one.fix)) for one in found)
    results.put(Examined(name, tuple(hidden), round(time.monotonic() - started, 2)))
