"""The project's rules for passwords: characters and their kinds instead of zxcvbn, and the list of leaked passwords."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_network

import msgspec
import pytest
from pytest_django import Settings

from portal.directories import directories
from portal.directory.actor import Origin
from portal.directory.configuration import Passwords
from portal.directory.errors import Invalid, Unauthenticated
from portal.directory.sessions import SessionTerms
from portal.embedded import models
from portal.embedded.passwords import breaches
from portal.embedded.passwords.strength import check_new_password, strength
from portal.embedded.project import EmbeddedProject
from portal.pages.session.forms import ChoosePasswordForm
from tests.conftest import PASSWORD
from tests.outbound.conftest import Answer, Server, says, serve

STRONG = "quartz lantern orbit meadow"
KINDS = "aB3-aB3-aB3-"


@pytest.fixture(autouse=True)
def asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no failure of another test keep this one from asking."""
    monkeypatch.setattr(breaches._Pause, "until", 0.0)


def use(settings: Settings, rules: Passwords) -> None:
    settings.PROJECT = msgspec.structs.replace(settings.PROJECT, passwords=rules)


@contextmanager
def leaked(settings: Settings, *answers: Answer) -> Iterator[Server]:
    """Serve the list of leaked passwords."""
    with serve(*answers) as server:
        settings.OUTBOUND_ALLOWED_NETWORKS = (ip_network("127.0.0.0/8"),)
        settings.OUTBOUND_PORTS = (server.port,)
        settings.OUTBOUND_ALLOW_HTTP = True
        use(settings, Passwords(breach_detection=("create",), breach_url=f"{server.url}range/"))
        yield server


def listing(*passwords: str, count: int = 7) -> Answer:
    """Answer with the rest of the hashes of passwords, as the range API does."""
    hashes = [hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper() for one in passwords]
    body = "\r\n".join([f"{'0' * 35}:0", *(f"{one[5:]}:{count}" for one in hashes)])
    return says(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("aB3-", "Use 12 to 128 characters"),
        ("abcdefghijkl", "Add 2 of these: an uppercase letter, a digit and a symbol"),
        ("abcdefghijK-" * 11, "Use 12 to 128 characters"),
    ],
)
def test_kinds_of_characters_are_counted(settings: Settings, password: str, says: str) -> None:
    use(settings, Passwords(strength="luds"))

    with pytest.raises(Invalid, match=says):
        check_new_password(password)


def test_every_kind_counts_once(settings: Settings) -> None:
    use(settings, Passwords(strength="luds", luds_complexity=4))

    assert strength(KINDS).valid_password
    assert strength("äB3aB3aB3aB3").valid_password, "a letter outside ASCII is a symbol, as at Stytch"
    missing = strength("aB3aB3aB3").luds
    assert missing is not None
    assert (missing.has_symbol, missing.missing_complexity, missing.missing_characters) == (False, 1, 3)
    with pytest.raises(Invalid, match=r"^Add a symbol"):
        check_new_password("aB3aB3aB3aB3")


def test_page_tells_the_rule_before_it_is_broken(settings: Settings) -> None:
    use(settings, Passwords(strength="luds", luds_complexity=2, luds_minimum_count=16))

    assert "At least 16 characters, with at least 2 of these" in ChoosePasswordForm().fields["password"].help_text


def test_leaked_password_is_rejected(settings: Settings) -> None:
    with leaked(settings, listing(STRONG)) as server, pytest.raises(Invalid) as rejected:
        check_new_password(STRONG)

    assert rejected.value.error_type == "breached_password"
    sent = server.requests[0]
    digest = hashlib.sha1(STRONG.encode(), usedforsecurity=False).hexdigest().upper()
    assert sent.startswith(f"GET /range/{digest[:5]} HTTP")
    assert digest[5:12] not in sent.upper(), "the list must not learn which password it is"
    assert "add-padding: true" in sent.lower()


@pytest.mark.parametrize("answer", [listing("another one"), listing(STRONG, count=0)])
def test_other_hashes_and_padding_do_not_count(settings: Settings, answer: Answer) -> None:
    with leaked(settings, answer):
        check_new_password(STRONG)


def test_password_that_is_weak_anyway_is_not_looked_up(settings: Settings) -> None:
    """While someone types, each lookup would tell the list one more beginning of the password."""
    with leaked(settings, listing()) as server:
        for length in range(1, 12):
            assert not strength(STRONG[:length]).valid_password

    assert server.requests == []


@pytest.mark.parametrize("answer", [says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), lambda _client: None])
def test_outage_of_the_list_keeps_nobody_out(settings: Settings, answer: Answer) -> None:
    with leaked(settings, answer) as server:
        for _ in range(3):
            check_new_password(STRONG)

    assert len(server.requests) == 1, "the list is left alone for a while after a failure"


def test_leaked_password_does_not_sign_in(settings: Settings, admin: models.MemberRow) -> None:
    sign_in = partial(EmbeddedProject(Origin()).open("acme", None).passwords.authenticate, terms=SessionTerms())
    discovery = directories().discovery(Origin())
    with leaked(settings, listing(PASSWORD)) as server:
        rules = msgspec.structs.replace(settings.PROJECT.passwords, breach_detection=("authenticate",))
        use(settings, rules)
        with pytest.raises(Unauthenticated) as wrong:
            sign_in(email_address=admin.email_address, password="another one")
        with pytest.raises(Unauthenticated) as rejected:
            sign_in(email_address=admin.email_address, password=PASSWORD)
        with pytest.raises(Unauthenticated) as nowhere:
            discovery.authenticate(email_address=admin.email_address, password=PASSWORD)

    assert wrong.value.error_type == "unauthorized_credentials"
    assert {rejected.value.error_type, nowhere.value.error_type} == {"member_reset_password"}
    assert len(server.requests) == 2, "wrong passwords are never looked up"


def test_nothing_is_looked_up_by_default(settings: Settings) -> None:
    with leaked(settings, listing(STRONG)) as server:
        use(settings, Passwords(breach_url=settings.PROJECT.passwords.breach_url))
        check_new_password(STRONG)

    assert server.requests == []
