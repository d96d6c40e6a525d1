"""One-time sign-in links: emailed, or shown once if email isn't configured."""

import re
from unittest.mock import patch

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from portal.embedded.tasks import queue
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

NEW_PASSWORD = "five unrelated words in a row"


@pytest.fixture
def user(acme: models.OrganizationRow) -> models.ScimUserRow:
    return factories.provisioned(factories.scim_connection(acme), "pia@acme.example", display_name="Pia Patel")


@pytest.fixture
def email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"


def url_of(user: models.ScimUserRow) -> str:
    return f"/o/acme/scim/people/scim-user-live-{user.pk}/"


def link_in(text: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:8000(/o/acme/sign-in/link/\?token=[\w-]+)", text)
    assert found
    return found.group(1)


def redeem(link: str, password: str = NEW_PASSWORD) -> Client:
    client = Client()
    path, _, token = link.partition("?token=")
    assert client.post(path, {"token": token, "password": password}).status_code == 303
    return client


def support_client(acme: models.OrganizationRow, settings: Settings, *actions: str) -> Client:
    """Return a member who may only see SCIM and take these actions on members."""
    permissions = {"stytch.scim": frozenset({"get"}), "stytch.member": frozenset(actions)}
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy({"support": Role("support", permissions)}, {}))
    return factories.signed_in(factories.member(acme, "sam@acme.example", roles=["support"], password=PASSWORD))


def test_the_page_of_a_person_links_to_a_page_that_asks_first(admin_client: Client, user: models.ScimUserRow) -> None:
    assert f'href="{url_of(user)}sign-in-link/"' in admin_client.get(url_of(user)).content.decode()

    html = admin_client.get(f"{url_of(user)}sign-in-link/").content.decode()

    assert "pia@acme.example" in html
    assert not models.SignInLinkRow.objects.exists()


@pytest.mark.usefixtures("email")
def test_the_link_is_emailed_to_the_person_and_never_shown(admin_client: Client, user: models.ScimUserRow) -> None:
    response = admin_client.post(f"{url_of(user)}sign-in-link/")

    assert response["Location"] == url_of(user)
    page = admin_client.get(url_of(user)).content.decode()
    assert "pia@acme.example will get an email with the link." in page
    assert "token=" not in page
    assert (len(mail.outbox), run_tasks()) == (0, 1)
    (message,) = mail.outbox
    assert message.to == ["pia@acme.example"]
    assert "Ada Admin sent you this link" in str(message.body)
    assert redeem(link_in(str(message.body))).get("/o/acme/").status_code == 200
    assert models.MemberRow.objects.get(email_address="pia@acme.example").email_address_verified


def test_without_email_the_link_is_shown_once_and_kept_out_of_caches(
    admin_client: Client, user: models.ScimUserRow
) -> None:
    shown = admin_client.post(f"{url_of(user)}sign-in-link/")

    assert "no-store" in shown["Cache-Control"]
    assert "token=" not in admin_client.get(f"{url_of(user)}sign-in-link/").content.decode()
    assert redeem(link_in(shown.content.decode())).get("/o/acme/").status_code == 200


def test_a_link_that_an_admin_could_copy_does_not_verify_the_address(
    admin_client: Client, user: models.ScimUserRow
) -> None:
    """A session with a verified address leads to sessions in other organizations."""
    models.MemberRow.objects.update(email_address_verified=True)

    redeem(link_in(admin_client.post(f"{url_of(user)}sign-in-link/").content.decode()))

    assert not models.MemberRow.objects.get(email_address="pia@acme.example").email_address_verified


def test_the_activity_says_who_sent_it_and_contains_no_secret(admin_client: Client, user: models.ScimUserRow) -> None:
    link = link_in(admin_client.post(f"{url_of(user)}sign-in-link/").content.decode())

    entry = models.ActivityEntryRow.objects.get(action="member.send_sign_in_link")
    assert (entry.actor_name, entry.target_name) == ("Ada Admin", "pia@acme.example")
    assert link.partition("token=")[2] not in str(vars(entry))


def test_a_newer_link_and_another_address_end_a_link(admin_client: Client, user: models.ScimUserRow) -> None:
    first, second = (link_in(admin_client.post(f"{url_of(user)}sign-in-link/").content.decode()) for _ in range(2))
    assert Client().get(first).status_code == 410
    assert Client().get(second).status_code == 200

    member = models.MemberRow.objects.get(email_address="pia@acme.example")
    member.email_address = "pia.patel@acme.example"
    member.save()

    assert Client().get(second).status_code == 410


def test_the_password_must_be_entered_first(admin_client: Client, user: models.ScimUserRow) -> None:
    factories.forget_password_entry()

    for response in (
        admin_client.get(f"{url_of(user)}sign-in-link/"),
        admin_client.post(f"{url_of(user)}sign-in-link/"),
    ):
        assert response["Location"].startswith("/o/acme/confirm/?next=")
    assert not models.SignInLinkRow.objects.exists()


def test_the_directory_itself_requires_the_password(admin_client: Client, user: models.ScimUserRow) -> None:
    factories.forget_password_entry()

    with patch("scim_admin.views.sign_in_link.needs_step_up", return_value=False):
        assert admin_client.post(f"{url_of(user)}sign-in-link/").status_code == 403
    assert not models.SignInLinkRow.objects.exists()


def test_deactivated_people_get_no_link(admin_client: Client, user: models.ScimUserRow) -> None:
    models.ScimUserRow.objects.update(active=False)
    models.MemberRow.objects.filter(email_address="pia@acme.example").update(status="deleted")

    assert "sign-in-link" not in admin_client.get(url_of(user)).content.decode()
    assert "can’t sign in" in admin_client.post(f"{url_of(user)}sign-in-link/").content.decode()
    assert not models.SignInLinkRow.objects.exists()


def test_an_organization_without_passwords_sends_no_link(admin_client: Client, user: models.ScimUserRow) -> None:
    models.OrganizationRow.objects.update(settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]})

    response = admin_client.post(f"{url_of(user)}sign-in-link/")

    assert response.status_code == 409
    assert "allow signing in by password" in response.content.decode()


def test_links_for_one_person_are_limited(admin_client: Client, user: models.ScimUserRow, settings: Settings) -> None:
    settings.SIGN_IN_LINK_RATE = "2 per hour"

    statuses = [admin_client.post(f"{url_of(user)}sign-in-link/").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


@pytest.mark.usefixtures("email")
def test_no_link_is_queued_while_too_much_waits(
    admin_client: Client, user: models.ScimUserRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 0)

    response = admin_client.post(f"{url_of(user)}sign-in-link/")

    assert response.status_code == 429
    assert "Too many tasks of this organization are waiting" in response.content.decode()
    assert not models.SignInLinkRow.objects.exists()


def test_the_permission_is_needed(acme: models.OrganizationRow, user: models.ScimUserRow, settings: Settings) -> None:
    client = support_client(acme, settings, "search")

    html = client.get(url_of(user)).content.decode()
    assert "disabled" in html
    assert "Your roles don’t let you" in html
    assert client.post(f"{url_of(user)}sign-in-link/").status_code == 403


def test_no_one_can_copy_the_link_of_someone_with_more_permissions(
    acme: models.OrganizationRow, user: models.ScimUserRow, settings: Settings
) -> None:
    client = support_client(acme, settings, "update.info.delete.password")
    assert client.post(f"{url_of(user)}sign-in-link/").status_code == 200
    models.MemberRow.objects.filter(email_address="pia@acme.example").update(direct_roles=["stytch_admin"])

    rejected = client.post(f"{url_of(user)}sign-in-link/")

    assert rejected.status_code == 403
    assert "permissions that you don’t have" in rejected.content.decode()
    # By email, only the person gets it.
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"
    assert client.post(f"{url_of(user)}sign-in-link/").status_code == 303


def test_another_organizations_person_is_not_found(other_admin_client: Client, user: models.ScimUserRow) -> None:
    factories.scim_connection(models.OrganizationRow.objects.get(slug="globex"))

    response = other_admin_client.post(f"{url_of(user)}sign-in-link/".replace("/o/acme/", "/o/globex/"))

    assert response.status_code == 404
    assert not models.SignInLinkRow.objects.exists()
