"""Tenant isolation: every query on an organization's rows starts here (tests/meta/test_isolation.py)."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Model, OuterRef, QuerySet

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import NotFound, Refused, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.organizations import DEFAULT_SETTINGS, Organization, OrganizationSettings
from portal.directory.policy import Policy, read_roles
from portal.directory.sessions import SignedIn
from portal.directory.step_up import require_recent_password
from portal.embedded import models
from portal.embedded.audit import Caller

Row = TypeVar("Row", bound=Model)


def rows_of(organization_id: UUID | OuterRef, model: type[Row]) -> QuerySet[Row]:
    """Return one organization's rows of a model: the way to start a query where there is no Scope."""
    return QuerySet(model).filter(organization_id=organization_id)


def across_organizations(model: type[Row]) -> QuerySet[Row]:
    """Return a model's rows of all organizations, for the modules that tests/meta/test_isolation.py names with a reason."""
    return QuerySet(model)


def organization_value(row: models.OrganizationRow) -> Organization:
    """Return the organization as the gateway shows it, without its SCIM connection."""
    return Organization(
        organization_id=public_id("organization", row.pk),
        organization_name=row.name,
        organization_slug=row.slug,
        organization_logo_url=row.logo_url,
        organization_external_id=row.external_id,
        email_allowed_domains=tuple(row.email_allowed_domains),
        settings=settings_value(row),
        custom_roles=read_roles({"roles": row.custom_roles}) if row.custom_roles else (),
        trusted_metadata=row.trusted_metadata or {},
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def hold_organization(organization_id: UUID) -> None:
    """Let nobody delete the organization until the transaction ends: nothing comes into one that is deleted. Raises NotFound."""
    rows = models.OrganizationRow.objects.select_for_update(no_key=True).filter(pk=organization_id, deleted_at=None)
    if rows.values_list("pk").first() is None:
        raise NotFound("The organization was deleted meanwhile.", error_type="organization_not_found")


def settings_value(row: models.OrganizationRow) -> OrganizationSettings:
    """Return the organization's settings; what is stored is only what differs from the defaults."""
    return msgspec.convert(row.settings, OrganizationSettings) if row.settings else DEFAULT_SETTINGS


@dataclass(frozen=True)
class Scope:
    """One organization and one caller. Every query of the embedded directory starts with `scope.of(models.XRow)`.

    `project` is set for requests of the JSON API. They act as the project, which may do everything in each of its
    organizations, or as the member who is signed in, with that member's permissions.
    """

    organization_slug: str
    origin: Origin
    signed_in: SignedIn | None = field(default=None)
    project: Actor | None = None
    # Where it has been read already.
    known_organization: Organization | None = None
    # The session that the call came by, as it was read.
    held: models.MemberSessionRow | None = None

    @cached_property
    def organization(self) -> Organization:
        """Return the organization. Raises NotFound."""
        if self.signed_in:
            return self.signed_in.organization
        if self.known_organization:
            return self.known_organization
        row = models.OrganizationRow.objects.filter(slug=self.organization_slug, deleted_at=None).first()
        if row is None:
            raise NotFound("There is no organization at this address.")
        return organization_value(row)

    @cached_property
    def organization_id(self) -> UUID:
        """Return the organization's key. Raises NotFound."""
        return parse_id("organization", self.organization.organization_id)

    def of(self, model: type[Row]) -> QuerySet[Row]:
        """Return the organization's rows of a model, deleted ones included. Raise NotFound if there is no organization."""
        return rows_of(self.organization_id, model)

    @property
    def caller(self) -> Caller:
        """Return who makes the changes."""
        if self.signed_in is None:
            return Caller(self.project or Actor(ActorType.VISITOR), self.origin)
        member = self.signed_in.member
        return Caller(Actor(ActorType.MEMBER, member.member_id, member.name or member.email_address), self.origin)

    @cached_property
    def policy(self) -> Policy:
        """Return the project's policy with the organization's own roles."""
        policy: Policy = settings.RBAC_POLICY
        return policy.with_roles(self.organization.custom_roles)

    def require(self, permission: str) -> None:
        """Raise Refused unless the member's roles grant `resource:action`, Unauthenticated where nobody is signed in.

        The gate has checked already; a page that it forgot shall not be a hole.
        """
        if self.signed_in is None and self.project:
            return
        if self.signed_in is None:
            raise Unauthenticated("Sign in first.")
        if not self.policy.allows(self.signed_in.session.roles, permission):
            raise Refused("Your roles do not allow this.")

    def require_recent_password(self) -> None:
        """Raise StepUpRequired as portal.directory.step_up says; not of the JSON API, whose callers have no page to enter it on."""
        if not self.project:
            require_recent_password(self.signed_in)
