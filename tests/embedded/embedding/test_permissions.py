"""What a frame may do: what the member's roles grant, and the ticket allows. Nobody gets around it, not even an admin."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.authority import Authority
from portal.directory.bulk_invitations import DraftLine
from portal.directory.errors import DirectoryError, Forbidden, StepUpRequired
from portal.directory.frames import EmbedArea, Embedding
from portal.directory.ids import public_id
from portal.directory.invitations import NewInvitation
from portal.directory.members import MemberChanges
from portal.directory.organizations import OrganizationChanges
from portal.directory.permissions import Permission
from portal.directory.policy import ADMIN_ROLE, DEFAULT_POLICY, MEMBER_ROLE, Policy, Role
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from tests import factories
from tests.embedded.embedding.conftest import PAGE, browser, framed

pytestmark = pytest.mark.django_db
EVERY = [f"{one.resource_id}:{action}" for one in DEFAULT_POLICY.resources.values() for action in one.actions]
READING = [one for one in EVERY if one.partition(":")[2].split(".")[0] in {"get", "search"}]


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True


def scope(member: models.MemberRow, **allowed: object) -> Scope:
    return Scope("acme", Origin(), framed(member, **allowed))


def allowed(found: Scope) -> list[str]:
    return [one for one in EVERY if found.allows(one)]


def test_without_a_ceiling_a_frame_has_what_the_member_has(ada: models.MemberRow) -> None:
    assert allowed(scope(ada)) == EVERY


def test_a_read_only_frame_changes_nothing(ada: models.MemberRow) -> None:
    found = scope(ada, read_only=True)

    assert allowed(found) == READING
    assert not set(READING) & {Permission.EMBEDDING_UPDATE, Permission.SCIM_CREATE, "stytch.self:revoke-sessions"}


def test_a_ceiling_limits_and_gives_nothing(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    names = ("stytch.member:search", "stytch.scim:get", "stytch.scim:update")
    ben = factories.member(acme, "ben@acme.example")

    assert set(allowed(scope(ada, permissions=names))) == set(names)
    assert set(allowed(scope(ada, permissions=names, read_only=True))) == {"stytch.member:search", "stytch.scim:get"}
    assert allowed(scope(ben, permissions=names)) == []


@pytest.mark.parametrize("permission", EVERY)
def test_every_permission_is_limited(ada: models.MemberRow, permission: str) -> None:
    other = next(one for one in EVERY if one != permission)
    found = scope(ada, permissions=(other,))

    assert not found.allows(permission)
    with pytest.raises(Forbidden):
        found.require(permission)
    resource, _, action = permission.partition(":")
    with pytest.raises(Forbidden):
        found.require_action(action, resource, "stytch.self")


def test_a_new_role_counts_at_the_next_request(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    ben = factories.member(acme, "ben@acme.example")
    assert not scope(ben).allows("stytch.scim:get")

    models.MemberRow.objects.filter(pk=ben.pk).update(direct_roles=[ADMIN_ROLE])
    assert scope(ben).allows("stytch.scim:get")


READER = Role("reader", {"stytch.scim": frozenset({"get"})})
WRITER = Role("writer", {"stytch.scim": frozenset({"get", "update"})})
EVERYTHING_OF_SCIM = Role("scim_admin", {"stytch.scim": frozenset({"*"})})
NOWHERE = Role("nowhere", {"documents": frozenset({"*"})})
POLICY = DEFAULT_POLICY.with_roles([READER, WRITER, EVERYTHING_OF_SCIM, NOWHERE])


def authority(*permissions: str, roles: tuple[str, ...] = (ADMIN_ROLE,), read_only: bool = False) -> Authority:
    embedding = Embedding("t", (EmbedArea.MEMBERS,), PAGE, read_only, frozenset(permissions) if permissions else None)
    return Authority(POLICY, roles, embedding)


def test_a_frame_grants_no_role_beyond_its_ceiling() -> None:
    reading = authority("stytch.scim:get", Permission.MEMBER_ROLES)
    assert reading.may_grant(["reader"])
    assert reading.may_grant([MEMBER_ROLE])
    for role_id in ("writer", "scim_admin", ADMIN_ROLE, "nowhere"):
        assert not reading.may_grant([role_id])
        assert not reading.may_grant(["reader", role_id])

    of_scim = [f"stytch.scim:{action}" for action in DEFAULT_POLICY.resources["stytch.scim"].actions]
    assert authority(*of_scim).may_grant(["reader", "writer", "scim_admin"])
    assert not authority(*of_scim[1:]).may_grant(["scim_admin"])


def test_a_frame_grants_no_more_than_the_member_either() -> None:
    assert not authority("stytch.scim:get", roles=(MEMBER_ROLE,)).may_grant(["reader"])
    assert authority().may_grant([ADMIN_ROLE])
    assert not authority(read_only=True).may_grant(["writer"])


def test_a_frame_puts_nothing_into_a_role_beyond_its_ceiling() -> None:
    reading = authority("stytch.scim:get")
    assert reading.may_put_into_role("stytch.scim", "get")
    for action in ("update", "*"):
        assert not reading.may_put_into_role("stytch.scim", action)
    assert not reading.may_put_into_role("documents", "*")
    assert authority().may_put_into_role("documents", "*")
    assert not replace(authority(), roles=[MEMBER_ROLE]).may_put_into_role("documents", "read")


def refusals(inside: EmbeddedDirectory, member_id: str) -> dict[str, Callable[[], object]]:
    """Return changes that would give someone more than the frame allows, or that need a permission that it lacks."""
    return {
        "roles": lambda: inside.member_roles.add(member_id, ADMIN_ROLE),
        "update": lambda: inside.members.update(member_id, MemberChanges(roles=(ADMIN_ROLE,))),
        "invite": lambda: inside.invitations.invite(NewInvitation("new@acme.example", "New", (ADMIN_ROLE,))),
        "custom roles": lambda: inside.rbac.set_organization_roles([WRITER]),
        "settings": lambda: inside.organization.update(OrganizationChanges(mfa_policy="OPTIONAL")),
        "everyone": inside.all_sessions.revoke,
        "ticket": lambda: inside.embedding.revoke_ticket("embed-ticket-live-1"),
        "origin": lambda: inside.embedding.remove_origin(PAGE),
    }


CHANGES = ["roles", "update", "invite", "custom roles", "settings", "everyone", "ticket", "origin"]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("ceiling", [{"read_only": True}, {"permissions": ("stytch.member:search",)}])
def test_nothing_is_changed_beyond_the_ticket(ada: models.MemberRow, name: str, ceiling: dict[str, object]) -> None:
    inside = EmbeddedDirectory(scope(ada, **ceiling))
    ben = factories.member(ada.organization, "ben@acme.example")

    with pytest.raises(Forbidden):
        refusals(inside, public_id("member", ben.pk))[name]()
    ben.refresh_from_db()
    assert ben.direct_roles == []


def test_inviting_is_not_a_way_to_more(ada: models.MemberRow) -> None:
    inside = EmbeddedDirectory(
        scope(ada, permissions=("stytch.member:create", "stytch.member:search", Permission.MEMBER_ROLES))
    )
    with pytest.raises((Forbidden, StepUpRequired)):
        inside.invitations.invite(NewInvitation("new@acme.example", "New", (ADMIN_ROLE,)))
    job = inside.bulk_invitations.draft([DraftLine(1, "new@acme.example", "New", (ADMIN_ROLE,))])
    with pytest.raises(DirectoryError):
        inside.bulk_invitations.start(job.job_id)
    assert models.MemberRow.objects.count() == 1


def test_a_list_of_another_session_is_not_started_in_a_frame(ada: models.MemberRow) -> None:
    """The member entered it at top level, where more is allowed."""
    outside = browser().acting_as(browser().sessions.authenticate(factories.session_token(ada)))
    job = outside.bulk_invitations.draft([DraftLine(1, "new@acme.example", "New", (ADMIN_ROLE,))])

    with pytest.raises(StepUpRequired):
        EmbeddedDirectory(scope(ada, permissions=("stytch.member:create",))).bulk_invitations.start(job.job_id)


def test_a_role_of_the_organization_is_not_a_way_to_more(ada: models.MemberRow) -> None:
    permissions = ("stytch.custom-org-roles:update", "stytch.scim:get")
    inside = EmbeddedDirectory(scope(ada, permissions=permissions))

    inside.rbac.set_organization_roles([READER])
    with pytest.raises(Forbidden, match=r"stytch.scim:update"):
        inside.rbac.set_organization_roles([READER, WRITER])
    with pytest.raises(Forbidden, match=r"stytch.scim:\*"):
        inside.rbac.set_organization_roles([EVERYTHING_OF_SCIM])
    # What a role grants already stays in it.
    EmbeddedDirectory(scope(ada)).rbac.set_organization_roles([READER, WRITER])
    inside.rbac.set_organization_roles([READER, WRITER])


def test_a_member_with_more_is_not_a_way_to_it(ada: models.MemberRow) -> None:
    limited, full = scope(ada, permissions=("stytch.member:search",)), scope(ada)
    for one in (lambda found: found.require_grantable([ADMIN_ROLE]), _require_no_more):
        one(full)
        with pytest.raises(Forbidden):
            one(limited)


def _require_no_more(found: Scope) -> None:
    found.require_no_more_rights([MEMBER_ROLE, ADMIN_ROLE], "ada@acme.example")


def test_no_job_starts_in_a_frame_with_a_ceiling(ada: models.MemberRow) -> None:
    """It would act with all permissions of the member, which give a role to everyone with an address in a domain."""
    lines = [DraftLine(1, "new@acme.example")]
    for ceiling, error in (({"permissions": ("stytch.member:create",)}, StepUpRequired), ({}, None)):
        jobs = EmbeddedDirectory(scope(ada, **ceiling)).bulk_invitations
        draft = jobs.draft(lines)
        if error:
            with pytest.raises(error):
                jobs.start(draft.job_id)
        else:
            jobs.start(draft.job_id)


def test_the_policy_of_a_project_has_its_ceiling_too() -> None:
    policy = Policy({**DEFAULT_POLICY.roles, "reader": READER}, DEFAULT_POLICY.resources)
    embedding = Embedding("t", (EmbedArea.SCIM,), PAGE, permissions=frozenset({"stytch.scim:get"}))

    assert Authority(policy, ["reader"], embedding).allows("stytch.scim:get")
    assert not Authority(policy, ["reader"], embedding).allows("stytch.scim:update")
    assert not Authority(policy, [], embedding).allows("stytch.scim:get")
