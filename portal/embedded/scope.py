"""Tenant isolation: every query on an organization's rows starts here (tests/meta/test_isolation.py)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Model, OuterRef, QuerySet

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.authority import Authority
from portal.directory.errors import Forbidden, NotFound, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.organizations import DEFAULT_SETTINGS, Organization, OrganizationSettings
from portal.directory.policy import Policy, read_roles, role_name
from portal.directory.sessions import SignedIn
from portal.directory.step_up import require_recent_proof
from portal.embedded import models
from portal.embedded.audit import Caller

Row = TypeVar("Row", bound=Model)


def rows_of(organization_id: UUID | OuterRef, model: type[Row]) -> QuerySet[Row]:
    """Return one organization's rows of a model: the way to start a query where there is no Scope."""
    return QuerySet(model).filter(organization_id=organization_id)


def across_organizations(model: type[Row]) -> QuerySet[Row]:
    """Return a model's rows of all organizations, for the modules that tests/meta/test_isolation.py names with a reason."""
    return QuerySet(model)


def rows_of_each(organization_ids: Collection[UUID], model: type[Row]) -> QuerySet[Row]:
    """Return several organizations' rows of a model."""
    return QuerySet(model).filter(organization_id__in=organization_ids)


def organization_value(row: models.OrganizationRow) -> Organization:
    """Return an organization, without its SCIM connection."""
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
        embed_origins=tuple(row.embed_origins),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def lock_organization(organization_id: UUID) -> None:
    """Keep others from deleting the organization until the transaction ends. Raise NotFound if it is deleted."""
    # Without its key, so that others can still insert rows that refer to it.
    rows = models.OrganizationRow.objects.select_for_update(no_key=True).filter(pk=organization_id, deleted_at=None)
    if rows.values_list("pk").first() is None:
        raise NotFound("The organization was deleted in the meantime.", error_type="organization_not_found")


def settings_value(row: models.OrganizationRow) -> OrganizationSettings:
    """Return an organization's settings. Only those that differ from the defaults are stored."""
    return msgspec.convert(row.settings, OrganizationSettings) if row.settings else DEFAULT_SETTINGS


@dataclass(frozen=True)
class Scope:
    """One organization and one caller. Every query of the embedded directory starts with `scope.of(models.XRow)`.

    `project` is set for requests of the JSON API. They act as the project, which has every permission in each of its
    organizations, or as the member who is signed in, with that member's permissions.
    """

    organization_slug: str
    origin: Origin
    signed_in: SignedIn | None = field(default=None)
    project: Actor | None = None
    # The organization, if it was read to open the directory.
    known_organization: Organization | None = None
    # The session of the request, if it was read to open the directory.
    session: models.MemberSessionRow | None = None

    @cached_property
    def organization(self) -> Organization:
        """The organization. Raise NotFound if no organization has the slug."""
        if self.signed_in:
            return self.signed_in.organization
        if self.known_organization:
            return self.known_organization
        row = models.OrganizationRow.objects.filter(slug=self.organization_slug, deleted_at=None).first()
        if row is None:
            raise NotFound("This organization does not exist.")
        return organization_value(row)

    @cached_property
    def organization_id(self) -> UUID:
        """The organization's primary key. Raise NotFound if no organization has the slug."""
        return parse_id("organization", self.organization.organization_id)

    def of(self, model: type[Row]) -> QuerySet[Row]:
        """Return the organization's rows of a model, deleted ones included. Raise NotFound if there is no organization."""
        return rows_of(self.organization_id, model)

    @property
    def caller(self) -> Caller:
        """The caller, as the activity log names them."""
        if self.signed_in is None:
            return Caller(self.project or Actor(ActorType.VISITOR), self.origin)
        member = self.signed_in.member
        return Caller(Actor(ActorType.MEMBER, member.member_id, member.name or member.email_address), self.origin)

    @cached_property
    def policy(self) -> Policy:
        """The project's policy with the organization's custom roles."""
        policy: Policy = settings.RBAC_POLICY
        return policy.with_roles(self.organization.custom_roles)

    @cached_property
    def _authority(self) -> Authority:
        """What the acting member may do, in a frame no more than its ticket allows."""
        return Authority.of(self.policy, self.require_member().session)

    def allows(self, permission: str) -> bool:
        """Say whether the caller may use `resource:action`. The project may use all, a visitor none."""
        if self.signed_in is None:
            return self.project is not None
        return self._authority.allows(permission)

    def may_grant(self, role_ids: Iterable[str]) -> bool:
        """Say whether the caller may give the roles to members (`Authority.may_grant`). The project may give all."""
        return self.signed_in is None or self._authority.may_grant(role_ids)

    def may_put_into_role(self, resource_id: str, action: str) -> bool:
        """Say whether the caller may add a permission to a role. The project may add all."""
        return self.signed_in is None or self._authority.may_put_into_role(resource_id, action)

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the acting member has `resource:action`, Unauthenticated for a visitor.

        The portal checked it before it called a view. This second check protects a page that forgot to declare it.
        """
        if self.signed_in is None and self.project:
            return
        self.require_member()
        if not self.allows(permission):
            raise Forbidden("Your roles do not allow this.")

    def require_member(self) -> SignedIn:
        """Return the member who is signed in. Raise Unauthenticated for a visitor, and for the project."""
        if self.signed_in is None:
            raise Unauthenticated("Sign in first.")
        return self.signed_in

    def require_own_account(self) -> SignedIn:
        """Return the member who is signed in, for their own account. Raise Unauthenticated, and Forbidden in a frame.

        A frame has no area for it: it may not show what is needed to decide about an account.
        """
        signed_in = self.require_member()
        if signed_in.session.embedding is not None:
            raise Forbidden("Your account can’t be changed inside another page. Open the portal in a tab of its own.")
        return signed_in

    def require_known(self) -> None:
        """Raise Unauthenticated for a visitor. For what every member of the organization may see."""
        if self.signed_in is None and not self.project:
            raise Unauthenticated("Sign in first.")

    def require_no_more_rights(self, role_ids: Iterable[str], email_address: str) -> None:
        """Raise Forbidden if a member with the roles may do what the acting member may not (`Policy.may_grant`).

        For changes after which someone can sign in as the member. The project may make them all.
        """
        if not self.may_grant(role_ids):
            raise Forbidden(
                f"{email_address} has permissions that you don’t have. Ask a member who has them.",
                error_type="session_authorization_error",
            )

    def require_grantable(self, role_ids: Iterable[str], field: str = "roles") -> None:
        """Raise Forbidden if the acting member may not grant one of the roles (`Policy.may_grant`).

        The project may grant every role.
        """
        role_ids = list(role_ids)
        if not self.may_grant(role_ids):
            named = next(role_id for role_id in role_ids if not self.may_grant([role_id]))
            raise Forbidden(
                f"The role “{role_name(named)}” grants permissions that you don’t have, so you can’t give it to anyone.",
                field=field,
                error_type="session_authorization_error",
            )

    def require_action(self, action: str, resource: str, own: str = "") -> None:
        """Raise Forbidden unless the acting member has the permission for an action on a resource, or on `own` if it is their account.

        On `own`, "*" means its listed actions. Assigning roles isn't one of them, so no one can give themselves a role.
        """
        if self.signed_in is None or not self._allows(action, resource, own):
            self.require(f"{resource}:{action}")

    def require_fields(
        self, changes: object, actions: Mapping[str, str], project_only: Collection[str], *resources: str
    ) -> None:
        """Raise Forbidden unless the caller may change every given field. `resources` are those of `require_action`."""
        if self.signed_in is None:
            self.require(f"{resources[0]}:update")
            return
        for name in project_only:
            if getattr(changes, name) is not None:
                raise Forbidden(
                    f"{name} can only be changed by the project, not on behalf of a member.",
                    field=name,
                    error_type="session_authorization_error",
                )
        given = [action for name, action in actions.items() if getattr(changes, name) is not None]
        # An empty change returns the object, which needs permission to change one of its fields.
        if actions and not given and not any(self._allows(action, *resources) for action in set(actions.values())):
            raise Forbidden("Your roles do not allow changing this.")
        for action in given:
            self.require_action(action, *resources)

    def require_recent_proof(self) -> None:
        """Raise StepUpRequired as portal.directory.step_up does, except for the JSON API: its callers have no page for it."""
        if not self.project:
            require_recent_proof(self.signed_in)

    def _allows(self, action: str, resource: str, own: str = "") -> bool:
        is_of_account = bool(own) and action in self.policy.resources[own].actions
        return self.allows(f"{resource}:{action}") or (is_of_account and self.allows(f"{own}:{action}"))
