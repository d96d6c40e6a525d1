"""Entity tags: nothing is overwritten that the client has not seen (RFC 7644, 3.14)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of


@pytest.fixture
def ada(idp: Idp) -> str:
    return idp.create_user("ada")


def tag(idp: Idp, path: str) -> str:
    response = idp.get(path)
    assert response["ETag"] == response.json()["meta"]["version"]
    assert response["Content-Location"] == response.json()["meta"]["location"]
    return str(response["ETag"])


def test_an_unchanged_resource_is_not_sent_again(idp: Idp, ada: str) -> None:
    seen = tag(idp, f"/Users/{ada}")

    for header in (seen, "*", f'W/"other", {seen}', seen.removeprefix("W/")):
        response = idp.send("GET", f"/Users/{ada}", **{"If-None-Match": header})
        assert (response.status_code, response.content, response["ETag"]) == (304, b"", seen)
    assert idp.send("GET", f"/Users/{ada}", **{"If-None-Match": 'W/"other"'}).status_code == 200


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_a_change_with_an_old_tag_is_rejected(idp: Idp, kind: str) -> None:
    name = "userName" if kind == "Users" else "displayName"
    key = idp.send("POST", f"/{kind}", {name: "first"}).json()["id"]
    stale = tag(idp, f"/{kind}/{key}")
    changed = idp.send("PUT", f"/{kind}/{key}", {name: "second"}, **{"If-Match": stale})
    assert changed.status_code == 200
    assert changed["ETag"] != stale

    rename = {"op": "replace", "path": name, "value": "third"}
    error_of(idp.send("PUT", f"/{kind}/{key}", {name: "third"}, **{"If-Match": stale}), 412)
    error_of(idp.patch(f"/{kind}/{key}", rename, **{"If-Match": stale}), 412)
    error_of(idp.send("DELETE", f"/{kind}/{key}", **{"If-Match": stale}), 412)
    assert idp.get(f"/{kind}/{key}").json()[name] == "second"

    assert idp.patch(f"/{kind}/{key}", rename, **{"If-Match": "*"}).status_code == 200
    assert idp.send("DELETE", f"/{kind}/{key}", **{"If-Match": tag(idp, f"/{kind}/{key}")}).status_code == 204


def test_a_change_without_effect_keeps_the_tag(idp: Idp, ada: str) -> None:
    seen = tag(idp, f"/Users/{ada}")
    idp.patch(f"/Users/{ada}", {"op": "replace", "path": "userName", "value": "ada"})

    assert tag(idp, f"/Users/{ada}") == seen


@pytest.mark.django_db(transaction=True)
def test_one_of_six_writers_with_the_same_tag_succeeds(idp: Idp) -> None:
    group = idp.create_group("Team")
    seen = tag(idp, f"/Groups/{group}")

    def write(number: int) -> int:
        try:
            rename = {"op": "replace", "path": "displayName", "value": f"Team {number}"}
            return int(idp.patch(f"/Groups/{group}", rename, **{"If-Match": seen}).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(6))) == [200, 412, 412, 412, 412, 412]


def test_me_is_not_offered(idp: Idp) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        error_of(idp.send(method, "/Me", {}), 501)


def not_modified(idp: Idp, path: str, seen: str, **query: str) -> bool:
    response = idp.client.get(
        f"{idp.base}{path}", query, headers={"Authorization": f"Bearer {idp.token}", "If-None-Match": seen}
    )
    assert response.status_code in {200, 304}
    return bool(response.status_code == 304)


def test_a_tag_covers_the_whole_user(idp: Idp, ada: str) -> None:
    """Their groups are rows of their own: each of these changes is seen by who asks with the tag from before it."""
    path = f"/Users/{ada}"
    seen = [tag(idp, path)]

    def changed() -> bool:
        is_new = not any(not_modified(idp, path, one) for one in seen)
        seen.append(tag(idp, path))
        return is_new and not_modified(idp, path, seen[-1])

    group = idp.create_group("Sales", [ada])
    assert changed()
    idp.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Support"})
    assert changed()
    outer = idp.create_group("Outer", [group])
    assert changed()
    idp.patch(f"/Groups/{outer}", {"op": "replace", "path": "displayName", "value": "Outside"})
    assert changed()
    idp.patch(f"/Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": ada}]})
    assert changed()
    idp.send("DELETE", f"/Groups/{group}")
    assert changed()
    idp.patch(f"/Users/{ada}", {"op": "add", "path": "title", "value": "x"})
    assert changed()


def test_a_tag_without_groups_covers_the_user_only(idp: Idp, ada: str) -> None:
    path, query = f"/Users/{ada}", {"excludedAttributes": "groups"}
    seen = idp.get(path, **query)["ETag"]
    group = idp.create_group("Sales", [ada])

    assert not_modified(idp, path, seen, **query)
    assert not not_modified(idp, path, seen)
    assert not not_modified(idp, path, seen, attributes="groups.display")
    idp.send("DELETE", f"/Groups/{group}")
    assert not_modified(idp, path, seen)


def test_a_tag_covers_the_names_of_members_if_they_are_shown(idp: Idp, ada: str) -> None:
    path, query = f"/Groups/{idp.create_group('Sales', [ada])}", {"attributes": "displayName,members.display"}
    seen, named = tag(idp, path), idp.get(path, **query)["ETag"]
    assert not_modified(idp, path, named, **query)

    idp.patch(f"/Users/{ada}", {"op": "add", "path": "displayName", "value": "Ada"})

    assert not_modified(idp, path, seen)
    assert not not_modified(idp, path, named, **query)


def test_every_returned_tag_is_accepted_with_a_change(idp: Idp, ada: str) -> None:
    path = f"/Users/{ada}"
    alone = tag(idp, path)
    idp.create_group("Sales", [ada])
    (listed,) = idp.get("/Users").json()["Resources"]
    (looked_up,) = idp.get("/Users", filter='userName eq "ada"').json()["Resources"]
    assert listed["meta"]["version"] != alone
    assert looked_up["meta"]["version"] == tag(idp, path) == listed["meta"]["version"]
    found = idp.get("/Users", filter=f"meta.version eq {json.dumps(tag(idp, path))}").json()
    assert [one["id"] for one in found["Resources"]] == [ada]

    same = {"op": "replace", "path": "userName", "value": "ada"}
    for seen in (alone, tag(idp, path), f'W/"other", {tag(idp, path)}'):
        assert idp.patch(path, same, **{"If-Match": seen}).status_code == 200
    assert (
        idp.patch(path, {"op": "add", "path": "title", "value": "x"}, **{"If-Match": tag(idp, path)}).status_code == 200
    )
    error_of(idp.patch(path, same, **{"If-Match": alone}), 412)
