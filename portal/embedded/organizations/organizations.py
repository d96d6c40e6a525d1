"""Organizations: get, search, create, update and delete them."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

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
    CHANGED_IN_THE_MEANTIME,
    DEFAULT_SETTINGS,
    FIELD_ACTIONS,
    PROJECT_ONLY,
    RESOURCE,
    ActiveScimConnection,
    Organization,
    OrganizationChanges,
    OrganizationSettings,
    changed_since,
)
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.search import Found, Operand
from portal.directory.sessions import SessionEndCause
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, is_text
from portal.embedded.database.search import page
from portal.embedded.database.writes import insert
from portal.embedded.members.roles import has_admin, lock_admins
from portal.embedded.metadata import check_external_id, merge_metadata
from portal.embedded.organizations import deletion, domain_rows, former_slugs
from portal.embedded.organizations.search import matching
from portal.embedded.organizations.settings import allowed_domains, changed_settings, new_settings
from portal.embedded.organizations.stored_logos import forget
from portal.embedded.scim.connection import current_token, current_tokens
from portal.embedded.scope import Scope, organization_value, rows_of_each, settings_value
from portal.embedded.sessions.lifecycle import end_sessions_without_second_factor
from portal.embedded.sessions.satisfied import end_unsatisfied
from portal.embedded.sessions.session_limits import end_beyond
from portal.embedded.sign_in.lock_outs import lock_out, second_factor_lock_out

_URL = re.compile(r"https?://[^\s\"'<>\\]+\Z")
_SLUG_OF_NAME = 100
_METHODS = frozenset({"auth_methods", "allowed_auth_methods"})
_MFA = frozenset({"mfa_policy", "mfa_required_for_admins", "mfa_methods", "allowed_mfa_methods", "passkeys"})
_LIMITS = frozenset({"session_idle_minutes", "session_duration_minutes"})
# Path segments of the API in the place of a slug.
_RESERVED = frozenset({"me", "members", "search"})
# The field and Stytch's name of the error for each column.
_NAMES = {
    "name": ("organization_name", "invalid_organization_name"),
    "slug": ("organization_slug", "invalid_organization_slug"),
    "logo_url": ("organization_logo_url", "organization_logo_url_too_long"),
    "external_id": ("organization_external_id", "invalid_organization_external_id"),
}


def with_scim_connection(value: Organization, token: models.ScimTokenRow | None) -> Organization:
    """Return an organization with the SCIM connection of its current token."""
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
    """Return organizations with their SCIM connections. This takes one query for any number of organizations."""
    tokens = current_tokens(rows_of_each([row.pk for row in rows], models.ScimTokenRow))
    active = tokens.filter(connection__status=ScimConnectionStatus.ACTIVE)
    by_organization = {token.organization_id: token for token in active}
    return tuple(with_scim_connection(organization_value(row), by_organization.get(row.pk)) for row in rows)


@dataclass(frozen=True)
class EmbeddedOrganizations:
    """Implements portal.directory.organizations.OrganizationsGateway."""

    caller: audit.Caller

    def create(self, new: OrganizationChanges) -> Organization:
        """Create an organization. Raise Invalid, Conflict."""
        row = models.OrganizationRow()
        slug = new.organization_slug or _slug_for(new.organization_name or "")
        _apply(row, replace(new, organization_slug=slug), new_settings(new))
        with _unless_taken(), transaction.atomic():
            _check_other_names(row)
            insert(row)
            domain_rows.follow(row, (), self.caller)
            _check_kept(row)
            audit.record_organization(self.caller, "organization.create", row, {}, _for_activity(_described(row)))
        return organization_value(row)

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Organization]:
        """Return a page of the organizations that match all operands. Raise Invalid, InvalidCursor."""
        rows = models.OrganizationRow.objects.filter(matching(operands), deleted_at=None)
        hits = page(rows, operands, "organizations-search", cursor=cursor, limit=limit)
        return Found(whole_organizations(hits.rows), hits.next_cursor, hits.total)

    def get_many(self, organization_ids: Sequence[str]) -> tuple[Organization, ...]:
        """Return organizations by ID, slug or external ID, each once. Raise NotFound, Invalid."""
        if len(organization_ids) > MAX_LIMIT:
            raise Invalid(f"organization_ids can have at most {MAX_LIMIT} values.", field="organization_ids")
        names = [name for name in organization_ids if is_text(name)]
        keys = [key for key in (parse_id("organization", name) for name in names) if key.int]
        named = Q(pk__in=keys) | Q(slug__in=names) | Q(external_id__in=[name for name in names if name])
        rows = list(models.OrganizationRow.objects.filter(named, deleted_at=None).order_by("pk"))
        # The slug has the lowest priority, as in `EmbeddedProject.open`.
        found = {row.slug: row for row in rows} | {row.external_id: row for row in rows if row.external_id}
        found |= {public_id("organization", row.pk): row for row in rows}
        chosen = {found[name].pk: found[name] for name in names if name in found}
        if not all(name in found for name in organization_ids):
            raise no_organization()
        return whole_organizations(list(chosen.values()))


class EmbeddedOrganization:
    """Implements portal.directory.organizations.ProjectOrganizationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self) -> Organization:
        """Return the organization. Raise NotFound if no organization has this slug."""
        return self._scope.organization

    def get_with_connection(self) -> Organization:
        """Return the organization with its SCIM connection."""
        return with_scim_connection(self._scope.organization, current_token(self._scope.organization_id))

    def member_count(self) -> int:
        """Return the number of members, without deleted ones."""
        return self._scope.of(models.MemberRow).exclude(status=MemberStatus.DELETED).count()

    def update(self, changes: OrganizationChanges, *, version: str = "") -> Organization:
        """Make all changes or none. Raise Invalid, Conflict, Forbidden."""
        self._scope.require_fields(changes, FIELD_ACTIONS, PROJECT_ONLY, RESOURCE)
        with _unless_taken(), transaction.atomic():
            row = self._locked()
            if version and changed_since(organization_value(row), version):
                raise Conflict(CHANGED_IN_THE_MEANTIME, field="version")
            before, had_admin = _described(row), self._could_lose_admins(changes)
            earlier = settings_value(row)
            _apply(row, changes, self._changed_settings(row, changes))
            after = _described(row)
            changed = [name for name in after if after[name] != before[name]]
            if changed:
                self._require_no_lock_out(settings_value(row), changed)
                _check_other_names(row)
                if _forgets_devices(earlier, settings_value(row)):
                    row.devices_forgotten_at = timezone.now()
                row.save()
                domain_rows.follow(row, before["email_allowed_domains"], self._scope.caller)
                self._take_effect(row, before, frozenset(changed))
                self._end_sessions(row, earlier, changed)
                recorded = [_for_activity({name: fields[name] for name in changed}) for fields in (before, after)]
                audit.record_organization(self._scope.caller, "organization.update", row, *recorded)
            if had_admin and not has_admin(row.pk):
                raise Conflict(
                    "All admins have the role by email domain, so the organization would have no admin. Make a member an "
                    "admin first.",
                    field="rbac_email_implicit_role_assignments",
                    error_type="organization_needs_admin",
                )
        return with_scim_connection(organization_value(row), current_token(row.pk))

    def delete_external_id(self) -> Organization:
        """Delete the external ID, if there is one. Raise Forbidden on behalf of a member."""
        return self.update(OrganizationChanges(organization_external_id=""))

    @property
    def restorable_days(self) -> int:
        """Days for which the operator can restore the organization after its deletion."""
        days: int = settings.ORGANIZATION_RESTORE_DAYS
        return days

    def delete(self) -> str:
        """Delete the organization, and return its ID. Raise Forbidden, StepUpRequired."""
        self._scope.require_action("delete", RESOURCE)
        self._scope.require_recent_proof()
        with transaction.atomic():
            row = self._locked()
            deletion.delete(row, self._scope.caller)
        return public_id("organization", row.pk)

    def _locked(self) -> models.OrganizationRow:
        rows = models.OrganizationRow.objects.select_for_update(no_key=True)
        row = rows.filter(pk=self._scope.organization_id, deleted_at=None).first()
        if row is None:
            raise no_organization()
        return row

    def _require_no_lock_out(self, after: OrganizationSettings, changed: Sequence[str]) -> None:
        """Raise Conflict if the acting member couldn't sign in any longer, or no admin could."""
        if not _METHODS.isdisjoint(changed) and (reason := lock_out(self._scope, after)):
            raise Conflict(reason, field="allowed_auth_methods", error_type="organization_change_locks_out")
        if not _MFA.isdisjoint(changed) and (reason := second_factor_lock_out(self._scope, after)):
            raise Conflict(reason, field="mfa_policy", error_type="organization_change_locks_out")

    def _end_sessions(self, row: models.OrganizationRow, before: OrganizationSettings, changed: Sequence[str]) -> None:
        """End the sessions that no longer satisfy the organization's settings after a change."""
        if not _METHODS.isdisjoint(changed):
            end_unsatisfied(self._scope.of(models.MemberSessionRow), SessionEndCause.METHODS)
        if not (_MFA | {"remembered_device_days"}).isdisjoint(changed):
            end_sessions_without_second_factor(row)
        if not _LIMITS.isdisjoint(changed):
            end_beyond(row.pk, before, settings_value(row))

    def _take_effect(self, row: models.OrganizationRow, before: Mapping[str, Any], changed: frozenset[str]) -> None:
        """Reserve what was given up. Raise Conflict."""
        if not changed.isdisjoint({"organization_slug", "organization_external_id"}):
            _check_kept(row)
        if "organization_slug" in changed:
            former_slugs.keep(row, before["organization_slug"])
        if "organization_logo_url" in changed:
            forget(row.pk)

    def _changed_settings(self, row: models.OrganizationRow, changes: OrganizationChanges) -> OrganizationSettings:
        """Return the settings after a change. Raise Invalid, and Forbidden for a role that the acting member may not grant."""
        before = settings_value(row)
        after = changed_settings(before, changes, of=row.pk)
        known = before.rbac_email_implicit_role_assignments
        gained = [one.role_id for one in after.rbac_email_implicit_role_assignments if one not in known]
        self._scope.require_grantable(gained, "rbac_email_implicit_role_assignments")
        return after

    def _could_lose_admins(self, changes: OrganizationChanges) -> bool:
        """Say whether there is an admin now and the change could remove the last one."""
        if changes.rbac_email_implicit_role_assignments is None:
            return False
        lock_admins(self._scope.organization_id)
        return has_admin(self._scope.organization_id)


def _forgets_devices(before: OrganizationSettings, after: OrganizationSettings) -> bool:
    """Say whether devices that were remembered before a change don't count after it: it has fewer days, or fewer methods."""
    methods = [{*one.second_factors, *(["passkeys"] if one.allows_passkeys else [])} for one in (before, after)]
    return after.remembered_device_days < before.remembered_device_days or not methods[0] <= methods[1]


def no_organization() -> NotFound:
    """Return the error for an organization that doesn't exist."""
    return NotFound(
        "The project has no organization with this ID, slug or external ID.",
        field="organization_id",
        error_type="organization_not_found",
    )


def _apply(row: models.OrganizationRow, changes: OrganizationChanges, settings: OrganizationSettings) -> None:
    """Apply changes to a row. Raise Invalid."""
    if changes.organization_name is not None:
        row.name = changes.organization_name.strip()
    if changes.organization_slug not in {None, row.slug}:
        row.slug = _checked_slug(changes.organization_slug or "")
    if changes.organization_logo_url is not None:
        row.logo_url = _checked_url(changes.organization_logo_url.strip())
    if changes.organization_external_id is not None:
        row.external_id = check_external_id(
            changes.organization_external_id,
            noun="organization",
            field="organization_external_id",
            error_type="invalid_organization_external_id",
        )
    if changes.email_allowed_domains is not None:
        row.email_allowed_domains = allowed_domains(changes.email_allowed_domains)
    row.trusted_metadata = merge_metadata(row.trusted_metadata, changes.trusted_metadata, "trusted_metadata")
    row.settings = _stored(settings)
    _check(row)


def _check(row: models.OrganizationRow) -> None:
    try:
        check(row)
    except Invalid as error:
        field, error_type = _NAMES.get(error.field, (error.field, ""))
        raise Invalid(error.detail, field=field, error_type=error_type) from None


def _checked_slug(slug: str) -> str:
    is_like_an_id = slug.startswith((id_prefix("organization"), deletion.DELETED))
    if is_like_an_id or slug in _RESERVED:
        raise Invalid(
            "This slug is reserved. Choose another one.",
            field="organization_slug",
            error_type="invalid_organization_slug",
        )
    return slug


def _slug_for(name: str) -> str:
    """Return a free slug that is derived from a name."""
    slug = slugify(name)[:_SLUG_OF_NAME] or "organization"
    is_free = (
        len(slug) > 1 and slug not in _RESERVED and not slug.startswith((id_prefix("organization"), deletion.DELETED))
    )
    is_taken = models.OrganizationRow.objects.filter(slug=slug).exists() or former_slugs.is_kept(slug)
    if is_free and not is_taken:
        return slug
    return f"o-{slug}-{secrets.token_hex(4)}"


def _checked_url(url: str) -> str:
    """Return the URL of a logo, "" for none. Raise Invalid unless it is an http or https URL."""
    if url and not _URL.match(url):
        raise Invalid(
            "Enter a URL that starts with https:// or http://.",
            field="organization_logo_url",
            error_type="invalid_url",
        )
    return url


def _stored(settings: OrganizationSettings) -> dict[str, Any] | None:
    """Return the settings that differ from the defaults."""
    defaults = _as_json(DEFAULT_SETTINGS)
    return {name: value for name, value in _as_json(settings).items() if value != defaults[name]} or None


def _as_json(settings: OrganizationSettings) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return values


def _check_other_names(row: models.OrganizationRow) -> None:
    """Raise Conflict if the slug is another organization's external ID, or the other way around."""
    others = models.OrganizationRow.objects.exclude(pk=row.pk)
    if others.filter(external_id=row.slug).exists():
        raise _taken("organization_slug")
    if row.external_id and others.filter(slug=row.external_id).exists():
        raise _taken("organization_external_id")


def _check_kept(row: models.OrganizationRow) -> None:
    """Raise Conflict if another organization had the slug recently, or a deleted one that can be restored had its names."""
    if former_slugs.is_kept(row.slug, except_by=row):
        raise Conflict(
            f"Another organization had this slug within the last {settings.ORGANIZATION_SLUG_DAYS} days, and links to it "
            "may still be in use. Choose another one.",
            field="organization_slug",
            error_type="organization_slug_already_used",
        )
    for name, value in (("slug", row.slug), ("external_id", row.external_id)):
        if deletion.is_reserved(**{name: value}, except_by=row):
            raise _taken(f"organization_{name}")


@contextmanager
def _unless_taken() -> Iterator[None]:
    """Raise Conflict if the database finds another organization with the same slug or external ID."""
    try:
        yield
    except IntegrityError as error:
        raise _taken("organization_external_id" if "external_id" in str(error) else "organization_slug") from None


def _taken(field: str) -> Conflict:
    return Conflict(
        "Another organization has this slug or external ID.",
        field=field,
        error_type=f"{field}_already_used",
    )


def _described(row: models.OrganizationRow) -> dict[str, Any]:
    """Return the fields that can be changed, in Stytch's terms."""
    return {
        "organization_name": row.name,
        "organization_slug": row.slug,
        "organization_logo_url": row.logo_url,
        "organization_external_id": row.external_id,
        "email_allowed_domains": list(row.email_allowed_domains),
        "trusted_metadata": row.trusted_metadata,
        **_as_json(settings_value(row)),
    }


def _for_activity(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as the activity log stores them: only the keys of metadata, whose values can be anything."""
    return {name: sorted(value or ()) if name == "trusted_metadata" else value for name, value in described.items()}
