"""A server that is killed has kept every answered write, whole."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
WRITERS, SECONDS = 4, 1.5


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A portal of its own, in a file of its own."""
    return environment_in(tmp_path)


def environment_in(folder: Path) -> dict[str, str]:
    """Return the settings of a portal whose database is in a folder."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "k9-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        "ALLOW_HTTP": "true",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder}/gatehouse.sqlite3",
        "LOG_LEVEL": "ERROR",
    }


def manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603 -- our own


def serve(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    address, port = environment["PUBLIC_URL"], environment["PUBLIC_URL"].rpartition(":")[2]
    options = ["--interface", "wsgi", "--port", port, "--blocking-threads", "4", "--log-level", "critical"]
    command = [sys.executable, "-m", "granian", *options, "portal.wsgi:application"]
    # A group of its own, so that the workers are killed with their parent.
    server = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)  # noqa: S603 -- our own
    for _ in range(200):
        try:
            requests.get(f"{address}/healthz", timeout=5)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return server
    raise AssertionError("the server does not start")


def write_until_gone(base_url: str, token: str, writer: int) -> list[str]:
    """Create people, each put into a group of their own, until nobody answers; return what was answered with 201."""
    answered = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for number in range(10_000):
            name = f"person-{writer}-{number}"
            try:
                user = session.post(f"{base_url}/Users", json={"userName": name}, timeout=10)
                assert user.status_code == 201, user.text
                group = {"displayName": name, "members": [{"value": user.json()["id"]}]}
                answered.append(f"/Users/{user.json()['id']}")
                made = session.post(f"{base_url}/Groups", json=group, timeout=10)
                answered.append(f"/Groups/{made.json()['id']}")
            except requests.RequestException:
                break
    return answered


@pytest.fixture
def connection(environment: dict[str, str]) -> tuple[str, str]:
    """The address and the token of a new connection."""
    manage(environment, "migrate")
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    made = manage(environment, "createscimconnection", "--organization", "acme", "--display-name", "Okta", "--json")
    return json.loads(made)["base_url"], json.loads(made)["bearer_token"]


def test_what_was_answered_is_there_after_a_kill_and_nothing_is_half_there(
    environment: dict[str, str], connection: tuple[str, str]
) -> None:
    base_url, token = connection
    server = serve(environment)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write_until_gone, base_url, token, writer) for writer in range(WRITERS)]
        time.sleep(SECONDS)
        os.killpg(server.pid, signal.SIGKILL)
        answered = [path for writer in writers for path in writer.result()]
    server.wait()
    assert len(answered) > WRITERS

    server = serve(environment)
    try:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {token}"
            assert {session.get(base_url + path, timeout=10).status_code for path in answered} == {200}
            groups = session.get(f"{base_url}/Groups", params={"count": 1000}, timeout=30).json()["Resources"]
            assert {len(group.get("members", [])) for group in groups} == {1}
            ids = session.get(f"{base_url}/Users", params={"count": 0}, timeout=30).json()["totalResults"]
            assert ids >= len([path for path in answered if path.startswith("/Users")])
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
