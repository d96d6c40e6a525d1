"""A worker that dies, and instances that are restarted one after the other, under load."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import pytest
import requests

from tests.deploy.serving import Site

pytestmark = pytest.mark.xdist_group("proxies")  # in one process, which serves the portal once for all of them
CLIENTS = 4


def provision(served: Site, number: int, stopped: list[bool]) -> Counter[str]:
    """Create people and read them until told to stop; return how often each status, or failure, came."""
    seen: Counter[str] = Counter()
    client = served.client(token=served.scim_token)
    for turn in count():
        if stopped:
            break
        name = f"{os.getpid()}-{time.monotonic_ns()}-{number}-{turn}"
        for method, body in (("POST", {"userName": name}), ("GET", None)):
            try:
                response = client.request(method, f"{served.scim_base_url}/Users?count=1", json=body, timeout=20)
                seen[f"{method} {response.status_code}"] += 1
            except requests.RequestException as error:
                seen[f"{method} {type(error).__name__}"] += 1
    return seen


@contextmanager
def load(served: Site) -> Iterator[Counter[str]]:
    """Provision from several clients at once; the counter is filled at the end."""
    stopped: list[bool] = []
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients: list[Future[Counter[str]]] = [
            pool.submit(provision, served, number, stopped) for number in range(CLIENTS)
        ]
        try:
            yield seen
        finally:
            stopped.append(True)
        for client in clients:
            seen.update(client.result())


@pytest.mark.nginx
def test_a_rolling_restart_behind_nginx_fails_no_request(behind_nginx: Site) -> None:
    with load(behind_nginx) as seen:
        for instance in behind_nginx.instances:
            before = instance.worker()
            instance.stop()
            instance.start()
            assert instance.worker() != before

    assert set(seen) == {"POST 201", "GET 200"}, seen
    assert seen.total() > 50


@pytest.mark.haproxy
def test_a_rolling_restart_behind_haproxy_fails_no_request(behind_haproxy: Site) -> None:
    """As docs/operate.md says: drain the node, restart it, take it back."""
    with load(behind_haproxy) as seen:
        for node in behind_haproxy.instances:
            before = node.worker()
            server = f"gatehouse/node{node.name}"
            behind_haproxy.ask_haproxy(f"set server {server} state drain")
            node.stop()
            node.start()
            behind_haproxy.ask_haproxy(f"set server {server} state ready")
            behind_haproxy.wait_until_haproxy_uses(node.name)
            assert node.worker() != before

    assert set(seen) == {"POST 201", "GET 200"}, seen
    assert seen.total() > 50


def test_static_files_of_another_version_come_from_the_other_instance(served: Site) -> None:
    (served.folder / "static/css/of-the-next-version.css").write_text("body { color: black }")
    served.instances[0].stop()
    served.instances[0].start()
    if served.instances[0].port:  # behind HAProxy
        served.wait_until_haproxy_uses(served.instances[0].name)

    client = served.client()
    found = [client.get(f"{served.url}/static/css/of-the-next-version.css", timeout=10) for _ in range(6)]

    assert {response.status_code for response in found} == {200}


def test_a_killed_worker_loses_only_requests_in_progress_and_is_replaced(served: Site) -> None:
    killed = served.instances[0].worker()
    with load(served) as seen:
        time.sleep(0.5)
        os.kill(killed, signal.SIGKILL)
        time.sleep(2)

    failed = seen.total() - seen["POST 201"] - seen["GET 200"]
    assert failed <= CLIENTS, seen
    assert seen["POST 201"] > CLIENTS
    served.instances[0].wait_until_ready()
    assert served.instances[0].worker() != killed


@pytest.mark.nginx
def test_a_stopping_instance_accepts_no_connection_and_finishes_its_requests(behind_nginx: Site) -> None:
    instance = behind_nginx.instances[1]
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    with instance.connect() as idle, instance.connect() as begun, ThreadPoolExecutor() as pool:
        begun.sendall(head)
        stopping = pool.submit(instance.stop)
        while instance.path.exists():
            assert not stopping.done()
            time.sleep(0.01)
        with pytest.raises(FileNotFoundError):
            instance.connect()
        # The proxy may have connected a moment before; its request comes now.
        idle.sendall(head + b"\r\n")
        assert b" 200 OK" in idle.recv(1000)
        time.sleep(1.2)  # longer than the unit waits with SIGTERM
        begun.sendall(b"\r\n")
        assert b" 200 OK" in begun.recv(1000)
        stopping.result()
    instance.start()
