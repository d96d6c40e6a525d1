"""Permissions, found by walking every endpoint of the API on both fronts: a request that is rejected changes nothing."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from portal.api.declaration import Endpoint
from portal.api.endpoints import ENDPOINTS
from portal.directory.configuration import ProjectConfiguration, RedirectUrls
from portal.directory.ids import public_id, uuid7
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from portal.embedded.models.fields import fold
from portal.embedded.project_secrets import NewProjectSecret
from tests import factories
from tests.api.conftest import Caller
from tests.api.conftest import project as project  # noqa: PLC0414 -- a fixture

PERMISSIONS = [
    f"{resource.resource_id}:{action}" for resource in DEFAULT_POLICY.resources.values() for action in resource.actions
]
FRONTS = ("browser", "backend")
# Counters are excluded: attempts are counted whether or not they succeed.
COUNTERS = models.RateLimitCounterRow


class Case(NamedTuple):
    """An endpoint on one front, and the optional fields that the request gives."""

    endpoint: Endpoint
    front: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join([self.endpoint.name, self.front, *self.fields])


def is_on(one: Endpoint, front: str) -> bool:
    """Say whether a signed-in member can reach an endpoint on a front."""
    return any(route.needs_session for route in one.browser_routes) if front == "browser" else bool(one.path)


REACHED = [(one, front) for one in ENDPOINTS.values() for front in FRONTS if is_on(one, front) and not one.is_open]
BY_FIELD = [Case(one, front) for one, front in REACHED if one.rights and one.rights.fields]
WHOLE = [Case(one, front) for one, front in REACHED if not (one.rights and one.rights.fields)]
GUARDED = [case for case in WHOLE if case.endpoint.rights]
EACH_FIELD = [
    case._replace(fields=(name,))
    for case in BY_FIELD
    for name in (case.endpoint.rights.fields if case.endpoint.rights else ())
    if name in case.endpoint.request.__struct_fields__
]
ABOUT_A_MEMBER = [Case(one, front) for one, front in REACHED if "member_id" in one.request.__struct_fields__]
PAGE = "https://app.example.com"
ALWAYS = {"member_id", "connection_id", "display_name", "email_id", "organization_ids"}
# What they do to the member who is signed in, or to a session that they hold, needs no right.
OF_ONESELF = {("sessions.revoke", "browser"), ("organizations.members.get", "browser")}
# The same, and the member has none.
OF_ONESELF_WITHOUT_ANY = {("recovery_codes.get", "browser"), ("recovery_codes.rotate", "browser")}
# They need something that no one has: an authenticator app, a connected app.
WITHOUT_ANY = {
    "organizations.members.delete_totp",
    "organizations.get_connected_app",
    "organizations.members.connected_apps.revoke",
    "embed.tickets.revoke",
}


NEW_PASSWORD = "quartz lantern orbit meadow"
# What is sent, by the names of the fields.
VALUES: dict[str, Any] = {
    "action": "get",
    "allowed_auth_methods": ["password"],
    "allowed_mfa_methods": ["totp"],
    "areas": ["scim"],
    "allowed_oauth_tenants": {"slack": ["T1"]},
    "auth_methods": "ALL_ALLOWED",
    "code": "123456",
    "connected_app_id": "connected-app-live-none",
    "default_mfa_method": "sms_otp",
    "display_name": "Renamed",
    "email_address": "new@acme.example",
    "email_allowed_domains": ["acme.example"],
    "email_invites": "NOT_ALLOWED",
    "email_jit_provisioning": "NOT_ALLOWED",
    "existing_password": "correct horse battery staple",
    "hash": "$2b$04$3ZYmhVb7EaBdXWlKrhMvyOH1W3KDyOAvQBFOPJhrbZEVvN8PLuMGC",
    "hash_type": "bcrypt",
    "identity_provider": "generic",
    "is_breakglass": True,
    "mfa_enrolled": True,
    "mfa_methods": "ALL_ALLOWED",
    "mfa_phone_number": "+12025550199",
    "mfa_policy": "REQUIRED_FOR_ALL",
    "name": "Renamed",
    "new_password": NEW_PASSWORD,
    "oauth_tenant_jit_provisioning": "RESTRICTED",
    "org_policy": {
        "roles": [
            {
                "role_id": "reader",
                "description": "",
                "permissions": [{"resource_id": "stytch.custom-org-roles", "actions": ["update"]}],
            }
        ]
    },
    "origin": PAGE,
    "parent_origin": PAGE,
    "organization_logo_url": "https://acme.example/logo.png",
    "organization_ids": ["acme"],
    "organization_name": "Renamed",
    "password": NEW_PASSWORD,
    "rbac_email_implicit_role_assignments": [{"domain": "acme.example", "role_id": "stytch_admin"}],
    "recovery_code": "abcde-fghjk",
    "recovery_codes": [],
    "roles": ["stytch_member"],
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "sso_default_connection_id": "",
    "sso_jit_provisioning": "NOT_ALLOWED",
    "sso_jit_provisioning_allowed_connections": [],
    "unlink_email": True,
    "untrusted_metadata": {"theme": "dark"},
}


@dataclass(frozen=True)
class World:
    """An organization with a member to act on, a connection with two tokens, and a member who acts."""

    project: NewProjectSecret
    caller: models.MemberRow
    session_token: str
    values: Mapping[str, Any]

    def send(self, case: Case) -> int:
        """Return the status of a request with all required fields, and those of the case."""
        one, is_browser = case.endpoint, case.front == "browser"
        route = next((route for route in one.browser_routes if route.needs_session), None) if is_browser else None
        verb, template = (route.verb, route.path) if route else (one.verb, one.path)
        names = [*self._given(one), *case.fields, *(["organization_id"] if one.of_organization and not route else [])]
        inside = re.findall(r"{(\w+)}", template)
        path = re.sub(r"{(\w+)}", lambda found: str(self.values[found[1]]), template)
        body = {name: self.values[name] for name in names if name not in inside}
        if verb in {"GET", "DELETE"}:
            path, body = f"{path}?{urlencode(body)}", {}
        if is_browser:
            caller = Caller(self.project.public_token, self.session_token, "/sdk/v1/", {})
        else:
            session = {"X-Stytch-Member-Session": self.session_token}
            caller = Caller(self.project.project_id, self.project.secret, "/v1/b2b/", session)
        return caller.call(verb, path, body).status

    def allow(self, *permissions: str) -> None:
        """Let the acting member do this and nothing else, not even with their own account."""
        models.MemberRow.objects.filter(pk=self.caller.pk).update(direct_roles=list(permissions))

    @staticmethod
    def _given(one: Endpoint) -> Iterator[str]:
        for field in msgspec.structs.fields(one.request):
            if field.required or field.name in ALWAYS:
                yield field.name


@pytest.fixture
def world(acme: models.OrganizationRow, project: NewProjectSecret, settings: Settings) -> World:
    settings.RBAC_POLICY = only_one_each()
    settings.EMAIL_IS_SET_UP = True
    settings.PROJECT = ProjectConfiguration(
        redirect_urls=RedirectUrls(invite=("https://app.example.com/invite",), login=("https://app.example.com/login",))
    )
    models.ProjectSecretRow.objects.update(last_used_at=timezone.now())
    factories.member(acme, "ada@acme.example", roles=["stytch_admin"])
    subject = factories.member(acme, "max@acme.example", name="Max")
    email = uuid7()
    models.MemberRow.objects.filter(pk=subject.pk).update(
        password="argon2$",
        email_address_verified=True,
        mfa_phone_number="+12025550123",
        external_id="crm-7",
        retired_email_addresses=[
            {"id": str(email), "email_address": "m@acme.example", "folded": fold("m@acme.example")}
        ],
    )
    scim = factories.scim_connection(acme)
    factories.scim_token(scim, "scim_next", is_next=True)
    caller = factories.member(acme, "cara@acme.example")
    return World(
        project,
        caller,
        factories.product_session_token(caller),
        {
            **dict.fromkeys(("organization_id", "organization_slug"), "acme"),
            "member_id": public_id("member", subject.pk),
            "member_password_id": public_id("member-password", subject.pk),
            "email_id": public_id("email", email),
            "connection_id": public_id("scim-connection", scim.pk),
            "ticket_id": public_id("embed-ticket", uuid7()),
        }
        | VALUES,
    )


def only_one_each() -> Policy:
    """Return a policy with a role for each single permission, named like it."""
    roles = {}
    for permission in PERMISSIONS:
        resource_id, _, action = permission.partition(":")
        roles[permission] = Role(permission, {resource_id: frozenset([action])})
    return DEFAULT_POLICY.extended_by(Policy(roles, {}))


def tried(case: Case) -> list[str]:
    """Return the permissions of the endpoint's resource, or of the one field, and one of each other resource."""
    rights = case.endpoint.rights
    assert rights
    actions = [rights.fields[name] for name in case.fields] or DEFAULT_POLICY.resources[rights.resource].actions
    others = [one for one in DEFAULT_POLICY.resources.values() if one.resource_id != rights.resource]
    return [f"{rights.resource}:{one}" for one in actions] + [f"{one.resource_id}:{one.actions[0]}" for one in others]


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is done inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Changes:
    """Record whether any statement could have changed the database; `dump` says whether one did."""

    def __init__(self) -> None:
        self.is_possible = False

    def __call__(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        self.is_possible |= sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "WITH"))
        return execute(sql, parameters, many, context)


def dump() -> dict[str, list[Any]]:
    """Return every row of the directory."""
    kept = [
        model
        for model in apps.get_app_config("directory").get_models(include_auto_created=True)
        if model is not COUNTERS
    ]
    return {model.__name__: sorted(map(str, model._default_manager.values_list())) for model in kept}


def prepare(case: Case) -> None:
    """Put the world into the state in which a request has something to do."""
    if case.fields == ("mfa_phone_number",):
        models.MemberRow.objects.update(mfa_phone_number="")
    match case.endpoint.name:
        case "scim.connection.create":
            models.ScimConnectionRow.objects.update(status="deleted", deleted_at=timezone.now())
        case "scim.connection.rotate_start":
            models.ScimTokenRow.objects.filter(is_next=True).delete()
        case "embed.origins.remove":
            models.OrganizationRow.objects.update(embed_origins=[PAGE])
        case "organizations.members.reactivate":
            models.MemberRow.objects.filter(name="Max").update(status="deleted", email_address_verified=True)


@pytest.mark.parametrize("case", [*GUARDED, *EACH_FIELD], ids=str)
def test_every_request_succeeds_with_the_permission(world: World, case: Case) -> None:
    world.allow("stytch_admin")
    prepare(case)

    assert world.send(case) == (404 if case.endpoint.name in WITHOUT_ANY else 200)


@pytest.mark.parametrize("case", [*GUARDED, *EACH_FIELD], ids=str)
def test_a_request_that_is_rejected_changes_nothing(world: World, case: Case) -> None:
    """Whichever single permission the caller has."""
    prepare(case)
    before, statuses = dump(), set()
    for permission in tried(case):
        with undone():
            world.allow(permission)
            changes = Changes()
            with connection.execute_wrapper(changes):
                status = world.send(case)
            statuses.add(status)
            if status == 403 and changes.is_possible:
                world.allow()
                assert dump() == before, permission

    assert 403 in statuses


@pytest.mark.parametrize("case", BY_FIELD, ids=str)
def test_an_update_without_fields_needs_a_permission(world: World, case: Case) -> None:
    """Its response shows all that there is."""
    assert world.send(case) == 403

    rights = case.endpoint.rights
    assert rights
    world.allow(f"{rights.resource}:{next(iter(rights.fields.values()))}")
    assert world.send(case) == 200


@pytest.mark.parametrize("case", ABOUT_A_MEMBER, ids=str)
def test_no_one_reaches_another_member_without_a_permission(world: World, case: Case) -> None:
    prepare(case)
    before = dump()

    if (case.endpoint.name, case.front) in OF_ONESELF:
        assert world.send(case) == 200
    elif (case.endpoint.name, case.front) in OF_ONESELF_WITHOUT_ANY:
        assert world.send(case) == 404
    else:
        assert world.send(case) == 403
        assert dump() == before
