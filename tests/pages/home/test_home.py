"""The home page: numbers, what needs attention in order of urgency, the connection, recent activity and next steps."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.directory.actor import ActorType
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.counts import count_organization
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import rows_of
from tests import factories
from tests.absent import absent

HOME = "/o/acme/"


@pytest.fixture
def okta(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    """A healthy connection with one person."""
    connection = factories.scim_connection(acme)
    factories.provisioned(connection, "pia@acme.example")
    factories.scim_request(connection)
    return connection


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def home(client: Client) -> str:
    page: str = client.get(HOME).content.decode()
    return page


def panel(page: str, name: str) -> str:
    """Return the section with a heading, "" if there is none."""
    found = re.search(rf'<section class="panel" aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    return found.group() if found else ""


def tiles(page: str) -> list[str]:
    return [text_of(tile) for tile in re.findall(r'<a class="tile".*?</a>', page, re.DOTALL)]


def titles(page: str) -> list[str]:
    """Return the titles of what needs attention."""
    return [text_of(one) for one in re.findall(r'<a class="strong".*?</a>', panel(page, "attention"), re.DOTALL)]


def granted(acme: models.OrganizationRow, *permissions: str) -> Client:
    """Return the client of a member whose role grants these permissions only."""
    resources: dict[str, list[str]] = {}
    for permission in permissions:
        resource, _, action = permission.partition(":")
        resources.setdefault(resource, []).append(action)
    grants = [{"resource_id": resource, "actions": actions} for resource, actions in resources.items()]
    acme.custom_roles = [{"role_id": "narrow", "description": "", "permissions": grants}]
    acme.save()
    return factories.signed_in(factories.member(acme, "nora@acme.example", name="Nora North", roles=["narrow"]))


# --- Numbers ---


def test_the_tiles_link_to_what_they_count(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    group, _ = factories.scim_groups(okta, ["Engineering", "Sales"])
    factories.group_role(group, "stytch_admin")
    factories.scim_request(okta, status=409)

    page = home(admin_client)

    assert tiles(page) == [
        "Members 2",
        "Managed by Okta 1 1 member isn’t managed",
        "Groups 2 1 grants roles",
        "Requests, last 24 hours 2 1 failed",
    ]
    urls = re.findall(r'<a class="tile" href="([^"]*)"', page)
    assert urls[:3] == ["/o/acme/members/", "/o/acme/scim/people/?state=active", "/o/acme/scim/groups/"]
    assert urls[3].startswith("/o/acme/scim/log/?since=")
    assert all(admin_client.get(url).status_code == 200 for url in urls)


def test_a_trend_is_shown_with_its_numbers_in_words_once_there_is_one(
    admin_client: Client, acme: models.OrganizationRow, okta: models.ScimConnectionRow
) -> None:
    assert 'class="spark"' not in home(admin_client).partition("Groups")[0]  # the last tile has one, of the hours
    count_organization(acme.pk)
    rows_of(acme.pk, models.DailyCountRow).update(day=timezone.now().date() - timedelta(days=7), members=1200)

    page = home(admin_client)

    # A large number is the kept one.
    assert 'aria-label="Over 12 days: 1,200 to 1,200"' in page
    assert "Members 1,200 No change this week" in tiles(page)
    assert 'title="Counted' in page
    rows_of(acme.pk, models.DailyCountRow).update(members=1)
    assert tiles(home(admin_client))[0] == "Members 2 1 more this week"
    rows_of(acme.pk, models.DailyCountRow).update(members=5)
    assert tiles(home(admin_client))[0] == "Members 2 3 fewer this week"


# --- Needs attention ---


def hold(okta: models.ScimConnectionRow) -> None:
    models.ScimConnectionRow.objects.update(hold_started_at=timezone.now())
    models.ScimUserRow.objects.filter(connection=okta).update(deactivation_held_at=timezone.now())


def expire(okta: models.ScimConnectionRow) -> None:
    okta.tokens.update(expires_at=timezone.now() - timedelta(days=1))


def expire_soon(okta: models.ScimConnectionRow) -> None:
    okta.tokens.update(expires_at=timezone.now() + timedelta(days=6))


def fail(okta: models.ScimConnectionRow) -> None:
    for _ in range(4):
        factories.scim_request(okta, method="POST", status=409)


def pause(okta: models.ScimConnectionRow) -> None:
    models.ScimConnectionRow.objects.update(paused_at=timezone.now(), paused_by="Pat Pauser")


def conflict(okta: models.ScimConnectionRow) -> None:
    for name in ("Mara Lindqvist", "Tom Okafor"):
        address = f"{name.split()[0].lower()}@acme.example"
        factories.scim_conflict(okta, factories.member(okta.organization, address, name=name))
    models.ScimConnectionRow.objects.update(waiting_conflicts=2)


def without_access(okta: models.ScimConnectionRow) -> None:
    models.ScimUserRow.objects.filter(connection=okta).update(cannot_sign_in=True)


def reject(okta: models.ScimConnectionRow) -> None:
    models.ScimConnectionRow.objects.update(attention="The last admin stays.", attention_at=timezone.now())


def fall_silent(okta: models.ScimConnectionRow) -> None:
    models.ScimRequestRow.objects.all().delete()
    factories.scim_request(okta, at=timezone.now() - timedelta(days=8))


def rename(okta: models.ScimConnectionRow) -> None:
    group = factories.scim_group(okta, "Field Sales")
    factories.group_role(group, "stytch_admin")
    factories.rename(group, "Sales EMEA")


def change(okta: models.ScimConnectionRow) -> None:
    models.MemberRow.objects.filter(scim_user__connection=okta).update(status=MemberStatus.DELETED)


def stop_use(okta: models.ScimConnectionRow) -> None:
    models.ScimRequestRow.objects.all().delete()
    models.ScimUserRow.objects.all().delete()


ITEMS: list[tuple[Callable[[models.ScimConnectionRow], None], str, str, str]] = [
    (hold, "1 deactivation is on hold", "Okta deactivated 0 of 0 people within an hour.", "attention/deactivations/"),
    (expire, "The SCIM token has expired", "Create a new token and enter it there.", "settings/#token"),
    (fail, "Requests from Okta are failing", "Many requests from Okta fail", "log/?outcome=refused&amp;since="),
    (pause, "The connection is paused", "Pat Pauser paused it", "resume/"),
    (
        conflict,
        "2 people match existing members",
        "Choose whether Okta should manage Mara Lindqvist and Tom Okafor.",
        "attention/existing-members/",
    ),
    (without_access, "1 active person can’t sign in", "The email address is missing", "people/?state=cannot-sign-in"),
    (reject, "A change by Okta was rejected", "The last admin stays.", "log/?outcome=refused&amp;since="),
    (fall_silent, "Okta is silent", "hasn’t sent a request for much longer than usual", "log/"),
    (expire_soon, "The SCIM token expires within 7 days", "Rotation doesn’t interrupt anything.", "settings/#token"),
    (
        rename,
        "A group with roles was renamed in Okta",
        "Field Sales is now Sales EMEA. It still grants Admin.",
        "attention/differences/",
    ),
    (change, "1 member was changed manually", "Okta corrects this only the next time", "attention/differences/"),
    (stop_use, "The connection isn’t in use yet", "Okta hasn’t sent a request yet.", "set-up/"),
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item[0].__name__)
def test_each_item_says_what_happened_and_has_a_primary_button(
    admin_client: Client,
    okta: models.ScimConnectionRow,
    item: tuple[Callable[[models.ScimConnectionRow], None], str, str, str],
) -> None:
    make, title, note, url = item
    make(okta)

    page = home(admin_client)

    assert titles(page) == [title]
    shown = panel(page, "attention")
    assert note in text_of(shown)
    assert "Nothing needs your attention" not in page
    button = re.search(r"(?:<a|<form[^>]*)[^<]*(?:<[^<]*){0,4}btn-primary", shown)
    assert button
    assert f'="/o/acme/scim/{url}' in shown
    if make is not pause:
        assert re.search(rf'class="btn btn-primary" href="/o/acme/scim/{re.escape(url)}', shown)


def test_the_most_urgent_item_is_first_and_the_only_primary_button(
    admin_client: Client, okta: models.ScimConnectionRow
) -> None:
    for make in (rename, expire_soon, reject, without_access, conflict, pause, hold):
        make(okta)

    page = home(admin_client)

    assert titles(page) == [
        "1 deactivation is on hold",
        "The connection is paused",
        "2 people match existing members",
        "1 active person can’t sign in",
        "A change by Okta was rejected",
        "The SCIM token expires within 7 days",
        "A group with roles was renamed in Okta",
    ]
    assert page.count("btn-primary") == 1
    # One for the hold, two members, one group: as many as the navigation says.
    assert '<span class="count count-attention">4</span>' in panel(page, "attention")
    assert "needs attention: 4" in text_of(page)
    assert 'href="/o/acme/scim/attention/"' in panel(page, "attention")


def test_several_renamed_groups_are_one_item(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    for number in range(3):
        group = factories.scim_group(okta, f"Team {number}")
        factories.group_role(group, "stytch_admin")
        factories.rename(group, f"Crew {number}")

    assert titles(home(admin_client)) == ["3 groups with roles were renamed or deleted in Okta"]


def test_a_healthy_connection_needs_nothing(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    shown = text_of(panel(home(admin_client), "attention"))

    assert "Nothing needs your attention Okta is connected. Requests are succeeding." in shown


def test_who_may_not_resume_sees_why(acme: models.OrganizationRow, okta: models.ScimConnectionRow) -> None:
    pause(okta)

    page = home(granted(acme, "stytch.scim:get"))

    assert re.search(r"<button[^>]*disabled[^>]*>Resume provisioning", page)
    assert "Your roles don’t let you change the SCIM connection" in page
    assert 'action="/o/acme/scim/resume/"' not in page


# --- The rest ---


def test_the_connection_has_its_state_and_its_last_request(
    admin_client: Client, okta: models.ScimConnectionRow
) -> None:
    shown = text_of(panel(home(admin_client), "connections"))
    assert shown == "Connections O Okta production SCIM · last request just now Healthy"

    hold(okta)
    assert "Approval needed" in panel(home(admin_client), "connections")


def test_recent_activity_has_the_newest_five_changes(
    admin_client: Client, acme: models.OrganizationRow, okta: models.ScimConnectionRow
) -> None:
    for number in range(7):
        factories.activity_entry(acme, "organization.update", target_name=f"Name {number}")

    shown = panel(home(admin_client), "recent")

    assert shown.count("<li>") == 5
    assert "Name 6" in shown
    assert "Name 1" not in shown
    assert 'href="/o/acme/activity/"' in shown


def test_recent_activity_leaves_out_what_happens_all_the_time(
    admin_client: Client, acme: models.OrganizationRow, okta: models.ScimConnectionRow
) -> None:
    factories.activity_entry(acme, "organization.update", target_name="Acme Renamed")
    factories.activity_entry(acme, "member.update", target_name="By an admin")
    by_scim = {"actor_type": ActorType.SCIM, "actor_name": "Okta"}
    for number in range(30):
        factories.activity_entry(acme, "scim_user.update", target_name=f"Person {number}", **by_scim)
    for _ in range(10):
        factories.activity_entry(acme, "member_session.create", target_name="Nora North")
    by_product = {"actor_type": ActorType.PROJECT, "actor_name": "Fieldnote"}
    for number in range(30):
        factories.activity_entry(acme, "embed_ticket.create", target_name=f"Person {number}", **by_product)

    shown = text_of(panel(home(admin_client), "recent"))

    assert "Nora North changed the member By an admin" in shown
    assert shown.index("By an admin") < shown.index("Acme Renamed")
    assert "Person" not in shown
    assert "signed in" not in shown


def test_next_steps_go_when_all_are_done(
    admin_client: Client, acme: models.OrganizationRow, okta: models.ScimConnectionRow
) -> None:
    shown = panel(home(admin_client), "next")
    assert "2 of 4" in shown
    assert re.findall(r'<li aria-current="step">.*?<h3>(.*?)</h3>', shown, re.DOTALL) == ["Give groups their roles"]

    factories.group_role(factories.scim_group(okta, "Engineering"), "stytch_admin")
    shown = panel(home(admin_client), "next")
    assert "3 of 4" in shown
    assert 'href="/o/acme/scim/settings/#contacts">Add a contact</a>' in shown

    models.ScimContactRow.objects.create(organization=acme, connection=okta, email_address="it@acme.example")
    assert panel(home(admin_client), "next") == ""


def test_a_new_organization_gets_its_first_steps(admin_client: Client, member: models.MemberRow) -> None:
    page = home(admin_client)

    assert tiles(page) == []
    shown = panel(page, "next")
    assert "Get started" in shown
    assert "You’re signed in as ada@acme.example." in shown
    assert 'class="btn btn-primary" href="/o/acme/scim/create/">Connect</a>' in shown
    assert page.count("btn-primary") == 1
    members = text_of(panel(page, "members"))
    assert "Ada Admin (you) ada@acme.example" in members
    assert "Max Member" in members


def test_who_may_not_connect_sees_why(acme: models.OrganizationRow) -> None:
    page = home(granted(acme, "stytch.scim:get"))

    assert re.search(r"<button[^>]*disabled[^>]*>Connect<", page)
    assert "Your roles don’t let you create a SCIM connection" in page
    assert panel(page, "members") == ""
    assert panel(page, "recent") == ""


def test_a_member_without_rights_sees_who_can_help_and_nothing_else(
    member_client: Client, okta: models.ScimConnectionRow
) -> None:
    hold(okta)
    page = home(member_client)
    assert "<b>Admin</b>" in page  # no one has it
    factories.member(okta.organization, "ada@acme.example", name="Ada Admin", roles=["stytch_admin"])

    page = home(member_client)

    assert "You’re a member of Acme" in page
    assert "These people can help you: AA Ada Admin ada@acme.example Email Ada Admin" in text_of(page)
    for name in ("attention", "connections", "recent", "next", "members"):
        assert panel(page, name) == "", name
    assert tiles(page) == []
    assert "Okta" not in page


@pytest.mark.parametrize(
    ("permission", "number", "has_activity"),
    [("stytch.member:search", 1, False), ("gatehouse.activity:get", 0, True)],
)
def test_each_right_shows_its_own_part(
    acme: models.OrganizationRow,
    okta: models.ScimConnectionRow,
    permission: str,
    number: int,
    *,
    has_activity: bool,
) -> None:
    factories.activity_entry(acme)
    page = home(granted(acme, permission))

    assert len(tiles(page)) == number
    assert bool(panel(page, "recent")) is has_activity
    assert "You’re a member of Acme" in page


def test_a_directory_without_numbers_and_logs_shows_none(
    admin_client: Client, okta: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("counts", "activity"):
        monkeypatch.setattr(EmbeddedDirectory, name, None)
    with absent("log", "health", "drift", "conflicts", "safeguard", "contacts", "users"):
        page = home(admin_client)

    assert tiles(page) == []
    assert panel(page, "recent") == ""
    assert panel(page, "next") == ""
    assert "Nothing needs your attention" in page
    assert 'href="/o/acme/scim/attention/"' not in page
    assert "Not available with this directory." in text_of(panel(page, "connections"))


@pytest.mark.parametrize("number", [1, 60])
def test_the_number_of_queries_is_independent_of_what_there_is(
    admin_client: Client,
    okta: models.ScimConnectionRow,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    groups = factories.scim_groups(okta, [f"Group {turn}" for turn in range(number)])
    for turn, group in enumerate(groups):
        factories.provisioned(okta, f"person{turn}@acme.example")
        factories.group_role(group, "stytch_admin")
        factories.scim_request(okta, status=409)
        factories.activity_entry(okta.organization, "organization.update")
    conflict(okta)
    change(okta)
    home(admin_client)

    with django_assert_max_num_queries(25):
        home(admin_client)


def test_nothing_of_another_organization_is_shown(
    admin_client: Client, okta: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    other = factories.scim_connection(globex)
    for number in range(5):
        factories.provisioned(other, f"person{number}@globex.example")
        factories.scim_request(other)
    factories.activity_entry(globex, "organization.update", target_name="Globex secret")
    count_organization(globex.pk)

    page = home(admin_client)

    assert tiles(page)[0] == "Members 2"
    assert tiles(page)[3] == "Requests, last 24 hours 1 None failed"
    assert "Globex" not in page
