"""Custom roles of an organization (portal.directory.rbac)."""

import pytest
from pytest_django import Settings

from portal.directory.errors import Forbidden, Invalid
from portal.directory.members import MemberChanges
from portal.directory.organizations import EmailImplicitRoleAssignment, OrganizationChanges
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.directory.sessions import SignedIn
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.embedded.conftest import Opened, api_session

pytestmark = pytest.mark.django_db
READER = Role("reader", {"stytch.scim": frozenset({"get"})}, "Reads")


@pytest.fixture
def _reader(opened: Opened, acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    opened("acme").rbac.set_organization_roles([READER])


@pytest.mark.usefixtures("_reader")
def test_custom_roles_belong_to_their_organization(
    opened: Opened, acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    by_domain = OrganizationChanges(
        rbac_email_implicit_role_assignments=[EmailImplicitRoleAssignment("acme.example", "reader")]
    )
    group, foreign = (factories.scim_group(factories.scim_connection(one), "Staff") for one in (acme, globex))

    created = opened("acme").members.create(MemberChanges(email_address="a@b.example", roles=["reader"]))
    opened("acme").organization.update(by_domain)
    groups = opened("acme").scim.group_roles.change(
        f"scim-group-live-{group.pk}", add=["reader"], remove=[], version=version(opened, "acme", group)
    )

    assert "reader" in created.role_ids
    assert groups.role_ids == ("reader",)
    for call in (
        lambda: opened("globex").members.create(MemberChanges(email_address="a@b.example", roles=["reader"])),
        lambda: opened("globex").organization.update(by_domain),
        lambda: opened("globex").scim.group_roles.change(
            f"scim-group-live-{foreign.pk}", add=["reader"], remove=[], version=version(opened, "globex", foreign)
        ),
    ):
        with pytest.raises(Invalid):
            call()


def version(opened: Opened, slug: str, group: models.ScimGroupRow) -> str:
    return opened(slug).scim.group_roles.get(f"scim-group-live-{group.pk}").version


@pytest.mark.usefixtures("_reader")
def test_custom_roles_grant_permissions_until_removed(
    known: EmbeddedProject, opened: Opened, acme: models.OrganizationRow
) -> None:
    connection = factories.scim_connection(acme)
    held = api_session(factories.member(acme, "max@acme.example", roles=["reader"]))

    def directory() -> object:
        return known.open_session(held.session_token)[1].scim.groups.page(f"scim-connection-live-{connection.pk}")

    assert directory()
    opened("acme").rbac.set_organization_roles([])
    with pytest.raises(Forbidden):
        directory()


@pytest.mark.usefixtures("_reader")
def test_projects_role_has_priority_over_a_custom_role(opened: Opened, settings: Settings) -> None:
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy({"reader": Role("reader", {})}, {}))

    assert opened("acme").rbac.policy().roles["reader"].permissions == {}


def test_changing_custom_roles_needs_permission(known: EmbeddedProject, ada: SignedIn, max_: SignedIn) -> None:
    with pytest.raises(Forbidden):
        known.open_session(max_.session_token)[1].rbac.set_organization_roles([READER])

    assert known.open_session(ada.session_token)[1].rbac.set_organization_roles([READER]) == (READER,)
    assert known.open_session(ada.session_token)[1].rbac.organization_roles() == (READER,)


def test_authorization_check_returns_the_granting_roles(
    known: EmbeddedProject, opened: Opened, acme: models.OrganizationRow
) -> None:
    opened("acme").rbac.set_organization_roles([READER])
    held = api_session(factories.member(acme, "max@acme.example", roles=["reader", "stytch_admin"]))
    rbac = known.open_session(held.session_token)[1].rbac

    assert rbac.authorize("acme", "stytch.scim", "get") == ("reader", "stytch_admin")
    assert rbac.authorize("acme", "stytch.scim", "update") == ("stytch_admin",)
    for organization_id in ("globex", "", "ACME"):
        with pytest.raises(Forbidden) as error:
            rbac.authorize(organization_id, "stytch.scim", "get")
        assert error.value.error_type == "session_authorization_tenancy_error"
    for resource_id, action in (("documents", "get"), ("", ""), ("stytch.scim:get", "")):
        with pytest.raises(Forbidden) as error:
            rbac.authorize("acme", resource_id, action)
        assert error.value.error_type == "session_authorization_error"
