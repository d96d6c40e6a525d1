"""Redis, and the clocks of Redis and the database compared with that of this machine."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from portal.embedded.doctor.findings import Finding, error, ok, warning

_SECONDS = 3
_SLOW_MILLISECONDS = 50
_OFF, _FAR_OFF = 2.0, 30.0


def check() -> Iterator[Finding]:
    """Report a Redis that doesn't respond, or slowly."""
    if not settings.REDIS_URL:
        yield ok("REDIS_URL isn't set. Requests of identity providers are counted by each process.")
        return
    # Imported here: only who uses Redis has it loaded.
    from redis.exceptions import AuthenticationError, RedisError  # noqa: PLC0415 -- as above

    try:
        with _client() as client:
            client.ping()
            started = time.monotonic()
            client.ping()
            milliseconds = (time.monotonic() - started) * 1000
            version = client.info("server").get("redis_version", "")
    except AuthenticationError:
        yield error("Redis rejected the user or the password in REDIS_URL.", "Correct them.")
    except RedisError as failure:
        yield error(
            f"Redis can't be reached ({type(failure).__name__}). Until then each process counts attempts on its own.",
            "Start Redis, or correct REDIS_URL.",
        )
    else:
        if milliseconds > _SLOW_MILLISECONDS:
            yield warning(
                f"Redis takes {milliseconds:.0f} ms for a response, which each sign-in and request waits for.",
                "Run Redis in the same data center, and check whether it's busy.",
            )
        else:
            yield ok(f"Redis {version} responds.")


def check_clocks() -> Iterator[Finding]:
    """Report clocks that differ from this machine's: tokens and links would expire too early or too late."""
    if connection.vendor == "postgresql":
        yield _compared("the database", _time_of_database)
    if settings.REDIS_URL:
        from redis.exceptions import RedisError  # noqa: PLC0415 -- as above

        try:
            yield _compared("Redis", _time_of_redis)
        except RedisError:
            yield warning("The clock of Redis can't be read.", "Fix the finding about Redis first.")
    if connection.vendor != "postgresql" and not settings.REDIS_URL:
        yield ok("Only this machine's clock is in use.")


def _compared(whose: str, ask: Callable[[], float]) -> Finding:
    ask()  # connects
    started = time.time()
    theirs, ended = ask(), time.time()
    seconds = abs(theirs - (started + ended) / 2)
    text = f"The clock of {whose} and the clock of this machine differ by {seconds:.1f} seconds."
    # How long the question took, no clock can be blamed for.
    if seconds <= _OFF + (ended - started):
        return ok(f"This machine and {whose} have the same time.")
    fix = "Run chrony or systemd-timesyncd on both machines."
    return error(text, fix) if seconds > _FAR_OFF else warning(text, fix)


def _time_of_database() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        row = cursor.fetchone()
    if row is None:
        raise DatabaseError
    return float(row[0])


def _time_of_redis() -> float:
    with _client() as client:
        seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1_000_000


def _client() -> Any:
    from redis import Redis  # noqa: PLC0415 -- as above
    from redis.backoff import NoBackoff  # noqa: PLC0415 -- as above
    from redis.retry import Retry  # noqa: PLC0415 -- as above

    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 0)
    )
