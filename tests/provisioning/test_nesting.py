"""Groups in groups (RFC 7643, 4.2)."""

from portal.directory.embedded import models
from tests.provisioning.conftest import Idp
from tests.provisioning.test_edge import error_of


def groups_of(idp: Idp, user: str) -> dict[str, str]:
    return {one["display"]: one["type"] for one in idp.get(f"/Users/{user}").json().get("groups", [])}


def test_a_person_is_in_the_groups_above_as_well(idp: Idp) -> None:
    ada = idp.create_user("ada")
    inner = idp.create_group("Inner", [ada])
    middle = idp.create_group("Middle", [inner])
    idp.create_group("Outer", [middle, ada])

    assert groups_of(idp, ada) == {"Inner": "direct", "Outer": "direct", "Middle": "indirect"}
    member = idp.get(f"/Groups/{middle}").json()["members"][0]
    assert (member["type"], member["value"]) == ("Group", inner)
    named = idp.get(f"/Groups/{middle}", attributes="members.display").json()["members"]
    assert named == [{"display": "Inner"}]
    assert member["$ref"].endswith(f"/Groups/{inner}")


def test_a_circle_ends(idp: Idp) -> None:
    ada = idp.create_user("ada")
    one = idp.create_group("One", [ada])
    two = idp.create_group("Two", [one])
    add = {"op": "add", "path": "members", "value": [{"value": two}]}
    assert idp.patch(f"/Groups/{one}", add).status_code == 200

    assert groups_of(idp, ada) == {"One": "direct", "Two": "indirect"}
    assert idp.send("DELETE", f"/Groups/{one}").status_code == 204
    assert groups_of(idp, ada) == {}


def test_no_group_is_in_itself(idp: Idp) -> None:
    group = idp.create_group("One")

    error_of(
        idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": group}]}),
        400,
        "invalidValue",
    )
    assert idp.members(group) == set()


def test_a_group_that_goes_leaves_the_groups_it_was_in(idp: Idp) -> None:
    ada = idp.create_user("ada")
    inner = idp.create_group("Inner")
    outer = idp.create_group("Outer", [inner, ada])
    before = idp.get(f"/Groups/{outer}").json()["meta"]["version"]

    idp.send("DELETE", f"/Groups/{inner}")

    assert idp.members(outer) == {ada}
    assert models.ScimGroup.objects.get(display_name="Outer").member_count == 1
    assert idp.get(f"/Groups/{outer}").json()["meta"]["version"] != before


def test_members_are_changed_one_by_one_whatever_they_are(idp: Idp) -> None:
    ada, bob = idp.create_user("ada"), idp.create_user("bob")
    inner = idp.create_group("Inner")
    outer = idp.create_group("Outer", [ada])

    idp.patch(f"/Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": inner}, {"value": bob}]})
    assert idp.members(outer) == {ada, bob, inner}
    idp.patch(f"/Groups/{outer}", {"op": "remove", "path": f'members[value eq "{inner}"]'})
    assert idp.members(outer) == {ada, bob}
    idp.patch(f"/Groups/{outer}", {"op": "replace", "path": "members", "value": [{"value": inner}]})
    assert idp.members(outer) == {inner}
    idp.patch(f"/Groups/{outer}", {"op": "remove", "path": 'members[type eq "Group"]'})
    assert idp.members(outer) == set()
    assert models.ScimGroup.objects.get(display_name="Outer").member_count == 0


def test_another_connections_group_is_unknown(idp: Idp, other_idp: Idp) -> None:
    theirs = other_idp.create_group("Theirs")

    answer = idp.send("POST", "/Groups", {"displayName": "Ours", "members": [{"value": theirs}]})

    assert theirs in error_of(answer, 400, "invalidValue")
