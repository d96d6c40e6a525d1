"""Entity tags: nothing is overwritten that the client has not seen (RFC 7644, 3.14)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from tests.provisioning.conftest import Idp
from tests.provisioning.test_edge import error_of


@pytest.fixture
def ada(idp: Idp) -> str:
    return idp.create_user("ada")


def tag(idp: Idp, path: str) -> str:
    response = idp.get(path)
    assert response["ETag"] == response.json()["meta"]["version"]
    assert response["Content-Location"] == response.json()["meta"]["location"]
    return str(response["ETag"])


def test_what_the_client_has_is_not_sent_again(idp: Idp, ada: str) -> None:
    seen = tag(idp, f"/Users/{ada}")

    for header in (seen, "*", f'W/"other", {seen}', seen.removeprefix("W/")):
        response = idp.send("GET", f"/Users/{ada}", **{"If-None-Match": header})
        assert (response.status_code, response.content, response["ETag"]) == (304, b"", seen)
    assert idp.send("GET", f"/Users/{ada}", **{"If-None-Match": 'W/"other"'}).status_code == 200


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_a_change_of_a_stale_state_is_refused(idp: Idp, kind: str) -> None:
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


def test_nothing_changed_is_the_same_state(idp: Idp, ada: str) -> None:
    seen = tag(idp, f"/Users/{ada}")
    idp.patch(f"/Users/{ada}", {"op": "replace", "path": "userName", "value": "ada"})

    assert tag(idp, f"/Users/{ada}") == seen


@pytest.mark.django_db(transaction=True)
def test_of_six_writers_with_one_tag_one_wins(idp: Idp) -> None:
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


def test_a_connection_is_nobody(idp: Idp) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        error_of(idp.send(method, "/Me", {}), 501)
