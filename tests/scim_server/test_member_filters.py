"""A filter in the path of `members` is asked of the members as they are answered, with each of their attributes."""

import pytest

from portal.embedded.scim.protocol.membership import MEMBERS
from tests.scim_server.conftest import Idp

PARTS = sorted(attribute.name for attribute in MEMBERS.sub_attributes.values())


@pytest.fixture
def kim(idp: Idp) -> str:
    return idp.create_user("kim", displayName="Kim")


@pytest.fixture
def group(idp: Idp, kim: str) -> str:
    """A group with two people and a group."""
    inner = idp.create_group("Inner")
    return idp.create_group("Sales", [kim, idp.create_user("bo", displayName="Bo"), inner])


def answered(idp: Idp, group: str) -> list[dict[str, str]]:
    shown = idp.get(f"/Groups/{group}", attributes=",".join(f"members.{part}" for part in PARTS)).json()
    return list(shown.get("members", []))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("form", ['{} eq "{}"', '{} ne "{}"', 'not ({} eq "{}")', '{} eq "{}" and type eq "User"'])
def test_removing_by_a_filter_removes_the_members_it_chooses(
    idp: Idp, group: str, kim: str, part: str, form: str
) -> None:
    before = answered(idp, group)
    wanted = next(one[part] for one in before if one["value"] == kim)
    is_equal = {one["value"] for one in before if one[part] == wanted}
    chosen = is_equal if form.startswith("{} eq") else {one["value"] for one in before} - is_equal
    if "and type" in form:
        chosen = {one["value"] for one in before if one["value"] in is_equal and one["type"] == "User"}
    text = form.format(part, wanted)

    assert idp.get("/Groups", filter=f'members[{text}] and id eq "{group}"').json()["totalResults"] == bool(chosen)
    assert idp.patch(f"/Groups/{group}", {"op": "remove", "path": f"members[{text}]"}).status_code == 200
    assert idp.members(group) == {one["value"] for one in before} - chosen


def test_members_added_in_the_same_request_are_found_by_name(idp: Idp, group: str, kim: str) -> None:
    new = idp.create_user("new", displayName="New")
    before = idp.members(group)

    idp.patch(
        f"/Groups/{group}",
        {"op": "add", "path": "members", "value": [{"value": new}]},
        {"op": "remove", "path": 'members[display eq "new" or display eq "KIM"]'},
    )

    assert idp.members(group) == before - {kim}


def test_names_of_another_connection_match_no_member(idp: Idp, other_idp: Idp, group: str) -> None:
    theirs = other_idp.create_user("theirs", displayName="Theirs")
    path = f'members[value eq "{theirs}" and display eq "Theirs"]'

    assert idp.patch(f"/Groups/{group}", {"op": "remove", "path": path}).status_code == 200
    assert len(idp.members(group)) == 3


@pytest.mark.parametrize(
    "names",
    [
        {"displayName": "Özge ÖZTÜRK"},
        {"name": {"formatted": "Özge ÖZTÜRK", "givenName": "X"}},
        {"displayName": "", "name": {"givenName": "Özge", "familyName": "ÖZTÜRK"}},
        {"name": {"familyName": "Özge ÖZTÜRK"}},
        {},
    ],
)
def test_a_group_is_found_by_the_displayed_name_of_a_member(idp: Idp, group: str, names: dict[str, object]) -> None:
    idp.create_group("Others", [idp.create_user("Özge ÖZTÜRK", **names)])
    (shown,) = idp.get("/Groups", filter='displayName eq "others"', attributes="members.display").json()["Resources"]
    assert [one["display"] for one in shown["members"]] == ["Özge ÖZTÜRK"]

    for text in ('eq "Özge ÖZTÜRK"', 'eq "özge öztürk"', 'sw "ÖZ"', 'co "GE öz"', 'ew "TÜRK"', 'gt "m"'):
        found = idp.get("/Groups", filter=f"members[display {text}]", attributes="displayName").json()
        assert [one["displayName"] for one in found["Resources"]] == ["Others"], text
    assert idp.get("/Groups", filter='members.display ne "özge öztürk"').json()["totalResults"] == 2
