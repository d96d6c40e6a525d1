"""Every way to take the last admin from an organization is rejected with what to do, or doesn't take them.

The admin has the role manually, by email domain or through a group. Who changes it has all rights but isn't an admin, or is
the product's backend or the identity provider: none of them may. A new address that the admin proves is in
tests/embedded/members/test_email_updates.py, two admins who demote each other in tests/pages/members/test_actions.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.errors import Conflict, Forbidden
from portal.directory.ids import public_id, uuid7
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.organizations import EmailImplicitRoleAssignment, OrganizationChanges
from portal.directory.policy import ADMIN_ROLE
from portal.directory.roles import assignments_version, role_version
from portal.directory.scim.group_roles import ScimGroupRolesChange, roles_version
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.members.roles import has_admin
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.embedded.conftest import BACKEND, ORIGIN
from tests.embedded.second_factors.test_races import at_once
from tests.embedded.test_granting import MANAGER
from tests.scim_server.conftest import Idp
from tests.scim_server.conftest import idp as idp  # noqa: PLC0414 -- a fixture

pytestmark = pytest.mark.django_db
RULE = EmailImplicitRoleAssignment("acme.example", ADMIN_ROLE)
DEACTIVATE = {"op": "replace", "path": "active", "value": False}
ELSEWHERE = "ada@elsewhere.example"
MOVE = (
    {"op": "replace", "path": "userName", "value": ELSEWHERE},
    {"op": "replace", "path": "emails", "value": [{"value": ELSEWHERE, "primary": True}]},
)
FIXES = ("admin first", "admin manually first")


@dataclass(frozen=True)
class World:
    """Acme with Ada, its admin, a user of the identity provider in a group in a group, and a manager."""

    acme: models.OrganizationRow
    ada: models.MemberRow
    idp: Idp
    user: str
    inner: str
    group: str
    manager: models.MemberRow

    @property
    def ada_id(self) -> str:
        return public_id("member", self.ada.pk)

    @property
    def connection_id(self) -> str:
        return public_id("scim-connection", self.idp.connection.pk)

    @property
    def backend(self) -> EmbeddedDirectory:
        return EmbeddedProject(ORIGIN).open("acme", BACKEND)

    @property
    def sdk(self) -> EmbeddedDirectory:
        """The directory as a product's page opens it for the manager."""
        return EmbeddedProject(ORIGIN).open_session(factories.product_session_token(self.manager))[1]

    def page(self, who: models.MemberRow) -> EmbeddedDirectory:
        opened = EmbeddedProvider().open("acme", ORIGIN)
        return opened.acting_as(opened.sessions.authenticate(factories.session_token(who)))

    @property
    def managers(self) -> EmbeddedDirectory:
        return self.page(self.manager)

    @property
    def client(self) -> Client:
        return factories.signed_in(self.manager)

    def has_role(self, source: str) -> None:
        """Give Ada the role from one source alone."""
        if source == "manual":
            models.MemberRow.objects.filter(pk=self.ada.pk).update(direct_roles=[ADMIN_ROLE])
        elif source == "domain":
            factories.role_by_domain(self.acme, RULE.domain, ADMIN_ROLE)
        else:
            group = models.ScimGroupRow.objects.get(display_name="Outer")
            factories.group_role(group, ADMIN_ROLE)

    def unmanaged(self) -> None:
        """Take Ada from the identity provider: what it manages isn't changed on pages."""
        models.ScimMembershipRow.objects.all().delete()
        models.ScimUserRow.objects.all().delete()

    def bulk(self, action: str) -> Any:
        chosen = {"action": action, "member": self.ada_id, "confirmed": "yes", "role": ADMIN_ROLE}
        return self.client.post("/o/acme/members/bulk/", chosen)


@pytest.fixture
def world(acme: models.OrganizationRow, idp: Idp) -> World:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[MANAGER])
    # Not at the domain of the rule.
    manager = factories.member(acme, "eve@outside.example", roles=["manager"])
    emails = [{"value": "ada@acme.example", "primary": True}]
    user = idp.create_user("ada@acme.example", emails=emails)
    inner = idp.create_group("Inner", [user])
    group = idp.create_group("Outer", [inner])
    ada = models.MemberRow.objects.select_related("organization").get(email_address="ada@acme.example")
    return World(acme, ada, idp, user, inner, group, manager)


Way = Callable[[World], object]


def leave(world: World) -> None:
    world.unmanaged()
    world.page(world.ada).account.leave()


def deactivated_on_a_page(world: World) -> None:
    world.unmanaged()
    world.managers.members.delete(world.ada_id)


def other_invited(world: World) -> object:
    """An admin who hasn't joined yet can't sign in."""
    world.backend.members.create(
        MemberChanges(email_address=f"{uuid7()}@outside.example", roles=[ADMIN_ROLE]), status=MemberStatus.INVITED
    )
    return world.backend.members.update(world.ada_id, MemberChanges(roles=[]))


def take_idp_values(world: World) -> None:
    models.ScimUserRow.objects.update(active=False)
    drift = world.managers.scim.drift
    assert drift
    (changed,) = drift.changed_users(world.connection_id).items
    drift.take_idp_values(world.connection_id, changed.user_id, version=changed.version)


def delete_connection(world: World) -> object:
    deletion = world.managers.scim.deletion
    assert deletion
    return deletion.delete(world.connection_id, version=deletion.preview(world.connection_id).version)


def delete_connection_and_users(world: World) -> object:
    deletion = world.managers.scim.deletion
    assert deletion
    version = deletion.preview(world.connection_id).version
    return deletion.deactivation.delete(world.connection_id, version=version)


def group_change(world: World) -> object:
    version = roles_version([ADMIN_ROLE])
    return world.managers.scim.group_roles.change(world.group, add=(), remove=[ADMIN_ROLE], version=version)


def group_changes(world: World) -> object:
    change = ScimGroupRolesChange(world.group, remove=(ADMIN_ROLE,), version=roles_version([ADMIN_ROLE]))
    return world.managers.scim.group_roles.change_several([change])


def api_connection(world: World) -> object:
    return world.backend.scim.update_connection(
        world.connection_id, display_name=None, identity_provider=None, group_roles=[]
    )


def remove_rule(world: World) -> object:
    return world.managers.roles.change_email_assignments(remove=[RULE], version=assignments_version([RULE]))


NO_RULES = OrganizationChanges(rbac_email_implicit_role_assignments=[])
NO_ROLES = MemberChanges(roles=[])
# Of the pages and the API, by what gives Ada the role.
IN_THE_PORTAL: Mapping[str, tuple[str, Way]] = {
    "the backend replaces the roles": ("manual", lambda one: one.backend.members.update(one.ada_id, NO_ROLES)),
    "an SDK replaces the roles": ("manual", lambda one: one.sdk.members.update(one.ada_id, NO_ROLES)),
    "a page removes the role": ("manual", lambda one: one.managers.member_roles.remove(one.ada_id, ADMIN_ROLE)),
    "another admin is only invited": ("manual", other_invited),
    "the backend deletes the member": ("manual", lambda one: one.backend.members.delete(one.ada_id)),
    "an SDK deletes the member": ("manual", lambda one: one.sdk.members.delete(one.ada_id)),
    "a page deactivates the member": ("manual", deactivated_on_a_page),
    "the member leaves": ("manual", leave),
    "an admin takes over what the provider says": ("manual", take_idp_values),
    "the backend removes the rule": ("domain", lambda one: one.backend.organization.update(NO_RULES)),
    "an SDK removes the rule": ("domain", lambda one: one.sdk.organization.update(NO_RULES)),
    "a page removes the rule": ("domain", remove_rule),
    "the backend moves the member to another domain": (
        "domain",
        lambda one: one.backend.members.update(one.ada_id, MemberChanges(email_address=ELSEWHERE)),
    ),
    "the backend deletes a member of the domain": ("domain", lambda one: one.backend.members.delete(one.ada_id)),
    "a page takes the role from the group": ("group", group_change),
    "a page takes the role from groups": ("group", group_changes),
    "the API takes the roles from all groups": ("group", api_connection),
    "the backend deletes a member of the group": ("group", lambda one: one.backend.members.delete(one.ada_id)),
    "the connection is deleted": ("group", delete_connection),
    "the connection and its people are deleted": ("group", delete_connection_and_users),
}
# Of the identity provider. What it may not do is also shown to the admins.
BY_SCIM: Mapping[str, tuple[str, Way]] = {
    **{
        f"the user is deactivated, admin by {source}": (
            source,
            lambda one: one.idp.patch(f"/Users/{one.user}", DEACTIVATE),
        )
        for source in ("manual", "domain", "group")
    },
    "the user is replaced": (
        "manual",
        lambda one: one.idp.send("PUT", f"/Users/{one.user}", {"userName": "ada@acme.example", "active": False}),
    ),
    "the user is deleted": ("manual", lambda one: one.idp.send("DELETE", f"/Users/{one.user}")),
    "the address moves to another domain": ("domain", lambda one: one.idp.patch(f"/Users/{one.user}", *MOVE)),
    "the user leaves the group": (
        "group",
        lambda one: one.idp.patch(f"/Groups/{one.inner}", {"op": "remove", "path": "members"}),
    ),
    "the group leaves the other": (
        "group",
        lambda one: one.idp.patch(f"/Groups/{one.group}", {"op": "remove", "path": "members"}),
    ),
    "the group is replaced": (
        "group",
        lambda one: one.idp.send("PUT", f"/Groups/{one.group}", {"displayName": "Outer", "members": []}),
    ),
    "the inner group is deleted": ("group", lambda one: one.idp.send("DELETE", f"/Groups/{one.inner}")),
    "the group is deleted": ("group", lambda one: one.idp.send("DELETE", f"/Groups/{one.group}")),
}


def is_admin(world: World) -> bool:
    return world.backend.members.get(world.ada_id).is_admin and has_admin(world.acme.pk)


@pytest.mark.parametrize("way", IN_THE_PORTAL)
def test_no_one_takes_the_last_admin(world: World, way: str) -> None:
    source, change = IN_THE_PORTAL[way]
    world.has_role(source)

    with pytest.raises(Conflict) as rejected:
        change(world)

    assert any(fix in rejected.value.detail for fix in FIXES), rejected.value.detail
    assert is_admin(world)
    # It's only the last one that is protected.
    factories.member(world.acme, "root@outside.example", roles=[ADMIN_ROLE])
    change(world)
    assert world.ada_id not in {one.member_id for one in world.backend.members.search().items if one.is_admin}


@pytest.mark.parametrize("way", BY_SCIM)
def test_the_identity_provider_takes_no_last_admin(world: World, way: str) -> None:
    source, change = BY_SCIM[way]
    world.has_role(source)

    answer: Any = change(world)

    assert answer.status_code == 409
    assert any(fix in answer.json()["detail"] for fix in FIXES), answer.json()
    assert is_admin(world)
    world.idp.connection.refresh_from_db()
    assert any(fix in world.idp.connection.attention for fix in FIXES)


@pytest.mark.parametrize("action", ["deactivate", "remove-role"])
def test_a_bulk_action_leaves_the_last_admin_and_says_so(world: World, action: str) -> None:
    world.has_role("manual")
    world.unmanaged()
    other = factories.member(world.acme, "ben@acme.example", roles=[ADMIN_ROLE])
    chosen = [public_id("member", other.pk), world.ada_id]

    answer = world.client.post(
        "/o/acme/members/bulk/", {"action": action, "member": chosen, "confirmed": "yes", "role": ADMIN_ROLE}
    )

    assert "last admin. Make another member an admin first." in answer.content.decode()
    other.refresh_from_db()
    assert other.direct_roles == []
    assert is_admin(world)


def test_a_connection_that_is_deleted_with_its_people_leaves_an_admin(world: World) -> None:
    """One admin stays active, and the page says which one."""
    world.has_role("manual")
    deletion = world.managers.scim.deletion
    assert deletion
    assert deletion.preview(world.connection_id).exempt == ("ada@acme.example",)

    delete_connection_and_users(world)

    assert is_admin(world)


def own_role(world: World) -> None:
    """A role of the organization is never the admin role, even with all permissions: an admin can restore it."""
    (role,) = world.managers.roles.own()
    world.managers.roles.delete("manager", version=role_version(role))


def own_role_without_rights(world: World) -> None:
    (role,) = world.managers.roles.own()
    less = replace(role, permissions={"stytch.member": frozenset({"search"})})
    world.managers.roles.update(less, version=role_version(role))


def no_domains(world: World) -> None:
    """A domain decides who can join. A role by domain needs no proof of it, so none is lost with the proof."""
    world.backend.organization.update(OrganizationChanges(email_allowed_domains=["acme.example"]))
    models.EmailDomainRow.objects.update(lapsed_at=timezone.now())
    world.backend.organization.update(OrganizationChanges(email_allowed_domains=[]))


def pause(world: World) -> None:
    """Groups keep their roles while a connection is paused."""
    assert world.managers.scim.pause
    world.managers.scim.pause.pause(world.connection_id)


def lock(world: World) -> None:
    """A lock after wrong passwords ends by itself, and a link by email or an operator's ends it at once."""
    until = timezone.now() + timedelta(hours=1)
    models.MemberRow.objects.filter(pk=world.ada.pk).update(lock_created_at=timezone.now(), lock_expires_at=until)


def methods(world: World) -> None:
    """The project secret can forbid every method that works here: the product may sign members in itself."""
    changes = OrganizationChanges(auth_methods="RESTRICTED", allowed_auth_methods=["sso"])
    world.backend.organization.update(changes)


def second_factor(world: World) -> None:
    """Who lacks a required second factor adds one at the next sign-in."""
    world.backend.organization.update(OrganizationChanges(mfa_policy="REQUIRED_FOR_ALL"))


@pytest.mark.parametrize("source", ["manual", "domain", "group"])
@pytest.mark.parametrize("change", [own_role, own_role_without_rights, no_domains, pause, lock, methods, second_factor])
def test_what_is_allowed_takes_no_admin(world: World, source: str, change: Way) -> None:
    """The reason is with each change."""
    world.has_role(source)

    change(world)

    assert is_admin(world)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_the_last_two_admins_are_not_lost_in_two_ways_at_once(transactional_db: None) -> None:
    acme = factories.organization("acme")
    by_role = factories.member(acme, "ben@outside.example", roles=[ADMIN_ROLE])
    factories.member(acme, "ada@acme.example")
    factories.role_by_domain(acme, RULE.domain, ADMIN_ROLE)
    backend, key = EmbeddedProject(ORIGIN).open("acme", BACKEND), public_id("member", by_role.pk)

    results = at_once(
        [lambda: backend.members.update(key, NO_ROLES), lambda: backend.organization.update(NO_RULES)],
    )

    assert [one.error_type for one in results if one] == ["organization_needs_admin"]
    assert has_admin(acme.pk)


# --- Locking oneself out -----------------------------------------------------------------------------------------------


def restrict(acme: models.OrganizationRow, *methods: str) -> None:
    stored = {"auth_methods": "RESTRICTED", "allowed_auth_methods": list(methods)}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(settings=stored)


def test_emergency_access_is_not_removed_from_the_last_who_can_sign_in(world: World) -> None:
    """Single sign-on is the only method, and here only emergency admins get in without it."""
    world.has_role("manual")
    restrict(world.acme, "sso")
    models.MemberRow.objects.filter(pk=world.ada.pk).update(is_breakglass=True)
    no_more = MemberChanges(is_breakglass=False)

    with pytest.raises(Conflict, match="lock yourself out"):
        world.page(world.ada).members.update(world.ada_id, no_more)
    assert world.backend.members.get(world.ada_id).is_breakglass

    # The project secret may: the product may sign members in itself.
    assert not world.backend.members.update(world.ada_id, no_more).is_breakglass


def test_without_email_no_one_loses_a_password_that_no_one_can_replace(world: World, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    world.has_role("manual")
    models.MemberRow.objects.update(password="argon2$")
    links = world.managers.sign_in_links

    with pytest.raises(Conflict, match="account page"):
        links.require_new_password(public_id("member", world.manager.pk))
    with pytest.raises(Forbidden, match="permissions that you don’t have"):
        links.require_new_password(world.ada_id)
    assert links.require_new_password(public_id("member", factories.member(world.acme, "z@b.example", password="x").pk))
    settings.EMAIL_IS_SET_UP = True
    assert links.require_new_password(world.ada_id)


def test_allowed_domains_do_not_lock_members_out(world: World) -> None:
    """They decide who can join. A member with another address still signs in."""
    models.OrganizationRow.objects.filter(pk=world.acme.pk).update(
        settings={"email_invites": "RESTRICTED"}, email_allowed_domains=["elsewhere.example"]
    )
    models.MemberRow.objects.filter(pk=world.manager.pk).update(password=make_password("quartz lantern"))

    opened = EmbeddedProvider().open("acme", ORIGIN)

    assert opened.sessions.sign_in(email_address="eve@outside.example", password="quartz lantern")
