"""What operators set up from the command line: organizations, members and SCIM connections."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, MemberStatus
from portal.directory.organizations import Organization, OrganizationChanges
from portal.directory.scim.connection import (
    NewScimConnection,
    ScimConnection,
    ScimConnectionStatus,
    ScimIdentityProvider,
)
from portal.directory.sign_in_links import SentLink
from portal.directory.themes import INHERITED, Theme
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, unless_taken
from portal.embedded.members.roles import check_roles
from portal.embedded.members.sign_in_links import email_link, new_link, show_link
from portal.embedded.members.values import member_id, member_value
from portal.embedded.models.fields import fold_name
from portal.embedded.organizations import deletion, domain_rows, former_slugs
from portal.embedded.organizations.email_domains import read_domain
from portal.embedded.organizations.organizations import EmbeddedOrganization
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scim.conflicts import conflict_version, open_conflicts
from portal.embedded.scim.group_roles import change_group_roles
from portal.embedded.scim.protocol.extensions import read_extension_schemas
from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.scope import Scope, organization_value, rows_of

_OPERATOR = Actor(ActorType.OPERATOR)


def create_organization(
    *, name: str, slug: str, email_allowed_domains: Iterable[str] = (), origin: Origin
) -> Organization:
    """Create an organization. Raise Invalid, Conflict if the slug is taken."""
    domains = sorted({read_domain(domain, field="email_allowed_domains") for domain in email_allowed_domains})
    row = models.OrganizationRow(name=name.strip(), slug=slug, email_allowed_domains=domains)
    check(row)
    taken = Conflict(f'An organization already has the slug "{slug}". Choose another one.', field="slug")
    with unless_taken(taken), transaction.atomic():
        row.save(force_insert=True)
        domain_rows.follow(row, (), audit.Caller(_OPERATOR, origin))
        if former_slugs.is_kept(slug) or deletion.is_reserved(slug=slug):
            raise Conflict(f'Another organization had the slug "{slug}" recently. Choose another one.', field="slug")
        value = organization_value(row)
        audit.record(
            audit.Caller(_OPERATOR, origin),
            "organization.create",
            organization_id=row.pk,
            target_id=value.organization_id,
            target_name=row.name,
            after={"name": row.name, "slug": slug, "email_allowed_domains": domains},
        )
    return value


def create_member(  # noqa: PLR0913 -- the fields of a member
    *,
    organization_slug: str,
    email_address: str,
    name: str,
    roles: Iterable[str],
    password: str | None = None,
    origin: Origin,
) -> tuple[Member, str | None]:
    """Create a member and, without a password, the URL of a sign-in link for them.

    Raise NotFound for the organization, Invalid, Conflict if the email address is taken.
    """
    organization = _organization(organization_slug)
    direct_roles = check_roles(roles, of=organization.pk)
    if password is not None:
        check_new_password(password, email_address=email_address)
    encoded = "" if password is None else make_password(password)
    taken = Conflict(f'"{email_address}" is already a member of this organization.', field="email_address")
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
        _record_creation(row, origin)
    return member_value(row), link


def send_sign_in_link(*, organization_slug: str, email_address: str, shows_link: bool, origin: Origin) -> SentLink:
    """Have a worker email a member a new sign-in link. With `shows_link`, or without email, return it with its URL instead.

    Raise NotFound for the organization or the address, Conflict if the member can't sign in by password, TooManyRequests.
    """
    members = rows_of(_organization(organization_slug).pk, models.MemberRow)
    named = members.select_related("organization", "scim_user").filter(
        email_address_folded=fold_address(email_address.strip())
    )
    row = named.order_by("-created_at").exclude(status=MemberStatus.DELETED).first() or named.first()
    if row is None:
        raise NotFound(f'"{email_address}" isn\'t a member of "{organization_slug}".', field="email_address")
    caller = audit.Caller(_OPERATOR, origin)
    if shows_link or not settings.EMAIL_IS_SET_UP:
        # Operators can set every member's password anyway, so the link may verify the address.
        return show_link(row, caller, proves_address=True)
    return email_link(row, caller)


def set_theme(*, organization_slug: str, theme: Theme, origin: Origin) -> None:
    """Set how an organization looks, unless it has a theme already. Raise NotFound, Invalid."""
    organization = organization_value(_organization(organization_slug))
    if organization.settings.theme == INHERITED:
        scope = Scope(organization_slug, origin, project=_OPERATOR, known_organization=organization)
        EmbeddedOrganization(scope).update(OrganizationChanges(theme=theme))


def set_language(*, organization_slug: str, locale: str, origin: Origin) -> None:
    """Set the language of emails to members who have chosen none, "" for English. Raise NotFound."""
    with transaction.atomic():
        row = models.OrganizationRow.objects.select_for_update(no_key=True).get(pk=_organization(organization_slug).pk)
        before, row.locale = row.locale, locale
        if before == locale:
            return
        row.save(update_fields=["locale", "updated_at"])
        audit.record(
            audit.Caller(_OPERATOR, origin),
            "organization.update",
            organization_id=row.pk,
            target_id=public_id("organization", row.pk),
            target_name=row.name,
            before={"locale": before},
            after={"locale": locale},
        )


def create_scim_connection(
    *, organization_slug: str, display_name: str, identity_provider: str, origin: Origin
) -> NewScimConnection:
    """Create an organization's SCIM connection. Raise NotFound, Invalid, Conflict if it has one."""
    return _scim(organization_slug, origin).connection.create(
        display_name=display_name, identity_provider=ScimIdentityProvider(identity_provider)
    )


def rotate_start(*, organization_slug: str, origin: Origin) -> NewScimConnection:
    """Create a next token, which is valid in addition to the current one. Raise NotFound, Conflict."""
    scim = _scim(organization_slug, origin)
    return scim.tokens.rotate_start(_connection_id(scim, organization_slug))


def rotate_complete(*, organization_slug: str, origin: Origin) -> ScimConnection:
    """Revoke the current token. The next token takes its place. Raise NotFound, Conflict."""
    scim = _scim(organization_slug, origin)
    connection_id = _connection_id(scim, organization_slug)
    return scim.tokens.rotate_complete(connection_id, version=scim.tokens.get(connection_id).version)


def rotate_cancel(*, organization_slug: str, origin: Origin) -> ScimConnection:
    """Revoke the next token. The current token stays valid. Raise NotFound, Conflict."""
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
    """Change how the active connection reads requests. None changes nothing. Raise NotFound, Invalid."""
    given = {
        "is_strict": is_strict,
        "skips_unknown_members": skips_unknown_members,
        "extension_schemas": None if extension_schemas is None else read_extension_schemas(extension_schemas),
    }
    changes: Mapping[str, Any] = {name: value for name, value in given.items() if value is not None}
    with transaction.atomic():
        row = _locked_connection(organization_slug)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()
        audit.record(
            audit.Caller(_OPERATOR, origin),
            "scim_connection.update",
            organization_id=row.organization_id,
            target_id=public_id("scim-connection", row.pk),
            target_name=row.display_name,
            after=changes,
        )


def assign_scim_group_role(*, organization_slug: str, group_name: str, role_id: str, origin: Origin) -> None:
    """Assign a role to a group. Raise NotFound for the connection or the group, Invalid for the role."""
    with transaction.atomic():
        connection = _locked_connection(organization_slug)
        (known,) = check_roles([role_id], of=connection.organization_id)
        group = connection.groups.filter(display_name_folded=fold_name(group_name.strip())).first()
        if group is None:
            raise NotFound(f'The identity provider hasn\'t sent a group "{group_name}".', field="group")
        change_group_roles(group.organization_id, group.pk, add=[known], caller=audit.Caller(_OPERATOR, origin))


def approve_scim_conflict(*, organization_slug: str, email_address: str, origin: Origin) -> None:
    """Let the identity provider manage an existing member that it sends. Raise NotFound if no decision is pending."""
    scim = _scim(organization_slug, origin)
    connection_id = _connection_id(scim, organization_slug)
    conflicts = open_conflicts(_organization(organization_slug).pk, parse_id("scim-connection", connection_id))
    row = conflicts.filter(member__email_address_folded=fold_address(email_address)).first()
    if row is None:
        raise NotFound(f"No pending decision for {email_address}.", field="email_address")
    chosen = {public_id("scim-conflict", row.pk): conflict_version(row)}
    scim.conflicts.decide(connection_id, chosen, approve=True)


def _record_creation(row: models.MemberRow, origin: Origin) -> None:
    audit.record(
        audit.Caller(_OPERATOR, origin),
        "member.create",
        organization_id=row.organization_id,
        target_id=member_id(row),
        target_name=row.email_address,
        after={
            "email_address": row.email_address,
            "name": row.name,
            "roles": row.direct_roles,
            "status": row.status,
        },
    )


def _organization(slug: str) -> models.OrganizationRow:
    row = models.OrganizationRow.objects.filter(slug=slug, deleted_at=None).first()
    if row is None:
        raise NotFound(f'The organization "{slug}" doesn\'t exist.', field="organization_slug")
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


def _locked_connection(organization_slug: str) -> models.ScimConnectionRow:
    rows = rows_of(_organization(organization_slug).pk, models.ScimConnectionRow).select_for_update()
    row = rows.filter(status=ScimConnectionStatus.ACTIVE).first()
    if row is None:
        raise NotFound(f'"{organization_slug}" has no SCIM connection.', field="organization_slug")
    return row
