"""Lists: every published attribute can be filtered and sorted by, in the database, page by page (RFC 7644, 3.4.2)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.filter.parser import parse_filter
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.pagination import ListQuery
from portal.embedded.scim.protocol.schemas import ENTERPRISE_USER
from portal.embedded.scim.protocol.users import create_user, find_users
from tests import factories
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
USERS: list[dict[str, Any]] = [
    {
        "userName": "ada@acme.example",
        "externalId": "E-1",
        "name": {"givenName": "Ada", "familyName": "Ångström"},
        "title": "Head of Engines",
        "emails": [
            {"value": "ada@home.example", "type": "home"},
            {"value": "Ada@acme.example", "type": "work", "primary": True},
        ],
        ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "m-1"}},
    },
    {
        "userName": "Bob@acme.example",
        "externalId": "e-1",
        "name": {"givenName": "Bob"},
        "title": 'The "100%" _man_',
        "emails": [{"value": "bob@work.example", "type": "home"}, {"value": "b@acme.example", "type": "work"}],
        "active": False,
    },
    {"userName": "cy", "displayName": "Cy", "x509Certificates": [{"value": "MIIB"}]},
]


@pytest.fixture
def users(idp: Idp) -> list[str]:
    return [str(idp.send("POST", "/Users", user).json()["id"]) for user in USERS]


def found(idp: Idp, text: str, **parameters: str | int) -> str:
    """Return the initials of a list's users, in its order."""
    answer = idp.get("/Users", filter=text, **parameters) if text else idp.get("/Users", **parameters)
    assert answer.status_code == 200, answer.content
    return "".join(user["userName"][0].lower() for user in answer.json()["Resources"])


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name.familyName eq "ÅNGSTRÖM"', "a"),
        ('name.givenName ne "ada"', "bc"),
        ('not (name.givenName eq "ada")', "bc"),
        ("name pr", "ab"),
        ("not (title pr)", "c"),
        ("title eq null", "c"),
        ("title ne null", "ab"),
        ('title co "100%"', "b"),
        ('title co "_MAN_"', "b"),
        ('title co "\\"100"', "b"),
        ('title sw "head of"', "a"),
        ('title ew "engines"', "a"),
        ('title ew ""', "ab"),
        ('title gt "i"', "b"),
        ('title le "head of engines"', "a"),
        ('emails eq "ada@ACME.example"', "a"),
        ('emails.value co "acme"', "ab"),
        ('emails.type eq "home" and emails.value eq "ada@acme.example"', "a"),
        ('emails[type eq "home" and value eq "ada@acme.example"]', ""),
        ('emails[type eq "work" and value eq "ada@acme.example"]', "a"),
        ('emails[type eq "work"].value eq "b@acme.example"', "b"),
        ('emails[not (type eq "work")]', "ab"),
        ("emails[primary eq true]", "a"),
        ('emails[primary eq "True"]', "a"),
        ("emails[not (primary pr)]", "ab"),
        ("emails pr", "ab"),
        ("not (emails pr)", "c"),
        ('emails ne "b@acme.example"', "ac"),
        ("emails eq null", "c"),
        ("emails.primary pr", "a"),
        ('x509Certificates eq "MIIB"', "c"),
        ('x509Certificates eq "miib"', ""),
        ('externalId eq "e-1"', "b"),
        ('externalId sw "E"', "a"),
        ("externalId pr", "ab"),
        (f'{ENTERPRISE_USER}:department eq "r&d"', "a"),
        (f'{ENTERPRISE_USER}:manager.value eq "m-1"', "a"),
        (f"{ENTERPRISE_USER}:manager pr", "a"),
        (f"{ENTERPRISE_USER} pr", "a"),
        (f'schemas eq "{ENTERPRISE_USER}"', "a"),
        ('urn:ietf:params:scim:schemas:core:2.0:User:displayName eq "CY"', "c"),
        ("active eq false", "b"),
        ("active ne false", "ac"),
        ('meta.resourceType eq "User"', "abc"),
        ('meta.lastModified gt "2020-01-01T00:00:00+02:00"', "abc"),
        ('(title pr and active eq true) or userName eq "CY"', "ac"),
    ],
)
def test_a_filter_finds_what_it_says(idp: Idp, text: str, expected: str) -> None:
    assert found(idp, text) == expected


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize(
    "text",
    [
        "x509Certificates gt 1",
        'active gt "true"',
        "emails.primary co true",
        'emails[value eq "a"',
        'emails[emails[value eq "a"]]',
        'emails[nothing eq "a"]',
        'emails.type[value eq "a"]',
        'addresses eq "a"',
        f'{ENTERPRISE_USER} eq "a"',
        "title gt null",
        "title gt 5",
        "meta.created co 2020",
    ],
)
def test_an_unsupported_comparison_is_rejected(idp: Idp, text: str) -> None:
    error_of(idp.get("/Users", filter=text), 400, "invalidFilter")


def test_groups_are_found_by_who_is_in_them(idp: Idp, users: list[str]) -> None:
    inner = idp.create_group("Inner", users[:2])
    idp.create_group("Empty")
    outer = idp.create_group("Outer", [inner, users[2]])

    def names(text: str) -> list[str]:
        return [group["displayName"] for group in idp.get("/Groups", filter=text).json()["Resources"]]

    assert names(f'members eq "{users[0]}"') == ["Inner"]
    assert names(f'members[value eq "{users[2]}"]') == ["Outer"]
    assert names(f'members.value eq "{inner}"') == ["Outer"]
    assert names(f'id eq "{outer}" and members eq "{users[2]}"') == ["Outer"]
    assert names(f'id eq "{outer}" and members eq "{users[0]}"') == []
    assert names('members.display eq "CY"') == ["Outer"]
    assert names('members[type eq "group"]') == ["Outer"]
    assert names("members pr") == ["Inner", "Outer"]
    assert names("not (members pr)") == ["Empty"]
    assert found(idp, f'groups.value eq "{inner}"') == "ab"
    assert found(idp, 'groups.display sw "out"') == "abc"


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"sortBy": "userName"}, "abc"),
        ({"sortBy": "userName", "sortOrder": "descending"}, "cba"),
        ({"sortBy": "title", "sortOrder": "Descending"}, "cba"),
        ({"sortBy": "title"}, "abc"),
        ({"sortBy": "emails"}, "abc"),  # ada's primary address, and bob's first
        ({"sortBy": "emails.value", "sortOrder": "descending"}, "cba"),
        ({"sortBy": "externalId"}, "abc"),  # E before e, and none last
        ({"sortBy": "active"}, "bac"),
        ({"sortBy": f"{ENTERPRISE_USER}:department"}, "abc"),
        ({"sortBy": "meta.created", "sortOrder": "descending"}, "cba"),
        ({"sortBy": "id"}, "abc"),
    ],
)
def test_a_list_is_sorted_by_any_attribute(idp: Idp, parameters: dict[str, str], expected: str) -> None:
    assert found(idp, "", **parameters) == expected


@pytest.mark.parametrize("path", ["nothing", "groups", "name", "addresses"])
def test_sorting_by_an_attribute_without_order_is_rejected(idp: Idp, path: str) -> None:
    error_of(idp.get("/Users", sortBy=path), 400, "invalidPath")


def read_pages(idp: Idp, endpoint: str, **parameters: str | int) -> list[list[str]]:
    """Return the ids on each page of a list that is walked by cursor."""
    pages, cursor = [], ""
    while True:
        answer = idp.get(endpoint, cursor=cursor, **parameters).json()
        pages.append([one["id"] for one in answer["Resources"]])
        if "nextCursor" not in answer:
            return pages
        cursor = answer["nextCursor"]
        assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("path", ["", "userName", "title", "emails", "meta.lastModified", "active", "id", "nickName"])
def test_paging_by_cursor_returns_everyone_once_in_order(idp: Idp, path: str, order: str) -> None:
    sorting = {"sortBy": path, "sortOrder": order} if path else {}
    whole = [one["id"] for one in idp.get("/Users", **sorting).json()["Resources"]]

    for count in (1, 2, 3):
        pages = read_pages(idp, "/Users", count=count, **sorting)
        assert [key for one in pages for key in one] == whole
        assert len(pages) == -(-3 // count)


def test_a_cursor_continues_at_its_place_after_deletions(idp: Idp, users: list[str]) -> None:
    first = idp.get("/Users", cursor="", count=2).json()
    assert first["totalResults"] == 3
    idp.send("DELETE", f"/Users/{users[0]}")

    second = idp.get("/Users", cursor=first["nextCursor"], count=2).json()
    assert [one["id"] for one in second["Resources"]] == [users[2]]
    assert "startIndex" not in second


def test_a_cursor_is_valid_for_its_own_list_only(idp: Idp, other_idp: Idp, users: list[str]) -> None:
    cursor = idp.get("/Users", cursor="", count=1, filter="active pr").json()["nextCursor"]

    assert idp.get("/Users", cursor=cursor, count=1, filter="active pr").status_code == 200
    for client, endpoint, parameters in (
        (idp, "/Users", {"filter": "title pr", "count": 1}),
        (idp, "/Users", {"filter": "active pr", "count": 2}),
        (idp, "/Users", {"filter": "active pr", "count": 1, "sortBy": "title"}),
        (idp, "/Groups", {"count": 1}),
        (other_idp, "/Users", {"filter": "active pr", "count": 1}),
    ):
        error_of(client.get(endpoint, cursor=cursor, **parameters), 400, "invalidCursor")
    for forged in ("x", cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "a~b~c"):
        error_of(idp.get("/Users", cursor=forged, count=1, filter="active pr"), 400, "invalidCursor")
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        error_of(idp.get("/Users", cursor=cursor, count=1, filter="active pr"), 400, "expiredCursor")
    error_of(idp.get("/Users", cursor="", count="many"), 400, "invalidCount")


@pytest.mark.usefixtures("users")
def test_a_search_by_post_returns_the_same_list(idp: Idp) -> None:
    body = {
        "schemas": [SEARCH],
        "filter": 'emails.value co "acme"',
        "attributes": ["userName", "name.givenName"],
        "sortBy": "userName",
        "sortOrder": "descending",
        "startIndex": 1,
        "count": 1,
    }
    answer = idp.send("POST", "/Users/.search", body).json()

    assert answer["totalResults"] == 2
    assert [one["userName"] for one in answer["Resources"]] == ["Bob@acme.example"]
    assert set(answer["Resources"][0]) == {"schemas", "id", "userName", "name"}
    error_of(idp.send("POST", "/Users/.search", {"filter": "active pr"}), 400, "invalidSyntax")
    error_of(idp.send("POST", "/Users/.search", {"schemas": [SEARCH], "filter": 5.5}), 400, "invalidSyntax")


def test_a_search_of_all_resources_returns_users_and_groups(idp: Idp, users: list[str]) -> None:
    group = idp.create_group("Bees", users[:1])

    def search(**more: Any) -> dict[str, Any]:
        answer = idp.send("POST", "/.search", {"schemas": [SEARCH], **more})
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    everything = search()
    assert everything["totalResults"] == 4
    assert [one["id"] for one in everything["Resources"]] == [*users, group]
    # What groups do not have, they have no value for.
    assert [one["id"] for one in search(filter="userName pr or active eq false")["Resources"]] == users
    assert search(filter='title ne "x"')["totalResults"] == 4
    assert [one["id"] for one in search(filter='displayName sw "b"')["Resources"]] == [group]
    ordered = search(sortBy="displayName")["Resources"]
    assert [one.get("displayName") for one in ordered] == ["Bees", "Cy", None, None]
    assert search(startIndex=2, count=2, sortBy="displayName")["Resources"] == ordered[1:3]

    walked, cursor = [], ""
    while True:
        answer = search(cursor=cursor, count=1, sortBy="displayName")
        walked += answer["Resources"]
        if not (cursor := answer.get("nextCursor", "")):
            break
    assert walked == ordered


TEXTS = st.sampled_from(["", "a", "B", "ä", "ab", 'q"', "%", "_", "Straße", "STRASSE", "🐝"])
ELEMENTS = st.fixed_dictionaries(
    {}, optional={"value": TEXTS, "type": st.sampled_from(["work", "home"]), "primary": st.booleans()}
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXTS,
        "profileUrl": TEXTS,
        "name": st.fixed_dictionaries({}, optional={"givenName": TEXTS}),
        "emails": st.lists(ELEMENTS, max_size=3),
    },
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"])


def _json(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


COMPARISONS = st.tuples(
    st.sampled_from(["title", "profileUrl", "name.givenName", "emails", "emails.value", "emails.type"]),
    OPERATORS,
    TEXTS,
)


RELATIONS: dict[str, Callable[[str, str], bool]] = {
    "eq": str.__eq__,
    "co": str.__contains__,
    "sw": lambda one, wanted: one.startswith(wanted),
    "ew": lambda one, wanted: one.endswith(wanted),
    "gt": str.__gt__,
    "ge": str.__ge__,
    "lt": str.__lt__,
    "le": str.__le__,
}


def evaluate(document: dict[str, Any], path: str, operator: str, operand: str) -> bool:
    """Compare as RFC 7644, 3.4.2.2 says: some value does; with `ne`, none is equal."""
    exact = path == "profileUrl"
    name, _, sub = path.partition(".")
    value = document.get(name)
    if isinstance(value, dict):
        values = [value.get(sub)]
    elif isinstance(value, list):
        values = [element.get(sub or "value") for element in value]
    else:
        values = [value]
    if operator == "pr" and path == "emails":
        return bool([one for one in document.get("emails", []) if one])
    present = [one if exact else fold_name(one) for one in values if one is not None]
    wanted = operand if exact else fold_name(operand)
    if operator == "pr":
        return bool(present)
    if operator == "ne":
        return wanted not in present
    return any(RELATIONS[operator](one, wanted) for one in present)


@hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    document=DOCUMENTS, comparisons=st.lists(COMPARISONS, min_size=1, max_size=3), joint=st.sampled_from(["and", "or"])
)
def test_the_database_finds_exactly_what_the_rfc_says(
    acme: models.OrganizationRow, document: dict[str, Any], comparisons: list[tuple[str, str, str]], joint: str
) -> None:
    connection = acme.scim_connections.first() or factories.scim_connection(acme)
    client = ScimClient(connection, Origin())
    client.users().delete()
    create_user(client, {"userName": "somebody", **document})
    parts = [f"{path} {op}" + ("" if op == "pr" else f" {_json(value)}") for path, op, value in comparisons]
    held = [evaluate(document, *comparison) for comparison in comparisons]

    text = f" {joint} ".join(parts)
    expected = all(held) if joint == "and" else any(held)

    assert len(find_users(client, ListQuery(parse_filter(text))).rows) == expected, text
    assert len(find_users(client, ListQuery(parse_filter(f"not ({text})"))).rows) == (not expected), text
