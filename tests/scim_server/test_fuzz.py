"""Any request gets a SCIM response, and stored data stays valid."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.embedded.scim.filter.comparison import ComparisonBudget
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.protocol.patch import apply_patch, read_patch_operations
from portal.embedded.scim.protocol.schemas import USER
from tests.scim_server.conftest import PATCH_OP, Idp

SETTINGS = hypothesis_settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NAMES = st.sampled_from(
    ["userName", "displayName", "members", "emails", "name", "active", "schemas", "Operations", "op", "path", "value",
     "filter", "count", "data", "method", "bulkId", "addresses", "meta", "id", "urn:x", "", "$ref", "primary"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["add", "replace", "remove", "members", 'emails[type eq "work"]', PATCH_OP, "bulkId:x", "POST"]),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)
ENDPOINTS = st.sampled_from(
    ["/Users", "/Groups", "/Users/{user}", "/Groups/{group}", "/Users/.search", "/.search", "/Bulk", "/Schemas", "/Me",
     "/Users/%00", "/Users/\ud7ff", "/ResourceTypes/User", "/Nothing"]
)  # fmt: skip
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(NAMES, JSON, max_size=6).map(lambda value: json.dumps(value).encode()),
)


@SETTINGS
@given(endpoint=ENDPOINTS, method=METHODS, body=BODIES)
def test_no_body_makes_the_server_fail(idp: Idp, endpoint: str, method: str, body: bytes) -> None:
    user, group = idp.create_user("somebody"), idp.create_group("Something")

    answer = idp.send(method, endpoint.format(user=user, group=group), body)

    assert answer.status_code < 500 or answer.status_code == 501, answer.content
    assert answer.status_code in {204, 304} or answer["Content-Type"] == "application/scim+json"
    for key in ("/Users/" + user, "/Groups/" + group):
        idp.send("DELETE", key)


@SETTINGS
@given(
    name=st.sampled_from(["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes"]),
    value=st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                ["userName", "emails", "eq", "pr", "and", "or", "not", "(", ")", "[", "]", '"x"', "true", "null", "5",
                 "members", ".value", "urn:ietf:params:scim:schemas:core:2.0:User:", "meta.created", "co"]
            ),
            max_size=8,
        ).map(" ".join),
    ),
    kind=st.sampled_from(["Users", "Groups", "Schemas"]),
)  # fmt: skip
def test_no_query_makes_the_server_fail(idp: Idp, name: str, value: str, kind: str) -> None:
    answer = idp.get(f"/{kind}", **{name: value})

    assert answer.status_code in {200, 400, 403}, answer.content
    assert answer["Content-Type"] == "application/scim+json"


# A model of RFC 7644, 3.5.2, for a single-valued, a complex and a multi-valued attribute.
VALUES = st.sampled_from(["a", "b", "c"])
ADDRESSES = st.fixed_dictionaries({"value": VALUES, "type": st.sampled_from(["work", "home"])})
STEPS = st.one_of(
    st.tuples(st.sampled_from(["add", "replace"]), st.just("title"), VALUES),
    st.tuples(st.just("remove"), st.just("title"), st.none()),
    st.tuples(st.sampled_from(["add", "replace"]), st.just("name.givenName"), VALUES),
    st.tuples(st.just("remove"), st.just("name.givenName"), st.none()),
    st.tuples(st.just("add"), st.just("emails"), st.lists(ADDRESSES, min_size=1, max_size=2)),
    st.tuples(st.just("replace"), st.just("emails"), st.lists(ADDRESSES, max_size=2)),
    st.tuples(st.just("remove"), st.just("emails"), st.none()),
    st.tuples(st.just("remove"), VALUES.map(lambda one: f'emails[value eq "{one}"]'), st.none()),
    st.tuples(st.just("replace"), st.just('emails[type eq "work"].value'), VALUES),
)
Step = tuple[str, str, Any]


def model(document: dict[str, Any], step: Step) -> dict[str, Any] | None:
    """Return the document after a step as the RFC says, or None if the step is an error."""
    kind, path, value = step
    after = deepcopy(document)
    if path.startswith("emails["):
        return _model_of_choice(after, kind, path, value)
    if path == "name.givenName":
        after["name"] = {"givenName": value} if kind != "remove" else {}
    elif path == "emails" and kind == "add":
        after["emails"] = [
            *after.get("emails", []),
            *(one for one in _once(value) if one not in after.get("emails", [])),
        ]
    else:
        after[path] = _once(value) if path == "emails" and value else value
    return {name: one for name, one in after.items() if one not in (None, [], {})}


def _once(values: list[Any]) -> list[Any]:
    return [one for n, one in enumerate(values) if one not in values[:n]]


def _model_of_choice(after: dict[str, Any], kind: str, path: str, value: Any) -> dict[str, Any] | None:
    elements = after.get("emails", [])
    if kind == "remove":
        after["emails"] = [one for one in elements if one["value"] != path.split('"')[1]]
        return {name: one for name, one in after.items() if one not in (None, [], {})}
    chosen = [one for one in elements if one["type"] == "work"]
    for one in chosen:
        one["value"] = value
    return after if chosen else None


@hypothesis_settings(deadline=None, max_examples=300)
@given(steps=st.lists(STEPS, min_size=1, max_size=6))
def test_a_patch_does_what_the_rfc_says_or_nothing(steps: list[Step]) -> None:
    before: dict[str, Any] = {"userName": "ada", "emails": [{"value": "a", "type": "home"}]}
    expected: dict[str, Any] | None = before
    for step in steps:
        expected = model(expected, step) if expected is not None else None
    operations = [
        {"op": kind, "path": path} | ({} if value is None else {"value": value}) for kind, path, value in steps
    ]
    document = deepcopy(before)

    if expected is None:
        with pytest.raises(ScimError):
            apply_patch(USER, document, read_patch_operations({"Operations": operations}), ComparisonBudget())
    else:
        assert (
            apply_patch(USER, document, read_patch_operations({"Operations": operations}), ComparisonBudget())
            == expected
        )
    assert document == before
