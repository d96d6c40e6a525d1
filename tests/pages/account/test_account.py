"""The account of the member who is signed in: profile, roles, sessions, and preferences."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.web.times import BROWSER_ZONE_COOKIE
from tests import factories

PAGE = "/o/acme/account/"
SAVE = f"{PAGE}preferences/"


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def save(client: Client, **chosen: str) -> tuple[int, str]:
    response = client.post(SAVE, {"time_zone": "browser", "theme": "system", **chosen})
    return response.status_code, " ".join(response.content.decode().split())


def stored(member: models.MemberRow) -> tuple[str, str]:
    member.refresh_from_db()
    return member.time_zone, member.theme


def test_it_is_linked_from_the_frame_and_marked(member_client: Client) -> None:
    assert re.search(
        r'class="area person" href="/o/acme/account/"> <span class="avatar', page(member_client, "/o/acme/")
    )
    assert 'class="area person" href="/o/acme/account/" aria-current="page"' in page(member_client)


def test_a_member_without_permissions_sees_profile_roles_and_sessions(
    acme: models.OrganizationRow, member: models.MemberRow
) -> None:
    factories.session_token(member)
    client = factories.signed_in(member)

    html = page(client)

    assert f"{member.email_address} · Member of Acme" in html or f"{member.email_address}</h1>" in html
    assert "Every member has this role" in html
    sessions = html[html.index('id="sessions-heading"') :]
    assert sessions.count("<li>") == 2
    assert sessions.count("This device") == 1


def test_roles_name_the_groups_that_grant_them(acme: models.OrganizationRow, admin_client: Client) -> None:
    connection = factories.scim_connection(acme)
    group, user = factories.scim_group(connection, "Support"), factories.provisioned(connection, "pia@acme.example")
    factories.put_in_group(group, [user])
    factories.group_role(group, "stytch_admin")
    assert user.member

    html = page(factories.signed_in(user.member))

    assert "SCIM group" in html
    assert ">Support</a>" in html
    assert "Admin of Acme" in html
    assert "Assigned manually" in page(admin_client)


@pytest.mark.parametrize("number", [1, 15])
def test_the_number_of_queries_does_not_grow(
    acme: models.OrganizationRow,
    member: models.MemberRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    client = factories.signed_in(member)
    for _ in range(number):
        factories.session_token(member)
    client.get(PAGE)

    # Session; member; last activity; sessions; change of the address.
    with django_assert_num_queries(5):
        client.get(PAGE)


def test_preferences_are_saved_for_the_member_and_in_the_activity_log(member: models.MemberRow) -> None:
    client = factories.signed_in(member)

    assert save(client, time_zone="Europe/Copenhagen", theme="dark")[0] == 303

    assert stored(member) == ("Europe/Copenhagen", "dark")
    html = page(client)
    assert '<html lang="en" data-theme="dark">' in html
    assert '<option value="Europe/Copenhagen" selected>Copenhagen</option>' in html
    # In another browser, too.
    assert 'data-theme="dark"' in page(factories.signed_in(member), "/o/acme/")
    entry = models.ActivityEntryRow.objects.get(action="member.update_preferences")
    assert (entry.before, entry.after) == (
        {"time_zone": "", "theme": ""},
        {"time_zone": "Europe/Copenhagen", "theme": "dark"},
    )
    save(client, time_zone="Europe/Copenhagen", theme="dark")
    assert models.ActivityEntryRow.objects.filter(action="member.update_preferences").count() == 1
    save(client)
    assert stored(member) == ("", "")
    assert "data-theme" not in page(client)


@pytest.mark.parametrize(
    "chosen",
    [
        {"time_zone": "Mars/Base"},
        {"time_zone": "../etc/passwd"},
        {"theme": "pink"},
        {"locale": "xx"},
        {"theme": 'dark" x="'},
    ],
)
def test_unknown_preferences_are_rejected(member: models.MemberRow, chosen: dict[str, str]) -> None:
    status, html = save(factories.signed_in(member), **chosen)

    assert status == 422
    assert "from the list." in html
    assert stored(member) == ("", "")


def test_a_member_chooses_the_language_of_their_emails(member: models.MemberRow, admin: models.MemberRow) -> None:
    client = factories.signed_in(member)
    assert '<option value="organization" selected>The organization’s, or English</option>' in page(client)

    assert save(client, locale="de-DE")[0] == 303

    assert '<option value="de-DE" selected>Deutsch</option>' in page(client)
    assert list(models.MemberRow.objects.order_by("email_address").values_list("locale", flat=True)) == ["", "de-DE"]
    assert models.ActivityEntryRow.objects.get(action="member.update_preferences").after == {"locale": "de-DE"}
    save(client, locale="organization")
    member.refresh_from_db()
    assert member.locale == ""


def test_other_members_keep_theirs(member: models.MemberRow, admin: models.MemberRow) -> None:
    save(factories.signed_in(member), theme="dark")

    assert stored(admin) == ("", "")


def test_the_zone_of_the_browser_is_the_default_and_the_choice_wins(admin: models.MemberRow) -> None:
    client = factories.signed_in(admin)
    assert "Same as this browser (UTC until it tells its zone)" in page(client)
    assert re.search(r"It’s now <time [^>]*>[^<]* UTC<", page(client))

    client.cookies[BROWSER_ZONE_COOKIE] = "Asia/Tokyo"
    assert "Same as this browser (Asia/Tokyo)" in page(client)
    assert re.search(r"It’s now <time [^>]*>[^<]* JST<", page(client))

    save(client, time_zone="America/New_York")
    assert re.search(r"It’s now <time [^>]*>[^<]* E[SD]T<", page(client))
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("value", ["Mars/Base", "../../etc/passwd", "<script>", "x" * 5000, "Europe/Copenhagen\0"])
def test_an_invalid_zone_of_the_browser_is_ignored(admin_client: Client, value: str) -> None:
    admin_client.cookies[BROWSER_ZONE_COOKIE] = value

    assert re.search(r"It’s now <time [^>]*>[^<]* UTC<", page(admin_client))


def test_a_zone_without_an_abbreviation_is_shown_by_its_offset(admin: models.MemberRow) -> None:
    client = factories.signed_in(admin)
    save(client, time_zone="Asia/Dubai")

    assert re.search(r"It’s now <time [^>]*>[^<]* UTC\+04<", page(client))


def test_a_directory_that_cannot_store_them_keeps_them_in_the_browser(
    member: models.MemberRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedDirectory, "preferences", None)
    client = factories.signed_in(member)

    assert save(client, time_zone="Europe/Paris", theme="light")[0] == 303

    assert stored(member) == ("", "")
    html = page(client)
    assert "They’re kept in this browser." in html
    assert "Language of emails" not in html
    assert 'data-theme="light"' in html
    assert '<option value="Europe/Paris" selected>' in html
    assert save(client, time_zone="Mars/Base")[0] == 422
    for cookie in ('pink"|Europe/Paris', "||||", "dark"):
        client.cookies["preferences"] = cookie
        assert client.get(PAGE).status_code == 200


def test_a_stored_zone_that_the_server_no_longer_knows_is_ignored(admin: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(time_zone="Europe/Atlantis")

    assert re.search(r"It’s now <time [^>]*>[^<]* UTC<", page(factories.signed_in(admin)))
