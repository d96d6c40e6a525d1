"""Redis down or hanging: sign-in and provisioning continue without delay, and limits hold in each process."""

import logging
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from portal.access import rate_limits, redis_storage
from portal.access.rate_limits import Attempt, admit, wait_of_connection
from portal.embedded import models
from tests.conftest import PASSWORD
from tests.servers import free_port


@pytest.fixture(params=["closed", "silent"])
def away(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    """A Redis that isn't there, or that accepts connections and never answers."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "silent":
            listener.listen(64)
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        yield
        if request.param == "silent":
            # Each attempt takes a timeout, so only the first request pays for it.
            listener.accept()[0].close()
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()


@pytest.mark.usefixtures("away")
def test_limits_hold_in_the_process_and_the_outage_is_one_log_line(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "3 per hour"
    settings.SCIM_RATE_PER_CONNECTION = "5 per hour"
    admitted = [admit(Attempt("192.0.2.1", "acme", "ada@acme.example")) for _ in range(5)]
    waits = [wait_of_connection("scim-connection-live-1") for _ in range(7)]

    assert admitted == [True, True, True, False, False]
    assert [bool(wait) for wait in waits] == [False] * 5 + [True] * 2
    assert max(waits) <= 3600
    assert caplog.text.count("redis_unavailable") == 1


@pytest.mark.usefixtures("away")
def test_people_sign_in(admin: models.MemberRow, visitor: Client) -> None:
    response = visitor.post("/o/acme/sign-in/", {"email_address": admin.email_address, "password": PASSWORD})

    assert response.status_code == 303


@pytest.fixture
def redis(settings: Settings, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A Redis of the test's own."""
    port = free_port()
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    for _ in range(100):
        if rate_limits._storage(settings.REDIS_URL).check():
            break
        time.sleep(0.05)
    yield server
    server.send_signal(signal.SIGCONT)
    server.terminate()
    server.wait()


@pytest.mark.redis
def test_counting_returns_to_redis_when_it_responds_again(
    redis: "subprocess.Popen[bytes]",
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(redis_storage, "_PAUSE_SECONDS", 0.2)
    settings.SIGN_IN_RATE_PER_MEMBER = "2 per hour"
    attempt = Attempt("192.0.2.1", "acme", f"{uuid4()}@acme.example")
    assert [admit(attempt) for _ in range(3)] == [True, True, False]

    redis.send_signal(signal.SIGSTOP)
    assert admit(attempt), "Redis hangs: the process has counted nothing yet"
    redis.send_signal(signal.SIGCONT)
    time.sleep(0.3)

    assert not admit(attempt), "Redis has kept its counters"
    assert (caplog.text.count("redis_unavailable"), caplog.text.count("redis_available")) == (1, 1)


_FIRST_USE = """
import os, sys, threading
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
import django
django.setup()
from portal.access import rate_limits
sys.setswitchinterval(1e-6)
failed, start = [], threading.Barrier(16)
def first(number):
    start.wait()
    try:
        (rate_limits.wait_of_connection if number % 2 else rate_limits.wait_of_project)("x")
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=first, args=[number]) for number in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failed)
"""


def test_the_first_requests_of_a_process_can_be_simultaneous() -> None:
    """The library imports its drivers at their first use, which isn't safe for threads."""
    # A process of its own, in which nothing is imported yet.
    done = subprocess.run([sys.executable, "-c", _FIRST_USE], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.strip() == "[]"
