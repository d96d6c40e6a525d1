"""SECRET_KEY and ENCRYPTION_KEY are replaced in two steps, while several server processes run."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import requests
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models import BinaryField
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.database import encryption, readiness
from portal.embedded.server_keys import fingerprint
from portal.embedded.sessions import signing_keys
from tests.conftest import PASSWORD
from tests.scim_server.test_crash import environment as portal_environment  # noqa: F401 -- a fixture
from tests.servers import ROOT, free_port, manage, serve

OLD, NEW, OTHER = (secrets.token_urlsafe(60) for _ in range(3))
Node = Callable[..., None]


@pytest.fixture
def node(settings: Settings) -> Node:
    """Add a running process that encrypts and signs with the first key, and knows the others."""

    def run(name: str, *keys: str, seconds_ago: float = 0) -> None:
        known = [fingerprint(key) for key in keys]
        seen_at = timezone.now() - timedelta(seconds=seconds_ago)
        models.ServerProcessRow.objects.create(name=name, signing_keys=known, encryption_keys=known, seen_at=seen_at)

    return run


def use(settings: Settings, key: str, *fallbacks: str) -> None:
    """Set the keys of this process."""
    settings.SECRET_KEY, settings.ENCRYPTION_KEY = OTHER, key
    settings.ENCRYPTION_KEY_FALLBACKS = list(fallbacks)
    signing_keys.forget()
    readiness.stop()


def rotate(step: str, key: str = "ENCRYPTION_KEY") -> dict[str, str]:
    call_command("rotatekey", step, key, "--json", stdout=(out := StringIO()))
    done: dict[str, str] = json.loads(out.getvalue())
    return done


@pytest.fixture
def project(db: None, settings: Settings) -> None:
    """A project with a key that signs and the next one, both encrypted under the old key."""
    use(settings, OLD)
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    signing_keys.current_key()
    signing_keys.rotate(Origin())


def test_a_rotation(project: None, settings: Settings, node: Node) -> None:
    kid = signing_keys.current_key().kid
    use(settings, OLD, NEW)
    node("a:1", OLD, NEW, OTHER)
    node("b:1", OLD, NEW, OTHER)
    assert rotate("start") == {"processes": "2"}

    models.ServerProcessRow.objects.all().delete()
    use(settings, NEW, OLD)
    node("a:2", NEW, OLD, OTHER)
    node("b:2", NEW, OLD, OTHER)
    assert readiness.keys_under_fallbacks() == 2
    assert rotate("complete") == {"processes": "2", "reencrypted": "2"}

    use(settings, NEW)
    assert signing_keys.current_key().kid == kid
    assert readiness.find_faults() == {}
    actions = models.ActivityEntryRow.objects.filter(action="signing_key.reencrypt")
    assert actions.count() == 2


def test_a_start_needs_a_new_key(project: None) -> None:
    with pytest.raises(CommandError, match="ENCRYPTION_KEY_FALLBACKS has no new key"):
        rotate("start")


def test_a_start_needs_every_process_to_have_the_new_key(project: None, settings: Settings, node: Node) -> None:
    use(settings, OLD, NEW)
    node("a:1", OLD, NEW, OTHER)
    node("b:1", OLD, OTHER)
    node("c:1", OLD, OTHER, seconds_ago=61)

    with pytest.raises(CommandError, match=r"don't have the new key yet.* restart them: b:1\."):
        rotate("start")
    with pytest.raises(CommandError, match="No rotation of ENCRYPTION_KEY was started"):
        rotate("complete")


def test_a_start_needs_every_process_to_use_the_old_key(project: None, settings: Settings, node: Node) -> None:
    use(settings, OLD, NEW)
    node("a:1", NEW, OLD, OTHER)

    with pytest.raises(CommandError, match=r"use another ENCRYPTION_KEY than this command.*: a:1\."):
        rotate("start")


def test_a_completion_needs_a_start(project: None, settings: Settings, node: Node) -> None:
    node("a:1", OLD, OTHER)

    with pytest.raises(CommandError, match="No rotation of ENCRYPTION_KEY was started"):
        rotate("complete")


def test_a_completion_needs_the_new_key(project: None, settings: Settings, node: Node) -> None:
    use(settings, OLD, NEW)
    rotate("start")

    with pytest.raises(CommandError, match="The old key is still ENCRYPTION_KEY here"):
        rotate("complete")
    use(settings, "unknown-" + NEW, OLD)
    with pytest.raises(CommandError, match="isn't the key that every process had at the start"):
        rotate("complete")


def test_a_completion_needs_every_process_to_use_the_new_key(project: None, settings: Settings, node: Node) -> None:
    use(settings, OLD, NEW)
    rotate("start")
    use(settings, NEW, OLD)
    node("a:1", NEW, OLD, OTHER)
    node("b:1", OLD, NEW, OTHER)

    with pytest.raises(CommandError, match=r"still use another key.* restart them: b:1\."):
        rotate("complete")
    assert readiness.keys_under_fallbacks() == 2


def test_a_completion_that_is_interrupted_is_continued(
    project: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, OLD, NEW)
    rotate("start")
    use(settings, NEW, OLD)
    monkeypatch.setattr(signing_keys, "encrypted", interrupted_at_the_second())
    with pytest.raises(KeyboardInterrupt):
        rotate("complete")
    monkeypatch.undo()
    # Both are readable in between, and a new rotation doesn't begin.
    assert readiness.keys_under_fallbacks() == 1
    assert readiness.find_faults() == {}
    with pytest.raises(CommandError, match="still encrypted under a previous key"):
        rotate("start")

    assert rotate("complete")["reencrypted"] == "1"
    assert readiness.keys_under_fallbacks() == 0
    with pytest.raises(CommandError, match="No rotation"):
        rotate("complete")


def interrupted_at_the_second() -> Callable[..., bytes]:
    done: list[bytes] = []

    def encrypt(secret: bytes, *, purpose: str) -> bytes:
        if done:
            raise KeyboardInterrupt
        done.append(secret)
        return encryption.encrypted(secret, purpose=purpose)

    return encrypt


def test_keys_that_were_exchanged_without_a_start_can_be_completed(project: None, settings: Settings) -> None:
    use(settings, NEW, OLD)

    assert rotate("complete") == {"processes": "0", "reencrypted": "2"}


def test_secret_key_encrypts_until_there_is_an_encryption_key(project: None, settings: Settings) -> None:
    use(settings, "")
    settings.SECRET_KEY = OLD
    assert signing_keys.current_key()

    # Moved away from SECRET_KEY: in between, SECRET_KEY still decrypts.
    settings.ENCRYPTION_KEY_FALLBACKS = [NEW]
    rotate("start")
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_KEY_FALLBACKS = NEW, []
    assert readiness.find_faults() == {}
    assert rotate("complete")["reencrypted"] == "2"

    # Then SECRET_KEY can be replaced without stored secrets.
    settings.SECRET_KEY_FALLBACKS = [OTHER]
    rotate("start", "SECRET_KEY")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OTHER, [OLD]
    assert rotate("complete", "SECRET_KEY")["reencrypted"] == "0"
    settings.SECRET_KEY_FALLBACKS = []
    signing_keys.forget()
    assert signing_keys.current_key()


def test_fingerprints_differ_and_contain_no_key() -> None:
    found = {fingerprint(key) for key in (OLD, NEW, OTHER)}

    assert len(found) == 3
    assert {len(one) for one in found} == {16}


def test_every_encrypted_column_is_encrypted_again() -> None:
    """A new column with stored secrets must be added to key_rotation.complete() and to readiness."""
    stored = [
        (model.__name__, one.name)
        for model in apps.get_app_config("directory").get_models()
        for one in model._meta.get_fields()
        if isinstance(one, BinaryField) and not one.name.endswith("_hash")
    ]
    # Everyone gets the logo. A passkey's private key never leaves the device, and a browser gets the rest.
    public = [
        ("OrganizationLogoRow", "content"),
        ("PasskeyChallengeRow", "challenge"),
        ("PasskeyRow", "credential_id"),
        ("PasskeyRow", "public_key"),
    ]

    assert sorted(stored) == [
        *public,
        ("RecoveryCodesRow", "codes"),
        ("SigningKeyRow", "private_key"),
        ("TotpRow", "secret"),
    ]


# --- Two nodes, restarted one after the other, with requests all the time ---


@dataclass
class Portal:
    """Two nodes, one database, and a product that uses both without a pause."""

    environment: dict[str, str]
    ports: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    processes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    succeeded: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def restart(self, port: int, **changes: str) -> None:
        """Restart one node with changed settings, while the proxy in front sends requests to the other one."""
        with self.lock:
            old = self.processes.pop(port, None)
        if old:
            old.terminate()
            old.wait(30)
        self.environment |= changes
        new = serve(self.environment, address=f"http://127.0.0.1:{port}")
        with self.lock:
            self.processes[port] = new

    def stop(self) -> None:
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def use(self, credentials: tuple[str, str], session: dict[str, str], end: threading.Event) -> None:
        """Authenticate a session at each running node in turn, by its token and by the JWT that the other node signed."""
        proof = {"session_token": session["session_token"]}
        while not end.is_set():
            for port in self.ports:
                with self.lock:
                    if port not in self.processes:
                        continue
                    answer = requests.post(
                        f"http://127.0.0.1:{port}/v1/b2b/sessions/authenticate",
                        json=proof,
                        auth=credentials,
                        timeout=20,
                    )
                    ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=20)
                if (answer.status_code, ready.status_code) != (200, 200):
                    self.failures.append(answer.text + ready.text)
                    continue
                self.succeeded += 1
                proof = {"session_jwt": answer.json()["session_jwt"]}
            time.sleep(0.05)


@contextmanager
def in_use(portal: Portal, *arguments: Any) -> Iterator[None]:
    end = threading.Event()
    user = threading.Thread(target=portal.use, args=(*arguments, end))
    user.start()
    try:
        yield
    finally:
        end.set()
        user.join()


def rejection(environment: dict[str, str], *arguments: str) -> str:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        manage(environment, "rotatekey", *arguments)
    return str(raised.value.stderr)


@pytest.fixture
def portal(portal_environment: dict[str, str]) -> Iterator[Portal]:  # noqa: F811 -- the fixture
    running = Portal(portal_environment | {"ENCRYPTION_KEY": OLD})
    manage(running.environment, "migrate")
    manage(running.environment, "createorganization", "--name", "Acme", "--slug", "acme")
    try:
        for port in running.ports:
            running.restart(port)
        yield running
    finally:
        running.stop()


def sign_in(portal: Portal) -> tuple[tuple[str, str], dict[str, str]]:
    """Create a member and a project. Return the project's credentials, and a session of the member for its product."""
    named = ["--organization", "acme", "--email", "ada@acme.example", "--name", "Ada", "--password-stdin"]
    command = [sys.executable, "manage.py", "createmember", *named]
    subprocess.run(
        command, cwd=ROOT, env=portal.environment, input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL
    )
    project = json.loads(manage(portal.environment, "createproject", "--json"))
    credentials = (project["project_id"], project["secret"])
    organization = requests.post(
        f"http://127.0.0.1:{portal.ports[0]}/v1/b2b/organizations/search", json={}, auth=credentials, timeout=20
    ).json()["organizations"][0]["organization_id"]
    proof = {"organization_id": organization, "email_address": "ada@acme.example", "password": PASSWORD}
    session: dict[str, str] = requests.post(
        f"http://127.0.0.1:{portal.ports[0]}/v1/b2b/passwords/authenticate", json=proof, auth=credentials, timeout=20
    ).json()
    return credentials, session


def test_two_nodes_rotate_a_key_without_a_failed_request(portal: Portal) -> None:
    (a, b), environment = portal.ports, portal.environment
    with in_use(portal, *sign_in(portal)):
        portal.restart(a, ENCRYPTION_KEY_FALLBACKS=NEW)
        assert "don't have the new key yet" in rejection(environment, "start", "ENCRYPTION_KEY")
        portal.restart(b)
        manage(environment, "rotatekey", "start", "ENCRYPTION_KEY")

        portal.restart(a, ENCRYPTION_KEY=NEW, ENCRYPTION_KEY_FALLBACKS=OLD)
        assert "still use another key" in rejection(environment, "complete", "ENCRYPTION_KEY")
        portal.restart(b)
        done = manage(environment, "rotatekey", "complete", "ENCRYPTION_KEY", "--json")

        portal.restart(a, ENCRYPTION_KEY_FALLBACKS="")
        portal.restart(b)
    assert json.loads(done) == {"processes": "2", "reencrypted": "1"}
    assert portal.failures == []
    assert portal.succeeded > 20
