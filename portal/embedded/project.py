"""The project as the JSON API uses it: it authenticates requests and opens the directories of organizations."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.configuration import ProjectConfiguration
from portal.directory.errors import NotFound, Unauthenticated
from portal.directory.ids import id_prefix, parse_id, public_id
from portal.directory.passwords import PasswordStrength
from portal.directory.policy import Policy
from portal.directory.sessions import SignedIn
from portal.directory.trusted_tokens import TrustedToken
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.database.integrity import is_text
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.members.locks import EmbeddedLockRecorder
from portal.embedded.members.project_members import EmbeddedMembersOfProject
from portal.embedded.organizations.organizations import EmbeddedOrganizations, no_organization
from portal.embedded.passwords.strength import strength
from portal.embedded.scope import Scope, across_organizations, organization_value
from portal.embedded.sessions.lifecycle import (
    record_use,
    session_not_found,
    session_of_jwt,
    session_of_token,
    signed_in_value,
)
from portal.embedded.sign_in.discovery import EmbeddedProjectDiscovery
from portal.embedded.sign_in.email_tokens import spent
from portal.embedded.tokens import organization_of, token_hash

# A secret's last use is written at most this often, as with sessions.
_RECORD_USE_EVERY = timedelta(minutes=1)


class EmbeddedProject:
    """Implements portal.directory.project.Project."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def authenticate_secret(self, project_id: str, secret: str) -> Actor:
        """Return the caller with this secret of the project, and record its use. Raise Unauthenticated."""
        row = models.ProjectSecretRow.objects.filter(secret_hash=token_hash(secret)).first()
        if row is None or row.project_id != parse_id("project", project_id):
            raise Unauthenticated("The project ID or the secret is wrong.")
        now = timezone.now()
        if row.last_used_at is None or row.last_used_at < now - _RECORD_USE_EVERY:
            models.ProjectSecretRow.objects.filter(pk=row.pk).update(last_used_at=now)
        return Actor(ActorType.PROJECT, public_id("secret", row.pk), f"secret …{row.last_four}")

    def authenticate_public_token(self, public_token: str) -> None:
        """Check the public token that a browser sends. Raise Unauthenticated."""
        if not (is_text(public_token) and models.ProjectRow.objects.filter(public_token=public_token).exists()):
            raise Unauthenticated("The public token is wrong.")

    def open(self, organization_id: str, caller: Actor | None) -> EmbeddedDirectory:
        """Return an organization's directory by ID, external ID or slug. None as caller is a visitor. Raise NotFound."""
        row = _find(organization_id)
        if row is None:
            raise no_organization()
        return self._opened(row, caller)

    def open_session(self, session_token: str) -> tuple[SignedIn, EmbeddedDirectory]:
        """Return the session of a token or JWT, and its organization's directory with its member as the caller.

        Raise Unauthenticated, also for the portal's own sessions and those of its frames: with its cookie, the API would bypass its
        step-up and its limits.
        """
        # A token has no dot, a JWT has two. The token of a JWT's session isn't known: only its hash is stored.
        is_jwt = "." in session_token
        row = session_of_jwt(session_token) if is_jwt else session_of_token(session_token)
        if row is None or row.ends_when_idle or row.embedding is not None:
            raise session_not_found()
        record_use(row)
        signed_in = signed_in_value(row, "" if is_jwt else session_token)
        caller = Actor(ActorType.MEMBER, signed_in.member.member_id)
        scope = Scope(row.member.organization.slug, self._origin, signed_in=signed_in, project=caller, session=row)
        return signed_in, EmbeddedDirectory(scope)

    def open_of_email_token(self, token: str, caller: Actor | None) -> EmbeddedDirectory:
        """Return the directory of the organization that a link by email is for. Raise Unauthenticated if there is none."""
        key = organization_of(token)
        row = models.OrganizationRow.objects.filter(pk=key, deleted_at=None).first() if key else None
        if row is None:
            raise spent()
        return self._opened(row, caller)

    def open_of_member(self, member_id: str, caller: Actor) -> EmbeddedDirectory:
        """Return the directory of a member's organization. Raise NotFound."""
        rows = across_organizations(models.MemberRow).select_related("organization")
        row = rows.filter(pk=parse_id("member", member_id), organization__deleted_at=None).first()
        if row is None:
            raise NotFound("No organization has such a member.", field="member_id", error_type="member_not_found")
        return self._opened(row.organization, caller)

    def open_of_session(self, member_session_id: str, caller: Actor) -> EmbeddedDirectory:
        """Return the directory of a session's organization, even if the session has ended. Raise NotFound."""
        rows = across_organizations(models.MemberSessionRow).select_related("organization")
        row = rows.filter(pk=parse_id("member-session", member_session_id), organization__deleted_at=None).first()
        if row is None:
            raise NotFound("This session does not exist.", field="member_session_id", error_type="session_not_found")
        return self._opened(row.organization, caller)

    def lock_recorder(self) -> EmbeddedLockRecorder:
        """Return what records locked members."""
        return EmbeddedLockRecorder()

    def policy(self) -> Policy:
        """Return the roles and resources of the project."""
        policy: Policy = settings.RBAC_POLICY
        return policy

    def password_strength(self, password: str, *, email_address: str = "") -> PasswordStrength:
        """Return how strong a password is for a person with this address."""
        return strength(password, email_address=email_address)

    def trusted_token(self, profile_id: str, token: str) -> TrustedToken:
        """Return what a trusted auth token says. Raise NotFound, Unauthenticated."""
        # Imported here, as below.
        from portal.embedded.sign_in import trusted_tokens  # noqa: PLC0415 -- as above

        return trusted_tokens.trusted_token(profile_id, token)

    def address_of_other_session(self, session_token: str) -> str:
        """Return the email address of a session elsewhere. Raise NotFound, Unauthenticated, Unavailable."""
        # Imported here, as below.
        from portal.embedded.sign_in import other_sessions  # noqa: PLC0415 -- as above

        return other_sessions.address_of(session_token)

    def jwks(self, project_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the public keys of the project's session JWTs. Raise NotFound."""
        # Imported here: the portal's pages never need the libraries for keys.
        from portal.embedded.sessions import signing_keys  # noqa: PLC0415 -- as above

        if not models.ProjectRow.objects.filter(pk=parse_id("project", project_id)).exists():
            raise NotFound("This project does not exist.", field="project_id", error_type="project_not_found")
        return signing_keys.jwks()

    def organizations(self, caller: Actor) -> EmbeddedOrganizations:
        """Return all organizations, for an authenticated caller."""
        return EmbeddedOrganizations(Caller(caller, self._origin))

    def discovery(self, caller: Actor | None) -> EmbeddedProjectDiscovery:
        """Return discovery. None as caller is a visitor."""
        return EmbeddedProjectDiscovery(self._origin, caller)

    @property
    def configuration(self) -> ProjectConfiguration:
        """The project's configuration."""
        configuration: ProjectConfiguration = settings.PROJECT
        return configuration

    def members(self) -> EmbeddedMembersOfProject:
        """Return the members of all organizations."""
        return EmbeddedMembersOfProject()

    def _opened(self, row: models.OrganizationRow, caller: Actor | None) -> EmbeddedDirectory:
        value = organization_value(row)
        return EmbeddedDirectory(Scope(row.slug, self._origin, project=caller, known_organization=value))


def _find(organization_id: str) -> models.OrganizationRow | None:
    organizations = models.OrganizationRow.objects.filter(deleted_at=None)
    if organization_id.startswith(id_prefix("organization")):
        return organizations.filter(pk=parse_id("organization", organization_id)).first()
    if not organization_id or not is_text(organization_id):
        return None
    # The external ID has priority: an organization's admins can change its slug to another organization's external ID.
    named = organizations.filter(external_id=organization_id).first()
    return named or organizations.filter(slug=organization_id).first()
