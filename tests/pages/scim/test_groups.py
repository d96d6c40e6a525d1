"""The SCIM page and the list of its groups: every state, as a page and as the fragment that HTMX asks for."""

import csv
import gzip
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from portal.directory.errors import NotFound, Unavailable
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.database import keyset
from portal.embedded.database.name_search import NameSearch
from portal.embedded.scim.groups import EmbeddedScimGroups
from portal.web import exports
from tests import factories
from tests.absent import absent

PAGE = "/o/acme/scim/"
GROUPS = "/o/acme/scim/groups/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def add_groups(connection: models.ScimConnectionRow, number: int) -> list[str]:
    return [group.display_name for group in factories.scim_groups(connection, (f"Team {n:04}" for n in range(number)))]


def page(client: Client, url: str = GROUPS, /, **query: str | int) -> str:
    return client.get(url, query).content.decode()


def fragment(client: Client, target: str, url: str = GROUPS, /, **query: str | int) -> Any:
    return client.get(url, query, headers={"HX-Request": "true", "HX-Target": target})


def names(html: str) -> list[str]:
    return re.findall(r">(Team \d+)<", html)


def next_url(html: str) -> str | None:
    found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
    return found.group(1).replace("&amp;", "&") if found else None


def all_pages(client: Client, url: str | None) -> Iterator[list[str]]:
    """Press Get groups, then Load more until the last page. Yield the names on each page."""
    target = "groups"
    while url:
        html = client.get(url, headers={"HX-Request": "true", "HX-Target": target}).content.decode()
        yield names(html)
        url, target = next_url(html), "groups-more"


def test_the_page_shows_the_connection_and_offers_its_groups(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    html = page(admin_client, PAGE)

    for shown in (
        "Okta production",
        f"/v1/b2b/scim/scim-connection-live-{connection.pk}",
        "acme",
        "SCIM connector base URL",
    ):
        assert shown in html
    assert f'href="{PAGE}?groups=shown#groups"' in html
    assert f'hx-get="{PAGE}?groups=shown"' in html
    assert 'id="groups"' in html
    assert "<table" not in html


def test_the_button_of_the_overview_loads_the_groups_there_page_by_page(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    expected = add_groups(connection, 60)

    first = fragment(admin_client, "groups", f"{PAGE}?groups=shown").content.decode()
    assert "<html" not in first
    assert names(first) == expected[:50]
    more = str(next_url(first))
    assert more.startswith(f"{PAGE}?groups=shown&cursor=")
    assert 'hx-replace-url="/o/acme/scim/?groups=shown&amp;through=100"' in first
    last = fragment(admin_client, "groups-more", more).content.decode()
    assert names(last) == expected[50:]
    # Without scripts, and after a reload, it's the same page with them.
    html = page(admin_client, f"{PAGE}?groups=shown&through=100")
    assert names(html) == expected
    assert "Base URL" in html
    assert f'href="{PAGE}" aria-current="page"' in html
    assert "Get groups" not in html


def test_the_button_reloads_the_overview_if_the_connection_was_deleted(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    models.ScimConnectionRow.objects.update(status="deleted")

    assert fragment(admin_client, "groups", f"{PAGE}?groups=shown")["HX-Refresh"] == "true"


def test_without_a_connection_the_page_says_what_to_do(admin_client: Client) -> None:
    for url in (PAGE, GROUPS):
        html = page(admin_client, url)
        assert "No identity provider is connected" in html
        assert f'href="{PAGE}create/"' in html
        assert "disabled" not in html
    assert "Get groups" not in page(admin_client, PAGE)


@pytest.mark.parametrize(
    ("days", "said"),
    [(-1, "The SCIM token has expired"), (29, "The SCIM token expires within 30 days"), (31, "Healthy")],
)
def test_the_page_says_when_the_token_needs_attention(
    admin_client: Client, connection: models.ScimConnectionRow, days: int, said: str
) -> None:
    models.ScimTokenRow.objects.update(expires_at=timezone.now() + timedelta(days=days, minutes=1))
    factories.scim_user(connection, "pia@acme.example")
    factories.scim_request(connection)

    assert said in page(admin_client, PAGE)


def test_the_token_itself_is_never_shown(admin_client: Client, acme: models.OrganizationRow) -> None:
    factories.scim_connection(acme, bearer_token="scim_the-whole-of-it-9876")

    html = page(admin_client, PAGE)
    assert "9876" in html
    assert "the-whole-of-it" not in html


def test_groups_come_page_by_page_each_once(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    expected = add_groups(connection, 60)

    pages = list(all_pages(admin_client, f"{GROUPS}?limit=25"))

    assert [len(names) for names in pages] == [25, 25, 10]
    assert [name for names in pages for name in names] == expected


def test_the_fragment_is_only_the_list_and_says_how_many_are_shown(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_groups(connection, 60)

    first = fragment(admin_client, "groups").content.decode()
    assert "<html" not in first
    assert "50 shown" in first
    last = admin_client.get(
        str(next_url(first)), headers={"HX-Request": "true", "HX-Target": "groups-more"}
    ).content.decode()
    assert "All 60 shown" in last
    assert "Load more" not in last
    assert "<form" not in last
    # The result is announced, and the first new row gets the focus.
    assert re.search(r'id="announcements"[^>]*hx-swap-oob[^>]*>\s*All 60 shown', last)
    assert last.index("data-focus-after-load") < last.index(">Team 0050<") < last.index(">Team 0051<")


def test_without_javascript_each_page_is_complete(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    add_groups(connection, 60)

    first = page(admin_client)
    second = admin_client.get(str(next_url(first))).content.decode()

    assert "<html" in second
    assert names(second) == [f"Team {n:04}" for n in range(50, 60)]
    assert "51 to 60, the last" in second
    assert "Back to the first page" in second


def test_caches_keep_a_page_and_its_fragment_apart(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for response in (admin_client.get(GROUPS), fragment(admin_client, "groups")):
        assert {"HX-Request", "HX-Target"} <= {name.strip() for name in response["Vary"].split(",")}
        assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Target": "else"},
        {"HX-Target": "groups", "HX-Boosted": "true"},
        {"HX-Target": "groups", "HX-History-Restore-Request": "true"},
    ],
)
def test_a_request_that_does_not_name_the_fragment_gets_the_page(
    admin_client: Client, connection: models.ScimConnectionRow, headers: dict[str, str]
) -> None:
    assert "<html" in admin_client.get(GROUPS, headers={"HX-Request": "true", **headers}).content.decode()


def test_a_search_finds_any_part_of_a_name_in_any_case(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    factories.scim_groups(connection, ["Sales Berlin", "SALES Tokyo", "Support", "Presales", "50% off", "50 of us"])

    html = page(admin_client, q="sales")
    for shown in ("Sales Berlin", "SALES Tokyo", "Presales"):
        assert shown in html
    assert "Support" not in html
    assert "SALES Tokyo" in page(admin_client, q="tok sal")
    assert "Presales" not in page(admin_client, q="tok sal")
    assert "50 of us" not in page(admin_client, q="50%")


def test_a_search_continues_after_the_groups_that_one_page_reads(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 10)
    monkeypatch.setattr(NameSearch, "indexed_word", "")
    factories.scim_groups(connection, [f"Team {n:03}" for n in range(25)])

    assert list(all_pages(admin_client, f"{GROUPS}?q=024")) == [[], [], ["Team 024"]]
    assert "No matching groups" not in page(admin_client, q="zebra")


def test_a_search_keeps_its_words_and_page_size_over_the_pages(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_groups(connection, 60)
    factories.scim_groups(connection, ["Other"])

    pages = list(all_pages(admin_client, f"{GROUPS}?limit=25&q=team"))

    assert [len(names) for names in pages] == [25, 25, 10]
    assert 'value="team"' in page(admin_client, q="team")


def test_groups_are_filtered_by_whether_they_grant_roles(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    for granting in factories.scim_groups(connection, ["Team 1", "Team 2"]):
        factories.group_role(granting, "stytch_admin")
    factories.scim_groups(connection, ["Team 3", "Team 4"])

    assert names(page(admin_client, roles="with")) == ["Team 1", "Team 2"]
    assert names(page(admin_client, roles="without")) == ["Team 3", "Team 4"]
    assert names(page(admin_client, roles="with", q="team 2")) == ["Team 2"]
    assert "No matching groups" in page(admin_client, roles="with", q="team 3")
    assert admin_client.get(GROUPS, {"roles": "some"}).status_code == 422


def test_a_search_that_stopped_early_says_so(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 10)
    monkeypatch.setattr(NameSearch, "indexed_word", "")
    add_groups(connection, 25)

    html = page(admin_client, q="0003")

    assert names(html) == ["Team 0003"]
    assert "1 found so far" in html
    assert "Load more" in html


def test_a_search_without_result_looks_different_from_no_groups(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    empty = page(admin_client)
    assert "No groups yet" in empty
    assert "Push Groups" in empty

    add_groups(connection, 1)
    filtered = page(admin_client, q="nothing like it")
    assert "contains “nothing like it”" in filtered
    assert "Clear filters" in filtered
    assert "No groups yet" not in filtered


@pytest.mark.parametrize("limit", ["7", "0", "-1", "1001", "many", "50; DROP TABLE", ""])
def test_an_unknown_page_size_is_rejected_with_the_valid_ones(
    admin_client: Client, connection: models.ScimConnectionRow, limit: str
) -> None:
    for response in (admin_client.get(GROUPS, {"limit": limit}), fragment(admin_client, "groups", limit=limit)):
        assert response.status_code == 422
        assert ("Use 25, 50, 100 or 250." if limit else "required") in response.content.decode()


@pytest.mark.parametrize("q", ["x" * 257, "a\0b"])
def test_an_invalid_search_is_rejected_at_its_field(
    admin_client: Client, connection: models.ScimConnectionRow, q: str
) -> None:
    response = admin_client.get(GROUPS, {"q": q})

    assert response.status_code == 422
    assert 'id="id_q_error"' in response.content.decode()


def forged(cursor: str) -> str:
    return cursor[:-3] + ("aaa" if not cursor.endswith("aaa") else "bbb")


def cursor_of(html: str) -> str:
    found = re.search(r"cursor=([^&\"]+)", html)
    assert found
    return found.group(1).replace("%3A", ":")


@pytest.mark.parametrize("cursor", ["forged", "nonsense", "x" * 5000, "a\0b", "expired", "of another search"])
def test_an_invalid_cursor_starts_the_list_again_and_says_so(
    admin_client: Client, connection: models.ScimConnectionRow, cursor: str
) -> None:
    expected = add_groups(connection, 60)
    good = cursor_of(page(admin_client))
    timestamp = timezone.now()
    query: dict[str, str | int] = {"cursor": cursor, "shown": 50}
    match cursor:
        case "forged":
            query["cursor"] = forged(good)
        case "expired":
            query["cursor"] = good
            timestamp += timedelta(hours=25)
        case "of another search":
            query |= {"cursor": good, "q": "t"}
    models.MemberSessionRow.objects.update(
        started_at=timestamp, last_accessed_at=timestamp, expires_at=timestamp + timedelta(hours=1)
    )

    with time_machine.travel(timestamp, tick=False):
        whole, more = page(admin_client, **query), fragment(admin_client, "groups-more", **query)

    for html in (whole, more.content.decode()):
        assert "The list starts again" in html
        assert names(html) == expected[:50]
        assert "50 shown" in html
    # The list is replaced, not appended to.
    assert (more["HX-Retarget"], more["HX-Reselect"], more["HX-Reswap"]) == ("#groups", "#groups", "outerHTML")


def test_another_organizations_cursor_starts_again(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    other_admin_client: Client,
    globex: models.OrganizationRow,
) -> None:
    add_groups(connection, 60)
    add_groups(factories.scim_connection(globex), 60)
    foreign = cursor_of(page(other_admin_client, "/o/globex/scim/groups/"))

    assert "The list starts again" in page(admin_client, cursor=foreign)


def test_changes_between_two_pages_neither_repeat_nor_hide_other_groups(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_groups(connection, 60)
    pages = all_pages(admin_client, f"{GROUPS}?limit=25")
    seen = next(pages)

    factories.scim_groups(connection, ["Team 0000 and a half", "Team 0030 and a half"])
    models.ScimGroupRow.objects.filter(display_name__in=["Team 0003", "Team 0040"]).delete()
    renamed = models.ScimGroupRow.objects.get(display_name="Team 0005")
    factories.rename(renamed, "Zebras")
    seen += [name for names in pages for name in names]

    unchanged = [f"Team {n:04}" for n in range(60) if n not in {3, 5, 40}]
    assert [name for name in seen if name in unchanged] == unchanged


@pytest.mark.parametrize("number", [10, 300])
def test_a_page_takes_the_same_number_of_queries_for_any_number_of_groups(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    add_groups(connection, number)
    admin_client.get(GROUPS)

    # Session with member and organization, connection, groups, their roles, the groups that they are in.
    with django_assert_num_queries(5):
        fragment(admin_client, "groups", limit=250)
    with django_assert_num_queries(5):
        admin_client.get(GROUPS)


def test_a_hundred_groups_are_a_small_response(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    factories.scim_groups(connection, (f"Engineering department of Berlin, team {n:03}" for n in range(100)))

    # As it is sent, compressed.
    assert len(gzip.compress(fragment(admin_client, "groups", limit=100).content)) <= 12 * 1024


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "\u202egnirts",
        "'; DROP TABLE x; --",
        "x" * 256,
        "{{ 7*7 }}",
    ],
)
def test_hostile_names_are_only_text(admin_client: Client, connection: models.ScimConnectionRow, name: str) -> None:
    group = factories.scim_group(connection, name)

    for url in (GROUPS, f"{GROUPS}scim-group-live-{group.pk}/"):
        html = page(admin_client, url)
        assert escape(name) in html
        assert "<script>alert" not in html
        assert "<img src=x" not in html
    assert escape(name) in page(admin_client, q=name)


def test_members_are_counted(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    group = factories.scim_group(connection, "Everyone")
    factories.put_in_group(group, [factories.scim_user(connection, f"u{n}") for n in range(3)])

    assert re.search(r'Everyone</a>.*?<td class="num" data-label="Members">3</td>', page(admin_client), re.DOTALL)


def test_the_roles_of_a_group_are_shown_next_to_it_only(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    first, second = factories.scim_groups(connection, ["Everyone", "Support"])
    for role_id in ("stytch_admin", "it_support"):
        factories.group_role(first, role_id)

    rows = re.findall(r"<tr>.*?</tr>", page(admin_client), re.DOTALL)

    [granting] = [row for row in rows if str(first.pk) in row]
    [other] = [row for row in rows if str(second.pk) in row]
    assert granting.index(">It support<") < granting.index(">Admin<")
    assert ">Admin<" not in other


def test_other_organizations_groups_are_not_listed(
    admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    foreign = factories.scim_group(factories.scim_connection(globex), "Globex secrets")

    assert "Globex secrets" not in page(admin_client)
    assert admin_client.get(f"{GROUPS}scim-group-live-{foreign.pk}/").status_code == 404


def test_an_unavailable_directory_is_not_an_empty_list(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    with patch.object(
        EmbeddedScimGroups, "search", side_effect=Unavailable("The directory does not answer. Try again soon.")
    ):
        response = fragment(admin_client, "groups")

    assert response.status_code == 503
    assert "does not answer" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()
    assert "No groups yet" not in response.content.decode()


def test_a_connection_that_was_deleted_in_the_meantime_is_explained(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    models.ScimConnectionRow.objects.update(status="deleted")

    assert "No identity provider is connected" in fragment(admin_client, "groups").content.decode()
    with patch.object(EmbeddedScimGroups, "search", side_effect=NotFound("This SCIM connection does not exist.")):
        models.ScimConnectionRow.objects.update(status="active")
        assert fragment(admin_client, "groups").status_code == 404


def test_the_page_explains_that_the_directory_has_no_search_and_no_members(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_groups(connection, 1)
    group = models.ScimGroupRow.objects.get()
    with absent("group_details"):
        html = page(admin_client, q="nothing like it")

    assert "lists groups without their members" in html
    assert "Team 0000" in html
    assert 'name="q"' not in html
    assert f'scim-group-live-{group.pk}/"' not in html


def test_groups_are_sorted_by_name_or_the_newest_first(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (2, 0, 3, 1):
        factories.scim_group(connection, f"Team {number:04}")
    models.ScimGroupRow.objects.filter(display_name="Team 0003").update(member_count=5)
    factories.group_role(models.ScimGroupRow.objects.get(display_name="Team 0000"), "stytch_admin")

    def sorted_by(**query: str) -> list[str]:
        return [name[-1] for name in names(page(admin_client, **query))]

    assert sorted_by() == ["0", "1", "2", "3"]
    assert sorted_by(sort="newest") == ["1", "3", "0", "2"]
    assert sorted_by(sort="newest", roles="with") == ["0"]
    assert sorted_by(sort="newest", q="eam") == ["1", "3", "0", "2"]
    # Without an index, a search continues at the key of its order.
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 3)
    monkeypatch.setattr(NameSearch, "indexed_word", "")
    found = list(all_pages(admin_client, f"{GROUPS}?sort=newest&q=eam"))
    assert found == [["Team 0001", "Team 0003", "Team 0000"], ["Team 0002"]]
    assert admin_client.get(GROUPS, {"sort": "members"}).status_code == 422


def test_the_newest_groups_come_page_by_page_each_once(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    expected = add_groups(connection, 60)

    pages = list(all_pages(admin_client, f"{GROUPS}?sort=newest&limit=25"))

    assert [name for names in pages for name in names] == expected[::-1]


def test_a_group_within_another_one_says_so(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    outer, other, inner = factories.scim_groups(connection, ["Engineering", "Europe", "Engineering EMEA"])
    for one in (other, outer):
        factories.put_group_in(one, inner)

    assert re.findall(r"<small>(Within [^<]*)<", page(admin_client)) == ["Within Engineering"]


def test_the_groups_of_the_list_are_exported(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    add_groups(connection, 3)
    outer = factories.scim_group(connection, "=Team")
    factories.put_group_in(outer, models.ScimGroupRow.objects.get(display_name="Team 0001"))
    factories.group_role(models.ScimGroupRow.objects.get(display_name="Team 0001"), "stytch_admin")

    html = page(admin_client, q="team", sort="newest")
    assert re.search(r'<form class="actions" id="groups-export" method="post" action="[^"]*/groups/export/"', html)
    assert '<input type="hidden" name="q" value="team">' in html
    response = admin_client.post(f"{GROUPS}export/", {"q": "team", "sort": "newest"})

    assert response["Content-Disposition"].startswith('attachment; filename="scim-groups-acme-')
    lines = list(csv.DictReader(response.getvalue().decode().splitlines()))
    assert [line["name"] for line in lines] == ["'=Team", "Team 0002", "Team 0001", "Team 0000"]
    assert (lines[2]["roles"], lines[2]["within"], lines[2]["members"]) == ("stytch_admin", "'=Team", "0")
    assert lines[2]["last_change"].startswith(f"{timezone.now():%Y-%m-%dT}")
    entry = models.ActivityEntryRow.objects.get(action="scim_group.export")
    assert (entry.target_id, entry.after) == (
        public_id("scim-connection", connection.pk),
        {"q": "team", "sort": "newest"},
    )
    only_those = admin_client.post(f"{GROUPS}export/", {"roles": "with"}).getvalue().decode()
    assert len(only_those.splitlines()) == 2


def test_an_export_of_groups_needs_a_valid_filter_and_a_connection(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert admin_client.post(f"{GROUPS}export/", {"roles": "some"}).status_code == 422
    models.ScimConnectionRow.objects.update(status="deleted")
    assert admin_client.post(f"{GROUPS}export/").status_code == 404


def test_an_export_reads_every_page(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = add_groups(connection, 30)
    monkeypatch.setattr(exports, "MAX_LIMIT", 7)

    content = admin_client.post(f"{GROUPS}export/").getvalue().decode()

    assert [line["name"] for line in csv.DictReader(content.splitlines())] == expected


@pytest.mark.usefixtures("connection")
def test_the_next_page_has_only_the_parameters_of_the_list(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    for number in range(26):
        factories.scim_group(connection, f"Team {number}")

    html = admin_client.get("/o/acme/scim/groups/?limit=25").content.decode()

    (query,) = set(re.findall(r'href="/o/acme/scim/groups/\?([^"]*cursor=[^"]*)"', html))
    assert {part.partition("=")[0] for part in query.split("&amp;")} == {"limit", "cursor", "shown"}
