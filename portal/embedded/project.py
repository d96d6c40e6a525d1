"""The embedded directory as the JSON API sees it: a project, its secrets, and its organizations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import NotFound, Unauthenticated
from portal.directory.ids import id_prefix, parse_id, public_id
from portal.directory.passwords import PasswordStrength
from portal.directory.policy import Policy
from portal.directory.sessions import SignedIn
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.database.integrity import is_text
from portal.embedded.database.statements import Statement
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.members.members import EmbeddedMembersOfProject, EmbeddedProjectMembers
from portal.embedded.organizations.organizations import (
    EmbeddedOrganizations,
    EmbeddedProjectOrganization,
    no_organization,
)
from portal.embedded.passwords.passwords import EmbeddedProjectPasswords
from portal.embedded.passwords.strength import strength
from portal.embedded.rbac import EmbeddedProjectRbac
from portal.embedded.scim.partial_update import EmbeddedProjectScim
from portal.embedded.scope import Scope, organization_value
from portal.embedded.sessions.project_sessions import EmbeddedProjectSessions
from portal.embedded.sessions.sessions import session_row, session_row_of_jwt, signed_in_value, touch
from portal.embedded.tokens import token_hash

# As with sessions: a call is no reason to write.
_USE_NOTED_EVERY = timedelta(minutes=1)
_META = models.ProjectSecretRow._meta

_BY_SECRET = Statement(
    lambda digest: models.ProjectSecretRow.objects.filter(secret_hash=digest),
    (_META.get_field("secret_hash"), b"example"),
)
_ORGANIZATION = models.OrganizationRow._meta
_BY_ID = Statement(
    lambda key: models.OrganizationRow.objects.filter(pk=key, deleted_at=None),
    (_ORGANIZATION.get_field("id"), UUID(int=1)),
)
_BY_EXTERNAL_ID = Statement(
    lambda name: models.OrganizationRow.objects.filter(external_id=name, deleted_at=None),
    (_ORGANIZATION.get_field("external_id"), "example"),
)
_BY_SLUG = Statement(
    lambda slug: models.OrganizationRow.objects.filter(slug=slug, deleted_at=None),
    (_ORGANIZATION.get_field("slug"), "example"),
)


class EmbeddedProjectDirectory(EmbeddedDirectory):
    """Implements portal.directory.project.ProjectDirectory."""

    @cached_property
    def organization(self) -> EmbeddedProjectOrganization:
        """The organization itself."""
        return EmbeddedProjectOrganization(self._scope)

    @cached_property
    def members(self) -> EmbeddedProjectMembers:
        """Its members."""
        return EmbeddedProjectMembers(self._scope)

    @cached_property
    def scim(self) -> EmbeddedProjectScim:
        """Its SCIM connection."""
        return EmbeddedProjectScim(self._scope)

    @cached_property
    def sessions(self) -> EmbeddedProjectSessions:
        """Its member sessions."""
        return EmbeddedProjectSessions(self._scope)

    @cached_property
    def rbac(self) -> EmbeddedProjectRbac:
        """The project's roles, the organization's own, and what they allow."""
        return EmbeddedProjectRbac(self._scope)

    @cached_property
    def passwords(self) -> EmbeddedProjectPasswords:
        """Its members' passwords."""
        return EmbeddedProjectPasswords(self._scope)

    def acting_as(self, signed_in: SignedIn) -> "EmbeddedProjectDirectory":
        """Return the same directory, with every further call made by this member."""
        return EmbeddedProjectDirectory(replace(self._scope, signed_in=signed_in))


class EmbeddedProject:
    """Implements portal.directory.project.Project."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def admit(self, project_id: str, secret: str) -> Actor:
        """Return who calls by a secret of the project, and note its use. Raises Unauthenticated."""
        row = _BY_SECRET.first(token_hash(secret))
        if row is None or row.project_id != parse_id("project", project_id):
            raise Unauthenticated("The project id and the secret do not belong together, or one of them is unknown.")
        now = timezone.now()
        if row.last_used_at is None or row.last_used_at < now - _USE_NOTED_EVERY:
            models.ProjectSecretRow.objects.filter(pk=row.pk).update(last_used_at=now)
        return Actor(ActorType.PROJECT, public_id("secret", row.pk), f"secret …{row.last_four}")

    def admit_browser(self, public_token: str) -> None:
        """Let a browser name the project. Raises Unauthenticated."""
        if not (is_text(public_token) and models.ProjectRow.objects.filter(public_token=public_token).exists()):
            raise Unauthenticated("There is no project with this public token.")

    def open(self, organization_id: str, caller: Actor | None) -> EmbeddedProjectDirectory:
        """Return an organization's directory by its id, external id or slug; without a caller, a visitor's. Raises NotFound."""
        row = _find(organization_id)
        if row is None:
            raise no_organization()
        return self._opened(row, caller)

    def open_session(self, session_token: str) -> tuple[SignedIn, EmbeddedProjectDirectory]:
        """Return who holds a product's session, and their organization's directory, acting as them. Raises Unauthenticated.

        The portal's own sessions open nothing here: by them, its cookie would get around its step-up and its limits.
        """
        # A token has no dot, a JWT has two; the token of a JWT's session nobody knows, as only its hash is stored.
        is_jwt = "." in session_token
        row = session_row_of_jwt(session_token) if is_jwt else session_row(session_token)
        if row is None or row.ends_when_idle:
            raise Unauthenticated("The session has ended, or never was.", error_type="session_not_found")
        touch(row)
        signed_in = signed_in_value(row, "" if is_jwt else session_token)
        caller = Actor(ActorType.MEMBER, signed_in.member.member_id)
        scope = Scope(row.member.organization.slug, self._origin, signed_in=signed_in, project=caller, held=row)
        return signed_in, EmbeddedProjectDirectory(scope)

    def open_of_member(self, member_id: str, caller: Actor) -> EmbeddedProjectDirectory:
        """Return the directory of a member's organization. Raises NotFound."""
        rows = models.MemberRow.objects.select_related("organization")
        row = rows.filter(pk=parse_id("member", member_id), organization__deleted_at=None).first()
        if row is None:
            raise NotFound("No organization has such a member.", field="member_id", error_type="member_not_found")
        return self._opened(row.organization, caller)

    def open_of_session(self, member_session_id: str, caller: Actor) -> EmbeddedProjectDirectory:
        """Return the directory of a session's organization, whether or not it lives. Raises NotFound."""
        rows = models.MemberSessionRow.objects.select_related("organization")
        row = rows.filter(pk=parse_id("member-session", member_session_id), organization__deleted_at=None).first()
        if row is None:
            raise NotFound("There is no such session.", field="member_session_id", error_type="session_not_found")
        return self._opened(row.organization, caller)

    def policy(self) -> Policy:
        """Return the roles and resources of the project."""
        policy: Policy = settings.RBAC_POLICY
        return policy

    def password_strength(self, password: str, *, email_address: str = "") -> PasswordStrength:
        """Return what a new password is worth."""
        return strength(password, email_address=email_address)

    def jwks(self, project_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the keys that the project's session JWTs are verified with. Raises NotFound."""
        # Loads what makes keys, which the portal's pages never need.
        from portal.embedded.sessions import signing_keys  # noqa: PLC0415 -- as above

        if not models.ProjectRow.objects.filter(pk=parse_id("project", project_id)).exists():
            raise NotFound("There is no such project.", field="project_id", error_type="project_not_found")
        return signing_keys.jwks()

    def organizations(self, caller: Actor) -> EmbeddedOrganizations:
        """Return all organizations, in the hands of a caller that was admitted."""
        return EmbeddedOrganizations(Caller(caller, self._origin))

    def members(self) -> EmbeddedMembersOfProject:
        """Return the members of all organizations."""
        return EmbeddedMembersOfProject()

    def _opened(self, row: models.OrganizationRow, caller: Actor | None) -> EmbeddedProjectDirectory:
        value = organization_value(row)
        return EmbeddedProjectDirectory(Scope(row.slug, self._origin, project=caller, known_organization=value))


def _find(organization_id: str) -> models.OrganizationRow | None:
    if organization_id.startswith(id_prefix("organization")):
        return _BY_ID.first(parse_id("organization", organization_id))
    if not organization_id or not is_text(organization_id):
        return None
    # The slug, which an organization's own admins may change, never takes the place of what the product calls another one.
    return _BY_EXTERNAL_ID.first(organization_id) or _BY_SLUG.first(organization_id)
