"""Scoring a password takes little time: the public endpoint for it must not slow down others."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from django.test import Client
from pytest_django import Settings

from portal.directory.errors import TooManyRequests
from portal.embedded import models
from portal.embedded.members.sign_in_links import new_link
from portal.embedded.passwords.strength import strength
from portal.embedded.project_secrets import NewProjectSecret
from tests.api.conftest import Caller
from tests.api.conftest import project as project  # noqa: PLC0414 -- a fixture

STRONG = "quartz lantern orbit meadow"
SLOW = "3!8+%%1[7796324$186$|0@7"


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another password be scored all the time."""
    monkeypatch.setattr("portal.embedded.passwords.strength._MAX_WAIT_SECONDS", 0.01)
    lock = Lock()
    lock.acquire()
    monkeypatch.setattr("portal.embedded.passwords.strength._LOCK", lock)


def seconds(passwords: list[str]) -> float:
    """Return the computing time that scoring takes."""
    started = time.process_time()
    for password in passwords:
        strength(password)
    return time.process_time() - started


def test_scoring_takes_little_time() -> None:
    """Digits and signs that can mean letters took half a second, and more for longer ones."""
    strength(STRONG)
    letters = random.Random(1)  # noqa: S311 -- the same each time
    signs = "4@8({[<369!1|70$5+%2"
    worst = [SLOW, SLOW * 5, signs * 6, *("".join(letters.choices(signs, k=24)) for _ in range(10))]

    # About twice as much, and hundreds of times as much without the limit on what is scored.
    assert seconds(worst) < 50 * seconds([STRONG] * len(worst))


def test_unscored_characters_do_not_weaken_a_password() -> None:
    letters = random.Random(2)  # noqa: S311 -- as above
    for _ in range(20):
        assert strength("".join(letters.choices("0123456789!$%+|@", k=16))).valid_password
        assert strength("".join(letters.choices("abcdefghkmnpqrstuvwxyz23456789!$%+|@", k=14))).valid_password
    assert not strength("Passw0rd1234").valid_password


@pytest.mark.usefixtures("busy")
def test_scoring_is_rejected_if_many_are_waiting() -> None:
    with pytest.raises(TooManyRequests):
        strength(STRONG)


def test_a_few_concurrent_passwords_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.embedded.passwords.strength._MAX_WAIT_SECONDS", 10)  # however slow the machine is
    with ThreadPoolExecutor(3) as pool:
        assert all(one.valid_password for one in pool.map(strength, [STRONG] * 3))


@pytest.mark.usefixtures("busy")
def test_page_shows_that_many_passwords_are_being_checked(admin: models.MemberRow, visitor: Client) -> None:
    token = new_link(admin).url.partition("token=")[2]

    answer = visitor.post("/o/acme/sign-in/link/", {"token": token, "password": STRONG})

    assert answer.status_code == 429
    assert "Try again in a moment" in answer.content.decode()
    assert token in answer.content.decode()


def test_browsers_have_a_lower_rate_limit(project: NewProjectSecret, settings: Settings) -> None:
    settings.API_PASSWORD_STRENGTH_RATE = "2 per minute"
    page = Caller(project.public_token, project.public_token, "/sdk/v1/", {})
    backend = Caller(project.project_id, project.secret, "/v1/b2b/", {})

    answers = [page.post("b2b/passwords/strength_check", {"password": STRONG}) for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert backend.post("passwords/strength_check", {"password": STRONG}).status == 200


@pytest.mark.usefixtures("busy")
def test_api_rejects_with_too_many_requests(project: NewProjectSecret) -> None:
    backend = Caller(project.project_id, project.secret, "/v1/b2b/", {})

    assert backend.post("passwords/strength_check", {"password": STRONG}).status == 429
