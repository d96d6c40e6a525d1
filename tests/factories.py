"""Create rows for tests with as few arguments as possible."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from portal.directory.actor import ActorType, Origin
from portal.directory.ids import public_id
from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.sessions import AuthenticationFactor, SessionTerms
from portal.embedded import models
from portal.embedded.database.writes import Writes
from portal.embedded.models.fields import fold_name
from portal.embedded.scim import conflicts
from portal.embedded.scim.filter.comparison import searchable
from portal.embedded.scim.log.counting import count_requests
from portal.embedded.scim.protocol.schemas import GROUP, USER
from portal.embedded.sessions.lifecycle import start_session
from portal.embedded.tokens import token_hash
from portal.web.session_cookie import cookie_name


def organization(slug: str, *, name: str = "") -> models.OrganizationRow:
    return models.OrganizationRow.objects.create(slug=slug, name=name or slug.title())


def proved_domain(organization: models.OrganizationRow, domain: str) -> models.EmailDomainRow:
    """Add a domain that counts, beside a list that a test sets itself."""
    return models.EmailDomainRow.objects.create(
        organization=organization, domain=domain, record_value="gatehouse-domain=0", is_trusted=True
    )


def role_by_domain(organization: models.OrganizationRow, domain: str, role_id: str) -> None:
    """Assign a role to everyone with an email address of a domain."""
    settings = {"rbac_email_implicit_role_assignments": [{"domain": domain, "role_id": role_id}]}
    models.OrganizationRow.objects.filter(pk=organization.pk).update(settings=settings)


def member(
    organization: models.OrganizationRow,
    email_address: str,
    *,
    name: str = "",
    roles: Iterable[str] = (),
    password: str = "",
) -> models.MemberRow:
    return models.MemberRow.objects.create(
        organization=organization,
        email_address=email_address,
        name=name,
        direct_roles=list(roles),
        password=make_password(password) if password else "",
    )


def session_token(member: models.MemberRow) -> str:
    """Return the token of a session of the portal, which opens pages and not the API."""
    return start_session(member, Origin(), password_entered_at=timezone.now()).session_token


def product_session_token(
    member: models.MemberRow, minutes: int = 60, factors: Sequence[AuthenticationFactor] = ()
) -> str:
    """Return the token of a session that a product started by the API, by password and with more factors."""
    terms, now = SessionTerms(duration_minutes=minutes), timezone.now()
    return start_session(member, Origin(), password_entered_at=now, terms=terms, factors=factors).session_token


def signed_in(member: models.MemberRow) -> Client:
    client = Client()
    client.cookies[cookie_name(member.organization.slug)] = session_token(member)
    return client


def forget_password_entry() -> None:
    """Let all who are signed in have entered their password an hour ago."""
    models.MemberSessionRow.objects.update(password_entered_at=timezone.now() - timedelta(hours=1))


def scim_connection(
    organization: models.OrganizationRow,
    *,
    display_name: str = "Okta production",
    identity_provider: str = ScimIdentityProvider.OKTA,
    bearer_token: str = "",
    key: UUID | None = None,
    is_new: bool = False,
) -> models.ScimConnectionRow:
    connection = models.ScimConnectionRow.objects.create(
        **({"pk": key} if key else {}),
        organization=organization,
        display_name=display_name,
        identity_provider=identity_provider,
    )
    if not is_new:
        connection.created_at -= timedelta(days=30)
        connection.save()
    scim_token(connection, bearer_token or f"scim_token-of-{organization.slug}")
    return connection


def scim_token(connection: models.ScimConnectionRow, bearer_token: str, **more: Any) -> models.ScimTokenRow:
    return models.ScimTokenRow.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        token_hash=token_hash(bearer_token),
        last_four=bearer_token[-4:],
        **{"expires_at": timezone.now() + timedelta(days=365), **more},
    )


def scim_request(connection: models.ScimConnectionRow, **more: Any) -> models.ScimRequestRow:
    row = models.ScimRequestRow.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        **{"method": "GET", "path": "/Users", "status": 200, "duration_ms": 3, **more},
    )
    writes = Writes()
    count_requests(writes, [vars(row)])
    writes.send()
    return row


def activity_entry(
    organization: models.OrganizationRow, action: str = "organization.update", **more: Any
) -> models.ActivityEntryRow:
    return models.ActivityEntryRow.objects.create(
        organization=organization,
        action=action,
        **{
            "actor_type": ActorType.MEMBER,
            "actor_name": "Nora North",
            "target_id": public_id("organization", organization.pk),
            "target_name": organization.name,
            **more,
        },
    )


def scim_group(connection: models.ScimConnectionRow, display_name: str) -> models.ScimGroupRow:
    return scim_groups(connection, [display_name])[0]


def scim_groups(connection: models.ScimConnectionRow, display_names: Iterable[str]) -> list[models.ScimGroupRow]:
    now = timezone.now()
    return models.ScimGroupRow.objects.bulk_create(
        models.ScimGroupRow(
            organization_id=connection.organization_id,
            connection=connection,
            display_name=name,
            document={"displayName": name},
            search=searchable(GROUP, {"displayName": name}),
            updated_at=now,
        )
        for name in display_names
    )


def rename(group: models.ScimGroupRow, display_name: str) -> None:
    models.ScimGroupRow.objects.filter(pk=group.pk).update(
        display_name=display_name, display_name_folded=fold_name(display_name)
    )


def scim_user(
    connection: models.ScimConnectionRow,
    user_name: str,
    *,
    display_name: str = "",
    active: bool = True,
    member: models.MemberRow | None = None,
    **more: Any,
) -> models.ScimUserRow:
    document = {"userName": user_name, "active": active, **more.pop("document", {})}
    return models.ScimUserRow.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        member=member,
        user_name=user_name,
        display_name=display_name,
        active=active,
        document=document,
        search=searchable(USER, document),
        updated_at=timezone.now(),
        **more,
    )


def scim_conflict(
    connection: models.ScimConnectionRow, member: models.MemberRow, *, user_name: str = ""
) -> models.ScimConflictRow:
    """Let the IdP have tried to take a member over."""
    conflicts.record_conflict(
        models.ScimUserRow(
            organization_id=connection.organization_id,
            connection_id=connection.pk,
            user_name=user_name or member.email_address,
        ),
        member,
    )
    return models.ScimConflictRow.objects.get(connection=connection, member=member)


def put_in_group(group: models.ScimGroupRow, users: Iterable[models.ScimUserRow]) -> None:
    rows = models.ScimMembershipRow.objects.bulk_create(
        models.ScimMembershipRow(organization_id=group.organization_id, group=group, user=user) for user in users
    )
    group.member_count += len(rows)
    group.save(update_fields=["member_count"])


def provisioned(connection: models.ScimConnectionRow, email_address: str, **more: Any) -> models.ScimUserRow:
    """Return a person who is a member."""
    user = scim_user(connection, more.pop("user_name", email_address), **more)
    user.member = member(connection.organization, email_address)
    user.save()
    return user


def put_group_in(group: models.ScimGroupRow, *members: models.ScimGroupRow) -> None:
    for inner in members:
        models.ScimNestingRow.objects.create(organization_id=group.organization_id, group=group, member=inner)


def group_role(group: models.ScimGroupRow, role_id: str) -> models.ScimGroupRoleRow:
    return models.ScimGroupRoleRow.objects.create(
        organization_id=group.organization_id,
        connection_id=group.connection_id,
        group=group,
        group_key=group.pk,
        group_name=group.display_name,
        role_id=role_id,
    )
