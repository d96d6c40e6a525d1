"""Organizations as the product's backend makes, finds, changes and deletes them."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import id_prefix, parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import (
    DEFAULT_SETTINGS,
    FIELD_ACTIONS,
    PROJECT_ONLY,
    RESOURCE,
    ActiveScimConnection,
    Organization,
    OrganizationChanges,
    OrganizationSettings,
)
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.search import Found, Operand
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, is_text
from portal.embedded.database.search import page
from portal.embedded.database.statements import insert
from portal.embedded.directory import EmbeddedOrganization
from portal.embedded.members.roles import has_admin, hold_admins
from portal.embedded.members.rules import checked_external_id, merged, require_action, require_fields
from portal.embedded.organizations import former_slugs
from portal.embedded.organizations.search import matching
from portal.embedded.organizations.settings import allowed_domains, changed_settings, new_settings
from portal.embedded.scim.connection import current_token, current_tokens
from portal.embedded.scope import organization_value, settings_value

_URL = re.compile(r"https?://[^\s\"'<>\\]+\Z")
_SLUG_OF_NAME = 100
# Addresses of the API have these where a slug could stand.
_RESERVED = frozenset({"me", "members", "search"})
_DELETED = "deleted-"
# Stytch's names for what is wrong with a column.
_NAMES = {
    "name": ("organization_name", "invalid_organization_name"),
    "slug": ("organization_slug", "invalid_organization_slug"),
    "logo_url": ("organization_logo_url", "organization_logo_url_too_long"),
    "external_id": ("organization_external_id", "invalid_organization_external_id"),
}


def with_scim_connection(value: Organization, token: models.ScimTokenRow | None) -> Organization:
    """Return an organization with its SCIM connection, whose current token is given."""
    if token is None:
        return value
    scim = ActiveScimConnection(
        connection_id=public_id("scim-connection", token.connection_id),
        display_name=token.connection.display_name,
        bearer_token_last_four=token.last_four,
        bearer_token_expires_at=token.expires_at,
    )
    return replace(value, scim_active_connection=scim)


def whole_organizations(rows: Sequence[models.OrganizationRow]) -> tuple[Organization, ...]:
    """Return organizations with their SCIM connections, by one statement however many they are."""
    active = current_tokens(models.ScimTokenRow.objects.all()).filter(connection__status=ScimConnectionStatus.ACTIVE)
    tokens = active.filter(organization_id__in=[row.pk for row in rows])
    by_organization = {token.organization_id: token for token in tokens}
    return tuple(with_scim_connection(organization_value(row), by_organization.get(row.pk)) for row in rows)


@dataclass(frozen=True)
class EmbeddedOrganizations:
    """Implements portal.directory.project.OrganizationsGateway."""

    caller: audit.Caller

    def create(self, new: OrganizationChanges) -> Organization:
        """Make an organization. Raises Invalid, Conflict."""
        row = models.OrganizationRow()
        slug = new.organization_slug or _slug_for(new.organization_name or "")
        _set(row, replace(new, organization_slug=slug), new_settings(new))
        with _unless_taken(), transaction.atomic():
            _check_namesakes(row)
            insert(row)
            _check_former_slugs(row)
            _record(self.caller, "organization.create", row, {}, _said(_described(row)))
        return organization_value(row)

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Organization]:
        """Return a page of the organizations that all operands find. Raises Invalid, InvalidCursor."""
        rows = models.OrganizationRow.objects.filter(matching(operands), deleted_at=None)
        hits = page(rows, operands, "organizations-search", cursor=cursor, limit=limit)
        return Found(whole_organizations(hits.rows), hits.next_cursor, hits.total)

    def several(self, organization_ids: Sequence[str]) -> tuple[Organization, ...]:
        """Return those of these ids, slugs or external ids, each once and whole. Raises NotFound, Invalid."""
        if len(organization_ids) > MAX_LIMIT:
            raise Invalid(f"Name {MAX_LIMIT} organizations at most.", field="organization_ids")
        names = [name for name in organization_ids if is_text(name)]
        keys = [key for key in (parse_id("organization", name) for name in names) if key.int]
        named = Q(pk__in=keys) | Q(slug__in=names) | Q(external_id__in=[name for name in names if name])
        rows = list(models.OrganizationRow.objects.filter(named, deleted_at=None).order_by("pk"))
        # As for one: the slug is asked for last.
        found = {row.slug: row for row in rows} | {row.external_id: row for row in rows if row.external_id}
        found |= {public_id("organization", row.pk): row for row in rows}
        chosen = {found[name].pk: found[name] for name in names if name in found}
        if not all(name in found for name in organization_ids):
            raise no_organization()
        return whole_organizations(list(chosen.values()))


class EmbeddedProjectOrganization(EmbeddedOrganization):
    """Implements portal.directory.project.ProjectOrganizationGateway."""

    def whole(self) -> Organization:
        """Return the organization with its SCIM connection."""
        return with_scim_connection(self._scope.organization, current_token(self._scope.organization_id))

    def member_count(self) -> int:
        """Return how many members it has; deleted ones do not count."""
        members = models.MemberRow.objects.filter(organization_id=self._scope.organization_id)
        return members.exclude(status=MemberStatus.DELETED).count()

    def update(self, changes: OrganizationChanges) -> Organization:
        """Change what is given, all of it or nothing. Raises Invalid, Conflict, Refused."""
        require_fields(self._scope, changes, FIELD_ACTIONS, PROJECT_ONLY, RESOURCE)
        with _unless_taken(), transaction.atomic():
            row = self._locked()
            before, had_admin = _described(row), self._could_lose_admins(changes)
            _set(row, changes, changed_settings(settings_value(row), changes, of=row.pk))
            after = _described(row)
            changed = [name for name in after if after[name] != before[name]]
            if changed:
                _check_namesakes(row)
                row.save()
                self._leave_slug(row, before["organization_slug"])
                said = [_said({name: described[name] for name in changed}) for described in (before, after)]
                _record(self._scope.caller, "organization.update", row, *said)
            if had_admin and not has_admin(row.pk):
                raise Conflict(
                    "Everybody who is admin is so by an e-mail domain: without the role nobody could administer the "
                    "organization. Make somebody else an admin first.",
                    field="rbac_email_implicit_role_assignments",
                    error_type="organization_needs_admin",
                )
        return self._whole(row)

    def delete_external_id(self) -> Organization:
        """Forget what the product calls it; only the project may. Harmless where there is nothing. Raises Refused."""
        return self.update(OrganizationChanges(organization_external_id=""))

    def delete(self) -> str:
        """Delete it with all that is in it, and return its id. Raises Refused."""
        require_action(self._scope, "delete", RESOURCE)
        with transaction.atomic():
            row = self._locked()
            organization_id, before = public_id("organization", row.pk), _described(row)
            _end_connection(row.pk, self._scope.caller)
            members = _end_members(row.pk)
            # Last: from here on nobody can commit what refers to the organization, and who holds a member's row still has to.
            former_slugs.leave(row, row.slug)
            row.slug, row.external_id, row.deleted_at = f"{_DELETED}{row.pk}", "", timezone.now()
            row.save()
            gone = {name: before[name] for name in ("organization_name", "organization_slug")}
            _record(self._scope.caller, "organization.delete", row, gone, {"members": members})
        return organization_id

    def _locked(self) -> models.OrganizationRow:
        rows = models.OrganizationRow.objects.select_for_update(no_key=True)
        row = rows.filter(pk=self._scope.organization_id, deleted_at=None).first()
        if row is None:
            raise no_organization()
        return row

    @staticmethod
    def _leave_slug(row: models.OrganizationRow, slug: str) -> None:
        if row.slug != slug:
            _check_former_slugs(row)
            former_slugs.leave(row, slug)

    def _could_lose_admins(self, changes: OrganizationChanges) -> bool:
        """Say whether there is an admin, where the change is of what makes some."""
        if changes.rbac_email_implicit_role_assignments is None:
            return False
        hold_admins(self._scope.organization_id)
        return has_admin(self._scope.organization_id)

    def _whole(self, row: models.OrganizationRow) -> Organization:
        return with_scim_connection(organization_value(row), current_token(row.pk))


def no_organization() -> NotFound:
    """Return what is said of an organization that there is not."""
    return NotFound(
        "The project has no organization with this id, slug or external id.",
        field="organization_id",
        error_type="organization_not_found",
    )


def _set(row: models.OrganizationRow, changes: OrganizationChanges, settings: OrganizationSettings) -> None:
    """Put what is given into the row. Raises Invalid."""
    if changes.organization_name is not None:
        row.name = changes.organization_name.strip()
    if changes.organization_slug not in {None, row.slug}:
        row.slug = _checked_slug(changes.organization_slug or "")
    if changes.organization_logo_url is not None:
        row.logo_url = _checked_url(changes.organization_logo_url.strip())
    if changes.organization_external_id is not None:
        row.external_id = checked_external_id(
            changes.organization_external_id,
            noun="organization",
            field="organization_external_id",
            error_type="invalid_organization_external_id",
        )
    if changes.email_allowed_domains is not None:
        row.email_allowed_domains = allowed_domains(changes.email_allowed_domains)
    row.trusted_metadata = merged(row.trusted_metadata, changes.trusted_metadata, "trusted_metadata")
    row.settings = _stored(settings)
    _check(row)


def _check(row: models.OrganizationRow) -> None:
    try:
        check(row)
    except Invalid as error:
        field, error_type = _NAMES.get(error.field, (error.field, ""))
        raise Invalid(error.detail, field=field, error_type=error_type) from None


def _checked_slug(slug: str) -> str:
    is_like_an_id = slug.startswith((id_prefix("organization"), _DELETED))
    if is_like_an_id or slug in _RESERVED:
        raise Invalid(
            "Choose another slug: this one means something else.",
            field="organization_slug",
            error_type="invalid_organization_slug",
        )
    return slug


def _slug_for(name: str) -> str:
    """Return a slug made of the name that no organization has."""
    slug = slugify(name)[:_SLUG_OF_NAME] or "organization"
    is_free = len(slug) > 1 and slug not in _RESERVED and not slug.startswith((id_prefix("organization"), _DELETED))
    is_taken = models.OrganizationRow.objects.filter(slug=slug).exists() or former_slugs.is_kept(slug)
    if is_free and not is_taken:
        return slug
    return f"o-{slug}-{secrets.token_hex(4)}"


def _checked_url(url: str) -> str:
    """Return the address of a picture, "" for none. Raises Invalid for what a browser would not load from elsewhere."""
    if url and not _URL.match(url):
        raise Invalid(
            "Give an address that begins with https:// or http://.",
            field="organization_logo_url",
            error_type="invalid_url",
        )
    return url


def _stored(settings: OrganizationSettings) -> dict[str, Any] | None:
    """Return what differs from the defaults."""
    defaults = _as_json(DEFAULT_SETTINGS)
    return {name: value for name, value in _as_json(settings).items() if value != defaults[name]} or None


def _as_json(settings: OrganizationSettings) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return values


def _check_namesakes(row: models.OrganizationRow) -> None:
    """Raise Conflict where the slug is what the product calls another organization, or the other way round."""
    others = models.OrganizationRow.objects.exclude(pk=row.pk)
    if others.filter(external_id=row.slug).exists():
        raise _taken("organization_slug")
    if row.external_id and others.filter(slug=row.external_id).exists():
        raise _taken("organization_external_id")


def _check_former_slugs(row: models.OrganizationRow) -> None:
    """Raise Conflict where another organization left the slug not long ago."""
    if former_slugs.is_kept(row.slug, by_others_than=row):
        raise Conflict(
            f"Another organization had this slug within the last {settings.ORGANIZATION_SLUG_DAYS} days, and links to it "
            "may still be in use. Choose another one.",
            field="organization_slug",
            error_type="organization_slug_already_used",
        )


@contextmanager
def _unless_taken() -> Iterator[None]:
    """Raise the conflict when the database refuses a row because there is one like it."""
    try:
        yield
    except IntegrityError as error:
        raise _taken("organization_external_id" if "external_id" in str(error) else "organization_slug") from None


def _taken(field: str) -> Conflict:
    return Conflict(
        "Another organization has this slug, or is called so by the product.",
        field=field,
        error_type=f"{field}_already_used",
    )


def _end_members(organization_id: UUID) -> int:
    """End the membership of everybody, and return how many that were."""
    now = timezone.now()
    members = models.MemberRow.objects.filter(organization_id=organization_id).exclude(status=MemberStatus.DELETED)
    # Before their sessions, as whoever changes a password locks them.
    number = members.update(status=MemberStatus.DELETED, direct_roles=[], password="", updated_at=now)
    sessions = models.MemberSessionRow.objects.filter(organization_id=organization_id, revoked_at=None)
    sessions.update(revoked_at=now)
    models.SignInLinkRow.objects.filter(organization_id=organization_id).delete()
    models.IntermediateSessionMemberRow.objects.filter(member__organization_id=organization_id).delete()
    return number


def _end_connection(organization_id: UUID, caller: audit.Caller) -> None:
    active = models.ScimConnectionRow.objects.filter(
        organization_id=organization_id, status=ScimConnectionStatus.ACTIVE
    )
    for row in active.select_for_update(no_key=True):
        row.status, row.deleted_at = ScimConnectionStatus.DELETED, timezone.now()
        row.deleted_by = caller.actor.name[:256]
        row.save(update_fields=["status", "deleted_at", "deleted_by", "updated_at"])


def _described(row: models.OrganizationRow) -> dict[str, Any]:
    """Return all that can be changed, by Stytch's names."""
    return {
        "organization_name": row.name,
        "organization_slug": row.slug,
        "organization_logo_url": row.logo_url,
        "organization_external_id": row.external_id,
        "email_allowed_domains": list(row.email_allowed_domains),
        "trusted_metadata": row.trusted_metadata,
        **_as_json(settings_value(row)),
    }


def _said(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the activity log says of it: of metadata the keys alone, which may be anything."""
    return {name: sorted(value or ()) if name == "trusted_metadata" else value for name, value in described.items()}


def _record(
    caller: audit.Caller, action: str, row: models.OrganizationRow, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    audit.record(
        caller,
        action,
        organization_id=row.pk,
        target_id=public_id("organization", row.pk),
        target_name=row.name,
        before=before,
        after=after,
    )
