"""What the operator sets up from the command line: organizations, members, SCIM connections, the project's secrets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, MemberStatus
from portal.directory.organizations import Organization
from portal.directory.scim.connection import (
    NewScimConnection,
    ScimConnection,
    ScimConnectionStatus,
    ScimIdentityProvider,
)
from portal.directory.sign_in_links import SentLink
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, unless_taken
from portal.embedded.members.roles import check_roles
from portal.embedded.members.sign_in_links import email_link, new_link, show_link
from portal.embedded.members.values import member_id, member_value
from portal.embedded.models.fields import fold_name
from portal.embedded.organizations import former_slugs
from portal.embedded.organizations.email_domains import read_domain
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scim import group_role_rules
from portal.embedded.scim.conflicts import conflict_version, open_conflicts
from portal.embedded.scim.protocol.extensions import read_extension_schemas
from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.scope import Scope, organization_value
from portal.embedded.tokens import new_token, token_hash

_OPERATOR = Actor(ActorType.OPERATOR)


@dataclass(frozen=True, slots=True)
class NewProjectSecret:
    """The project with a secret just made, which is shown this once."""

    project_id: str
    public_token: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProjectSecret:
    """A secret of the project, as it can be told from others; when it was last used is noted each minute at most."""

    secret_id: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None


def create_organization(
    *, name: str, slug: str, email_allowed_domains: Iterable[str] = (), origin: Origin
) -> Organization:
    """Make an organization. Raises Invalid, Conflict (for the slug)."""
    domains = sorted({read_domain(domain, field="email_allowed_domains") for domain in email_allowed_domains})
    row = models.OrganizationRow(name=name.strip(), slug=slug, email_allowed_domains=domains)
    check(row)
    taken = Conflict(f'There is an organization with the slug "{slug}" already; choose another.', field="slug")
    with unless_taken(taken), transaction.atomic():
        row.save(force_insert=True)
        if former_slugs.is_kept(slug):
            raise Conflict(f'Another organization had the slug "{slug}" until recently; choose another.', field="slug")
        value = organization_value(row)
        _record(
            "organization.create",
            row.pk,
            value.organization_id,
            row.name,
            {"name": row.name, "slug": slug, "email_allowed_domains": domains},
            origin,
        )
    return value


def create_member(  # noqa: PLR0913 -- what makes a member
    *,
    organization_slug: str,
    email_address: str,
    name: str,
    roles: Iterable[str],
    password: str | None = None,
    origin: Origin,
) -> tuple[Member, str | None]:
    """Make a member who signs in with the password, or else by the link that is returned beside the member.

    Raises Invalid, NotFound (for the organization), Conflict (for the e-mail address).
    """
    organization = _organization(organization_slug)
    direct_roles = check_roles(roles, of=organization.pk)
    if password is not None:
        check_new_password(password, email_address=email_address)
    encoded = "" if password is None else make_password(password)
    taken = Conflict(f'"{email_address}" is a member of this organization already.', field="email_address")
    with unless_taken(taken), transaction.atomic():
        row = models.MemberRow(
            organization=organization,
            email_address=email_address.strip(),
            name=name.strip(),
            direct_roles=direct_roles,
            password=encoded,
            email_address_verified=password is not None,
            status=MemberStatus.INVITED if password is None else MemberStatus.ACTIVE,
        )
        check(row)
        row.save(force_insert=True)
        link = new_link(row).url if password is None else None
        after = {"email_address": row.email_address, "name": row.name, "roles": direct_roles, "status": row.status}
        _record("member.create", row.organization_id, member_id(row), row.email_address, after, origin)
    return member_value(row), link


def send_sign_in_link(*, organization_slug: str, email_address: str, shows_link: bool, origin: Origin) -> SentLink:
    """Email a member a new one-time link or, where `shows_link` or without email, return it.

    Raise NotFound for the organization or the address, Conflict where the member can't sign in by password, Unavailable.
    """
    members = _organization(organization_slug).members.select_related("organization", "scim_user")
    named = members.filter(email_address_folded=fold_address(email_address.strip()))
    row = named.order_by("-created_at").exclude(status=MemberStatus.DELETED).first() or named.first()
    if row is None:
        raise NotFound(f'"{email_address}" isn\'t a member of "{organization_slug}".', field="email_address")
    if shows_link or not settings.EMAIL_IS_SET_UP:
        # The operator can set every member's password anyway.
        return show_link(row, _caller(origin), proves_address=True)
    return email_link(row, _caller(origin))


def create_scim_connection(
    *, organization_slug: str, display_name: str, identity_provider: str, origin: Origin
) -> NewScimConnection:
    """Create an organization's SCIM connection. Raise Invalid, NotFound, Conflict."""
    return _scim(organization_slug, origin).connection.create(
        display_name=display_name, identity_provider=ScimIdentityProvider(identity_provider)
    )


def rotate_start(*, organization_slug: str, origin: Origin) -> NewScimConnection:
    """Create the next token of the active connection. Raise NotFound, Conflict."""
    scim = _scim(organization_slug, origin)
    return scim.tokens.rotate_start(_connection_id(scim, organization_slug))


def rotate_complete(*, organization_slug: str, origin: Origin) -> ScimConnection:
    """Revoke the current token and make the next one current. Raise NotFound, Conflict."""
    scim = _scim(organization_slug, origin)
    connection_id = _connection_id(scim, organization_slug)
    return scim.tokens.rotate_complete(connection_id, version=scim.tokens.get(connection_id).version)


def rotate_cancel(*, organization_slug: str, origin: Origin) -> ScimConnection:
    """Revoke the next token; the current one stays. Raise NotFound, Conflict."""
    scim = _scim(organization_slug, origin)
    connection_id = _connection_id(scim, organization_slug)
    return scim.tokens.rotate_cancel(connection_id, version=scim.tokens.get(connection_id).version)


def update_scim_connection(
    *,
    organization_slug: str,
    is_strict: bool | None = None,
    skips_unknown_members: bool | None = None,
    extension_schemas: Any = None,
    origin: Origin,
) -> None:
    """Change how the active connection reads what it is sent; None leaves a thing as it is. Raises NotFound, Invalid."""
    given = {
        "is_strict": is_strict,
        "skips_unknown_members": skips_unknown_members,
        "extension_schemas": None if extension_schemas is None else read_extension_schemas(extension_schemas),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with transaction.atomic():
        row = _active_connection(organization_slug)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()
        target = public_id("scim-connection", row.pk)
        _record("scim_connection.update", row.organization_id, target, row.display_name, changes, origin)


def assign_scim_group_role(*, organization_slug: str, group_name: str, role_id: str, origin: Origin) -> None:
    """Give a role to everybody in a pushed group, now and later. Raises NotFound, Invalid (for the role)."""
    with transaction.atomic():
        connection = _active_connection(organization_slug)
        (known,) = check_roles([role_id], of=connection.organization_id)
        group = connection.groups.filter(display_name_folded=fold_name(group_name.strip())).first()
        if group is None:
            raise NotFound(f'The identity provider has pushed no group "{group_name}".', field="group")
        group_role_rules.change(group.organization_id, group.pk, add=[known], caller=_caller(origin))


def approve_scim_conflict(*, organization_slug: str, email_address: str, origin: Origin) -> None:
    """Let the identity provider take over an existing member. Raise NotFound if no decision about them is pending."""
    scim = _scim(organization_slug, origin)
    connection_id = _connection_id(scim, organization_slug)
    conflicts = open_conflicts(_organization(organization_slug).pk, parse_id("scim-connection", connection_id))
    row = conflicts.filter(member__email_address_folded=fold_address(email_address)).first()
    if row is None:
        raise NotFound(f"No pending decision for '{email_address}'.", field="email_address")
    chosen = {public_id("scim-conflict", row.pk): conflict_version(row)}
    scim.conflicts.decide(connection_id, chosen, approve=True)


def _active_connection(organization_slug: str) -> models.ScimConnectionRow:
    active = models.ScimConnectionRow.objects.select_for_update().filter(status=ScimConnectionStatus.ACTIVE)
    row = active.filter(organization=_organization(organization_slug)).first()
    if row is None:
        raise NotFound(f'"{organization_slug}" has no SCIM connection.', field="organization_slug")
    return row


def create_project_secret(*, origin: Origin) -> NewProjectSecret:
    """Make a further secret of the project, and the project itself the first time."""
    secret = new_token("secret-" + settings.PROJECT_ENVIRONMENT + "-")
    with transaction.atomic():
        project = models.ProjectRow.objects.first() or models.ProjectRow.objects.create(
            public_token=new_token(f"public-token-{settings.PROJECT_ENVIRONMENT}-")
        )
        row = models.ProjectSecretRow.objects.create(
            project=project, secret_hash=token_hash(secret), last_four=secret[-4:]
        )
        project_id = public_id("project", project.pk)
        after = {"secret_id": public_id("secret", row.pk), "last_four": row.last_four}
        _record("project_secret.create", None, project_id, "", after, origin)
    return NewProjectSecret(project_id, project.public_token, secret)


def project_secrets() -> Sequence[ProjectSecret]:
    """Return the project's secrets that are good, the oldest first."""
    rows = models.ProjectSecretRow.objects.order_by("pk")
    return [ProjectSecret(public_id("secret", row.pk), row.last_four, row.created_at, row.last_used_at) for row in rows]


def revoke_project_secret(secret_id: str, *, origin: Origin) -> None:
    """Refuse a secret from now on. Raises NotFound."""
    with transaction.atomic():
        row = models.ProjectSecretRow.objects.select_for_update().filter(pk=parse_id("secret", secret_id)).first()
        if row is None:
            raise NotFound(f'There is no secret "{secret_id}"; projectsecrets lists them.', field="secret_id")
        before = {"secret_id": secret_id, "last_four": row.last_four}
        row.delete()
        audit.record(
            _caller(origin),
            "project_secret.revoke",
            organization_id=None,
            target_id=public_id("project", row.project_id),
            before=before,
        )


def _organization(slug: str) -> models.OrganizationRow:
    row = models.OrganizationRow.objects.filter(slug=slug, deleted_at=None).first()
    if row is None:
        raise NotFound(f'There is no organization with the slug "{slug}".', field="organization_slug")
    return row


def _scim(organization_slug: str, origin: Origin) -> EmbeddedScim:
    """Return an organization's SCIM gateways for the operator, who has every permission. Raise NotFound."""
    organization = organization_value(_organization(organization_slug))
    return EmbeddedScim(Scope(organization_slug, origin, project=_OPERATOR, known_organization=organization))


def _connection_id(scim: EmbeddedScim, organization_slug: str) -> str:
    connection = scim.connection.get()
    if connection is None:
        raise NotFound(f'"{organization_slug}" has no SCIM connection.', field="organization_slug")
    return connection.connection_id


def _caller(origin: Origin) -> audit.Caller:
    return audit.Caller(_OPERATOR, origin)


def _record(  # noqa: PLR0913 -- as activity.record()
    action: str,
    organization_id: UUID | None,
    target_id: str,
    target_name: str,
    after: Mapping[str, object],
    origin: Origin,
) -> None:
    audit.record(
        _caller(origin),
        action,
        organization_id=organization_id,
        target_id=target_id,
        target_name=target_name,
        after=after,
    )
