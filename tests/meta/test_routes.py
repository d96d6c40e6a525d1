"""Every URL × method × persona: what the access matrix says is what happens."""

import re
from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.test import Client
from django.urls import clear_url_caches, path, reverse
from django.utils.html import escape

from portal import urls
from portal.access.audiences import MACHINES, Audience
from portal.access.routing import Route, iter_routes, route
from portal.directory.organizations import FIELD_ACTIONS, RESOURCE
from portal.directory.permissions import Permission
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from portal.web.policy_words import to_do
from portal.web.session_cookie import cookie_name
from tests import factories

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ROUTES = list(iter_routes())
# Those of the host of frames have tests of their own (tests/pages/embed).
OF_FRAMES = {"embed:session", "embed:continue"}
GUARDED = [
    r
    for r in ROUTES
    if r.access and (r.access.allow is Audience.SIGNED_IN or isinstance(r.access.allow, Permission))
    if r.name not in OF_FRAMES
]
ALLOWED_METHODS = [(r, method) for r in GUARDED if r.access for method in sorted(r.access.methods)]
UNDECLARED_METHODS = [
    (r, method)
    for r in ROUTES
    if r.access and r.access.allow not in MACHINES
    for method in METHODS
    if method not in r.access.methods
]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Route) else str(value)


def url_of(declared: Route) -> str:
    arguments = re.findall(r"<\w+:(\w+)>", declared.path)
    samples = {"organization_slug": "acme"}
    return reverse(declared.name, kwargs={name: samples.get(name, "none") for name in arguments})


def test_every_url_is_declared_by_route() -> None:
    assert [declared.path for declared in ROUTES if declared.access is None] == []


def test_every_permission_guards_a_url() -> None:
    # A form with several settings needs the permission of each that changes.
    of_settings = {f"{RESOURCE}:{action}" for action in FIELD_ACTIONS.values()}
    assert {r.access.allow for r in ROUTES if r.access} | of_settings >= set(Permission)


def test_every_permission_exists_in_the_policy() -> None:
    for permission in Permission:
        resource_id, _, action = permission.partition(":")
        assert action in DEFAULT_POLICY.resources[resource_id].actions


@pytest.mark.parametrize(("declared", "method"), UNDECLARED_METHODS, ids=name_of)
def test_an_undeclared_method_is_rejected(admin_client: Client, declared: Route, method: str) -> None:
    response = admin_client.generic(method, url_of(declared))

    assert response.status_code == 405
    assert declared.access
    assert response["Allow"] == ", ".join(sorted(declared.access.methods))


@pytest.mark.parametrize(("declared", "method"), ALLOWED_METHODS, ids=name_of)
def test_a_visitor_is_redirected_to_sign_in(acme: models.OrganizationRow, declared: Route, method: str) -> None:
    response = Client().generic(method, url_of(declared))

    assert response.status_code == 302
    assert response["Location"].startswith("/o/acme/sign-in/")


@pytest.mark.parametrize(("declared", "method"), ALLOWED_METHODS, ids=name_of)
def test_an_admin_of_another_organization_finds_nothing(
    acme: models.OrganizationRow, other_admin_client: Client, declared: Route, method: str
) -> None:
    assert other_admin_client.generic(method, url_of(declared)).status_code == 404


@pytest.mark.parametrize(("declared", "method"), ALLOWED_METHODS, ids=name_of)
def test_another_organizations_session_is_not_valid_here(
    acme: models.OrganizationRow, other_admin: models.MemberRow, declared: Route, method: str
) -> None:
    client = Client()
    client.cookies[cookie_name("acme")] = factories.session_token(other_admin)

    response = client.generic(method, url_of(declared))

    assert response.status_code == 401
    assert response.cookies[cookie_name("acme")].value == ""


def test_every_form_needs_a_token_of_ours(admin_client: Client) -> None:
    admin_client.handler.enforce_csrf_checks = True

    taken = [
        declared.name
        for declared in ROUTES
        if declared.access and declared.access.allow not in MACHINES
        for method in declared.access.methods - {"GET", "HEAD", "OPTIONS"}
        if "This form is no longer valid" not in admin_client.generic(method, url_of(declared)).content.decode()
    ]

    # Mail programs post the link for their users (RFC 8058). Products' pages post a ticket.
    assert sorted(taken) == ["embed:enter", "embed:opened", "embed:renew", "embed:tab", "scim:stop-emails"]


@pytest.mark.parametrize(
    ("declared", "method"),
    [(r, m) for r, m in ALLOWED_METHODS if r.access and isinstance(r.access.allow, Permission)],
    ids=name_of,
)
def test_other_permissions_do_not_help(
    acme: models.OrganizationRow, settings: object, declared: Route, method: str
) -> None:
    assert declared.access
    settings.RBAC_POLICY = policy_without(str(declared.access.allow))  # type: ignore[attr-defined]  # -- pytest-django's
    client = factories.signed_in(factories.member(acme, "nearly@acme.example", roles=["nearly_everything"]))

    response = client.generic(method, url_of(declared))

    assert response.status_code == 403
    if method != "HEAD":
        assert escape(to_do(Permission(str(declared.access.allow)))) in response.content.decode()
        assert "<b>Admin</b>" in response.content.decode()


def policy_without(permission: str) -> Policy:
    """Return a policy with a role with every permission that exists, except one."""
    return DEFAULT_POLICY.extended_by(
        Policy(
            roles={
                "nearly_everything": Role(
                    "nearly_everything",
                    {
                        resource.resource_id: frozenset(
                            action for action in resource.actions if f"{resource.resource_id}:{action}" != permission
                        )
                        for resource in DEFAULT_POLICY.resources.values()
                    },
                )
            },
            resources={},
        )
    )


def test_a_permission_to_read_does_not_allow_a_method_that_writes() -> None:
    with pytest.raises(ValueError, match="permission to read"):
        route("x/", lambda request: None, name="x", allow=Permission.SCIM_GET, methods=("GET", "POST"))  # type: ignore[arg-type, return-value]  # -- never called


def test_a_permission_to_read_allows_a_post_that_only_returns_data() -> None:
    def declare(method: str) -> object:
        return route("x/", lambda request: None, name="x", allow=Permission.SCIM_GET, methods=(method,), hands_out=True)  # type: ignore[arg-type, return-value]  # -- as above

    assert declare("POST")
    with pytest.raises(ValueError, match="permission to read"):
        declare("DELETE")


@pytest.fixture
def undeclared_url(settings: object) -> Iterator[None]:
    urls.urlpatterns.append(path("undeclared/", lambda request: 1 / 0, name="undeclared"))  # type: ignore[arg-type, return-value]  # -- must never run
    clear_url_caches()
    yield
    urls.urlpatterns.pop()
    clear_url_caches()


@pytest.mark.usefixtures("undeclared_url")
def test_an_undeclared_url_is_reported_and_rejected(admin_client: Client) -> None:
    assert "portal.E001" in [message.id for message in run_checks()]
    assert admin_client.get("/undeclared/").status_code == 500
