"""Active people who can't sign in: the reason in the list and on their page, and the number on the overviews."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.plans import analyze
from tests.scim_server.conftest import Idp
from tests.scim_server.test_query_counts import rows_read

USERS_PAGE = "/o/acme/scim/people/"
ANN = "ann@acme.example"


@pytest.fixture
def idp(acme: models.OrganizationRow) -> Idp:
    return Idp(factories.scim_connection(acme, bearer_token="token"), "token")


def push(idp: Idp, user_name: str, address: str = ANN) -> str:
    return idp.create_user(user_name, emails=[{"value": address}])


def listed(client: Client, **query: str | int) -> str:
    html = client.get(USERS_PAGE, {"state": "cannot-sign-in", **query}).content.decode()
    return re.sub(r"\s+", " ", html)


def page_of(client: Client, user: str) -> str:
    return re.sub(r"\s+", " ", client.get(f"{USERS_PAGE}{user}/").content.decode())


def taken(idp: Idp) -> str:
    push(idp, "first")
    return push(idp, "second")


def deleted(idp: Idp) -> str:
    user = push(idp, "gone")
    directory = EmbeddedProject(Origin()).open("acme", Actor(ActorType.PROJECT))
    directory.members.delete(public_id("member", models.MemberRow.objects.get(email_address=ANN).pk))
    return user


def existing(idp: Idp) -> str:
    user = taken(idp)
    # As after a deleted connection is restored while its people are members without one.
    models.ScimUserRow.objects.filter(user_name="first").delete()
    return user


def free(idp: Idp) -> str:
    user = taken(idp)
    models.MemberRow.objects.filter(email_address=ANN).update(status=MemberStatus.DELETED)
    return user


REASONS: dict[str, tuple[Callable[[Idp], str], str]] = {
    "no address": (lambda idp: idp.create_user("robot"), "sent no email address"),
    "unusable address": (lambda idp: push(idp, "robot", "ann at acme"), "“ann at acme” isn’t a valid email address"),
    "address of another person": (taken, f"</a> signs in with {ANN}"),
    "existing member": (existing, f"{ANN} belongs to an existing member"),
    "deleted member": (deleted, "The member was deactivated here"),
    "free again": (free, f"since {ANN} became free"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_is_in_the_list_and_on_the_page(idp: Idp, admin_client: Client, reason: str) -> None:
    arrange, sentence = REASONS[reason]
    user = arrange(idp)

    for html in (listed(admin_client), page_of(admin_client, user)):
        assert "Can’t sign in" in html
        assert sentence in html
    assert f"{USERS_PAGE}{user}/" in listed(admin_client)
    assert "Send a sign-in link" not in page_of(admin_client, user)


def test_the_reason_is_always_current(idp: Idp, admin_client: Client) -> None:
    first, second = push(idp, "first"), push(idp, "second")
    assert f"{USERS_PAGE}{second}/" in listed(admin_client)

    idp.send("DELETE", f"/Users/{first}")

    assert "Every active person can sign in" in listed(admin_client)
    assert "Can’t sign in" not in page_of(admin_client, second)


@pytest.mark.parametrize("page", ["/o/acme/", "/o/acme/scim/"])
def test_the_overviews_show_the_number(idp: Idp, admin_client: Client, page: str) -> None:
    push(idp, "first")
    assert "can’t sign in" not in admin_client.get(page).content.decode()
    idp.create_user("robot")
    idp.create_user("other robot")

    html = admin_client.get(page).content.decode()

    words = "2 active people can’t sign in" if page == "/o/acme/" else "2 active people who can’t sign in"
    assert words in re.sub(r"\s+", " ", html)
    assert f"{USERS_PAGE}?state=cannot-sign-in" in html
    assert "Nothing needs your attention" not in html


def test_a_page_takes_as_many_queries_for_three_as_for_thirty(idp: Idp, admin_client: Client) -> None:
    push(idp, "first")
    taken_queries = []
    for number in (3, 30):
        for n in range(number):
            factories.scim_user(
                idp.connection, f"{number}-{n}", cannot_sign_in=True, awaited_address=ANN if n % 2 else ""
            )
        with CaptureQueriesContext(database) as captured:
            assert listed(admin_client, limit=100).count("<tr>") > number
        taken_queries.append(len(captured))

    assert taken_queries[0] == taken_queries[1]


def test_they_come_page_by_page_each_once(idp: Idp, admin_client: Client) -> None:
    for n in range(60):
        factories.scim_user(idp.connection, f"robot{n:02}", cannot_sign_in=n % 2 == 0)
    seen: list[str] = []
    url: Any = f"{USERS_PAGE}?state=cannot-sign-in&limit=25"
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "people-more"}).content.decode()
        seen += re.findall(r"<small>(robot\d\d)</small>", html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert seen == [f"robot{n:02}" for n in range(0, 60, 2)]


@pytest.mark.postgresql
def test_they_are_found_without_reading_all_users(idp: Idp, admin_client: Client) -> None:
    for n in range(600):
        factories.scim_user(idp.connection, f"person{n:03}", cannot_sign_in=n in {10, 500})
    analyze()
    before = rows_read()

    assert listed(admin_client).count("Can’t sign in</span>") == 2
    admin_client.get("/o/acme/")

    assert all(read - before[table] < 60 for table, read in rows_read().items())


def test_no_response_to_the_identity_provider_contains_the_state(idp: Idp) -> None:
    user = idp.create_user("robot")

    assert "cannot" not in json.dumps(idp.get(f"/Users/{user}").json()).lower()
    assert models.ScimUserRow.objects.get(pk=parse_id("scim-user", user)).cannot_sign_in
