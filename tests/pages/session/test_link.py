"""The page of a sign-in link."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.members.sign_in_links import new_link
from tests import factories

NEW_PASSWORD = "five unrelated words in a row"


@pytest.fixture
def invited(acme: models.OrganizationRow) -> models.MemberRow:
    return factories.member(acme, "ines@acme.example", name="Ines Invited")


def link_to(member: models.MemberRow) -> str:
    return new_link(member).url.removeprefix("http://127.0.0.1:8000")


def choose(client: Client, link: str, password: str = NEW_PASSWORD) -> Any:
    path, _, token = link.partition("?token=")
    return client.post(path, {"token": token, "password": password})


def test_opening_a_link_shows_its_member_and_does_not_use_it(invited: models.MemberRow, visitor: Client) -> None:
    link = link_to(invited)

    for _ in range(2):
        assert "ines@acme.example" in visitor.get(link).content.decode()


def test_link_works_once(invited: models.MemberRow, visitor: Client) -> None:
    link = link_to(invited)

    assert choose(visitor, link)["Location"] == "/o/acme/"
    assert visitor.get("/o/acme/").status_code == 200
    again = choose(Client(), link, "another password of mine")
    assert again.status_code == 410
    by_password = Client().post("/o/acme/sign-in/", {"email_address": "ines@acme.example", "password": NEW_PASSWORD})
    assert by_password.status_code == 303


def test_new_password_revokes_sessions(invited: models.MemberRow) -> None:
    old = factories.signed_in(invited)

    choose(Client(), link_to(invited))

    assert old.get("/o/acme/").status_code == 401


def test_newer_link_replaces_the_older(invited: models.MemberRow, visitor: Client) -> None:
    older, newer = link_to(invited), link_to(invited)

    assert visitor.get(older).status_code == 410
    assert visitor.get(newer).status_code == 200


@pytest.mark.parametrize(("status", "days"), [(MemberStatus.INVITED, 7), (MemberStatus.ACTIVE, 1)])
def test_invitation_is_valid_for_a_week_and_a_reset_link_for_a_day(
    invited: models.MemberRow, visitor: Client, status: MemberStatus, days: int
) -> None:
    invited.status = status
    link = link_to(invited)

    with time_machine.travel(timezone.now() + timedelta(days=days, minutes=-1), tick=False):
        assert visitor.get(link).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=days, minutes=1), tick=False):
        assert visitor.get(link).status_code == 410


def test_link_is_rejected_in_another_organization(
    invited: models.MemberRow, globex: models.OrganizationRow, visitor: Client
) -> None:
    assert visitor.get(link_to(invited).replace("/o/acme/", "/o/globex/")).status_code == 410


@pytest.mark.parametrize("password", ["short", "", "x" * 129])
def test_rejected_password_does_not_use_the_link(invited: models.MemberRow, visitor: Client, password: str) -> None:
    link = link_to(invited)

    assert choose(visitor, link, password).status_code == 422
    assert choose(visitor, link).status_code == 303


def test_setting_a_password_is_in_the_activity_log_without_it(invited: models.MemberRow, visitor: Client) -> None:
    choose(visitor, link_to(invited))

    entry = models.ActivityEntryRow.objects.get(action="member.set_password")
    assert entry.actor_id == f"member-live-{invited.pk}"
    assert NEW_PASSWORD not in str(vars(entry))


@pytest.mark.parametrize("token", ["", "nonsense", "\0", "x" * 5000])
def test_invalid_link_is_gone(acme: models.OrganizationRow, visitor: Client, token: str) -> None:
    assert visitor.get("/o/acme/sign-in/link/", {"token": token}).status_code == 410


def test_ended_link_offers_to_sign_in(invited: models.MemberRow, visitor: Client) -> None:
    link = link_to(invited)
    choose(visitor, link)

    for response in (Client().get(link), choose(Client(), link), Client().get(f"{link}x")):
        html = response.content.decode()
        assert response.status_code == 410
        assert "This link no longer works" in html
        assert 'href="/o/acme/sign-in/"' in html
        assert "signed out" not in html


def test_expired_choice_offers_to_sign_in(visitor: Client, db: None) -> None:
    response = visitor.post("/organizations/", {"organization_id": "organization-live-none"})

    assert response.status_code == 401
    assert 'href="/sign-in/"' in response.content.decode()
