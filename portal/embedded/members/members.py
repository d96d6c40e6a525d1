"""Members as the product's backend, and those of the members who may, make, find, change and delete them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import BooleanField, F, Func, JSONField, QuerySet, Value
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import id_prefix, parse_id, public_id, uuid7
from portal.directory.members import (
    FIELD_ACTIONS,
    POWERS,
    PROJECT_ONLY,
    RESOURCE,
    SELF,
    Member,
    MemberChanges,
    MemberStatus,
)
from portal.directory.organizations import Organization
from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.policy import MEMBER_ROLE
from portal.directory.search import Found, Operand
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, is_text
from portal.embedded.members.portal_members import EmbeddedMembers
from portal.embedded.members.project_values import member_values, whole_members
from portal.embedded.members.roles import check_roles, email_roles, group_roles, has_admin, hold_admins, is_admin
from portal.embedded.members.rules import checked_external_id, merged, require_action, require_fields
from portal.embedded.members.search import search_members
from portal.embedded.members.values import member_id as id_of
from portal.embedded.organizations.organizations import no_organization, whole_organizations
from portal.embedded.scim.protocol.address_handover import (
    after_address_changed,
    after_member_deleted,
    after_member_reactivated,
)
from portal.embedded.scope import hold_organization
from portal.embedded.sessions.sessions import end_choices

_MOST_ROLES = 100
_MOST_RETIRED = 50
_PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\Z")  # ITU-T E.164
_MFA_METHODS = ("", "sms_otp", "totp")
_METADATA = ("trusted_metadata", "untrusted_metadata")


class _HoldsAddress(Func):
    """Whether a list of former addresses, which is JSON, has one."""

    template = "%(expressions)s"
    arg_joiner = " @> "
    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:  # noqa: ARG002 -- Django's signature
        """Ask SQLite, which has no such operator."""
        (values, _none), (wanted, with_wanted) = map(compiler.compile, self.source_expressions)
        inside = f"json_extract(one.value, '$.folded') = json_extract({wanted}, '$[0].folded')"
        return f"EXISTS (SELECT 1 FROM json_each({values}) AS one WHERE {inside})", with_wanted  # noqa: S608 -- compiled


class EmbeddedProjectMembers(EmbeddedMembers):
    """Implements portal.directory.project.ProjectMemberGateway."""

    def get(self, member_id: str) -> Member:
        """Return the member of this id or external id. Raises NotFound, also for a deleted one."""
        return _value(self._found(member_id))

    def by_email_address(self, email_address: str) -> Member:
        """Return the member who has the address. Raises NotFound."""
        named = self._rows().filter(email_address_folded=fold_address(email_address))
        row = named.first() if is_text(email_address) else None
        if row is None:
            raise _not_found()
        return _value(row)

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Member]:
        """Return a page of the members whom all operands find. Raises Invalid, InvalidCursor, Refused."""
        require_action(self._scope, "search", RESOURCE)
        return search_members([self._scope.organization], operands, cursor=cursor, limit=limit)

    def create(self, new: MemberChanges, *, as_pending: bool = False) -> Member:
        """Make a member, who is active at once or pending. Raises Invalid, Conflict, NotFound, Refused."""
        require_action(self._scope, "create", RESOURCE)
        require_fields(self._scope, new, {}, PROJECT_ONLY, RESOURCE)
        for field in POWERS:
            # Some SDKs send what gives none.
            if getattr(new, field):
                require_action(self._scope, FIELD_ACTIONS[field], RESOURCE)
        status = MemberStatus.PENDING if as_pending else MemberStatus.ACTIVE
        with _unless_taken(), transaction.atomic():
            hold_organization(self._scope.organization_id)
            row = models.MemberRow(organization_id=self._scope.organization_id, status=status)
            row.email_address = _checked_address(new.email_address or "")
            self._refuse_retired(row)
            _set(row, new)
            self._require_roles(email_roles(row.organization, row.email_address))
            row.save(force_insert=True)
            self._record("member.create", row, {}, _said({**_described(row), "status": str(status)}))
        return self._again(row.pk)

    def update(self, member_id: str, changes: MemberChanges) -> Member:
        """Change what is given, all of it or nothing. Raises NotFound, Invalid, Conflict, Refused."""
        seen = self._found(member_id)
        self._require_fields(seen, changes)
        could_lose_admin = changes.roles is not None or changes.email_address is not None
        with _unless_taken(), transaction.atomic():
            row, was_admin = self._locked(seen, could_lose_admin=could_lose_admin)
            before, former = _described(row), row.email_address_folded
            self._move(row, changes)
            _set(row, changes)
            after = _described(row)
            changed = [name for name in after if after[name] != before[name]]
            if changed:
                row.save()
                self._record(
                    "member.update", row, *(_said({name: one[name] for name in changed}) for one in (before, after))
                )
            if was_admin and not is_admin(row):
                self._keep_an_admin(row)
            if row.email_address_folded != former:
                after_address_changed(row, former, self._scope.caller)
        return self._again(row.pk)

    def delete(self, member_id: str) -> str:
        """End a membership, and return whose. Raises NotFound, Conflict for the last admin, Refused."""
        seen = self._found(member_id)
        self._require(seen, "delete")
        with transaction.atomic():
            row, was_admin = self._locked(seen, could_lose_admin=True)
            before = {"status": str(row.status), "roles": row.direct_roles}
            row.status, row.direct_roles, row.password = MemberStatus.DELETED, [], ""
            row.mfa_phone_number, row.mfa_enrolled, row.default_mfa_method = "", False, ""
            row.save()
            if was_admin:
                self._keep_an_admin(row)
            sessions = models.MemberSessionRow.objects.filter(organization_id=row.organization_id, member=row)
            sessions.filter(revoked_at=None).update(revoked_at=timezone.now())
            models.SignInLinkRow.objects.filter(organization_id=row.organization_id, member=row).delete()
            end_choices([row.pk])
            self._record("member.delete", row, before, {"status": str(row.status), "roles": []})
            after_member_deleted(row, self._scope.caller)
        return id_of(row)

    def reactivate(self, member_id: str) -> Member:
        """Have a deleted member be active again, with no role but by group and domain, and no password.

        Raises NotFound, Invalid where nobody has shown that the address is theirs, Conflict where another one has it, Refused.
        """
        require_action(self._scope, "create", RESOURCE)
        with _unless_taken("reactivation_email_belongs_to_another_member"), transaction.atomic():
            hold_organization(self._scope.organization_id)
            rows = whole_members().filter(organization_id=self._scope.organization_id, status=MemberStatus.DELETED)
            row = rows.select_for_update(of=("self",), no_key=True).filter(pk=parse_id("member", member_id)).first()
            if row is None:
                raise NotFound(
                    "There is no such deleted member.", error_type="no_deleted_member_found_for_reactivation"
                )
            if not (row.email_address_verified or _is_vouched_for(row)):
                raise Invalid(
                    "Nobody has shown that the e-mail address is theirs; create a new member instead.",
                    field="member_id",
                    error_type="email_unverified_for_reactivation",
                )
            self._require_roles([*email_roles(row.organization, row.email_address), *group_roles(row)])
            row.status = MemberStatus.ACTIVE
            row.save(update_fields=["status", "updated_at"])
            deleted, active = ({"status": str(status)} for status in (MemberStatus.DELETED, MemberStatus.ACTIVE))
            self._record("member.reactivate", row, deleted, active)
            after_member_reactivated(row)
        return self._again(row.pk)

    def delete_password(self, member_password_id: str) -> Member:
        """Take the password away. Raises NotFound, Refused."""
        with_password = self._rows().exclude(password="").filter(pk=parse_id("member-password", member_password_id))
        seen = with_password.first()
        if seen is None:
            raise NotFound("There is no such password.", error_type="member_password_not_found")
        self._require(seen, "update.info.delete.password")
        return self._clear(seen, "member.delete_password", password="")

    def delete_mfa_phone_number(self, member_id: str) -> Member:
        """Take the phone number away. Raises NotFound, Refused."""
        seen = self._found(member_id)
        self._require(seen, "update.info.delete.mfa-phone")
        if not seen.mfa_phone_number:
            raise NotFound("The member has no phone number.", error_type="member_phone_number_not_found")
        method = "" if seen.default_mfa_method == "sms_otp" else seen.default_mfa_method
        return self._clear(seen, "member.delete_mfa_phone_number", mfa_phone_number="", default_mfa_method=method)

    def delete_totp(self, member_id: str) -> Member:
        """Take the authenticator app away: nobody has one yet. Raises NotFound, Refused."""
        self._require(self._found(member_id), "update.info.delete.mfa-totp")
        raise NotFound("The member has no authenticator app.", error_type="totp_not_found")

    def delete_external_id(self, member_id: str) -> Member:
        """Forget what the product calls the member; only the project may. Harmless where there is nothing.

        Raises NotFound, Refused.
        """
        return self.update(member_id, MemberChanges(external_id=""))

    def unlink_retired_email(self, member_id: str, *, email_id: str = "", email_address: str = "") -> Member:
        """Let go of a former address, named by its id or as it is, or both. Raises NotFound, Invalid, Refused."""
        seen = self._found(member_id)
        self._require(seen, "update.info.unlink.retired-email")
        if not (email_id or email_address):
            raise Invalid("Name the address, or its id.", field="email_id")
        with transaction.atomic():
            row, _ = self._locked(seen)
            kept = [one for one in row.retired_email_addresses or () if not _is_named(one, email_id, email_address)]
            if len(kept) == len(row.retired_email_addresses or ()):
                raise NotFound("The member has no such former address.", error_type="email_not_found")
            row.retired_email_addresses = kept or None
            row.save(update_fields=["retired_email_addresses", "updated_at"])
            self._record("member.unlink_retired_email", row, {}, {})
        return self._again(row.pk)

    def _rows(self) -> QuerySet[models.MemberRow]:
        rows = whole_members().filter(organization_id=self._scope.organization_id, organization__deleted_at=None)
        return rows.exclude(status=MemberStatus.DELETED)

    def _found(self, member_id: str) -> models.MemberRow:
        """Return whom an id or an external id names. Raises NotFound."""
        is_ours = member_id.startswith(id_prefix("member"))
        named = {"pk": parse_id("member", member_id)} if is_ours else {"external_id": member_id}
        row = self._rows().filter(**named).first() if member_id and is_text(member_id) else None
        if row is None:
            raise _not_found()
        return row

    def _locked(self, seen: models.MemberRow, *, could_lose_admin: bool = False) -> tuple[models.MemberRow, bool]:
        """Return the member, whom nobody else changes until the transaction ends, and whether they are an admin who counts."""
        if could_lose_admin and is_admin(seen):
            # Before the member, as provisioning locks them.
            hold_admins(seen.organization_id)
        row = self._rows().select_for_update(of=("self",), no_key=True).filter(pk=seen.pk).first()
        if row is None:
            raise _not_found()
        return row, could_lose_admin and row.status == MemberStatus.ACTIVE and is_admin(row)

    @staticmethod
    def _keep_an_admin(row: models.MemberRow) -> None:
        hold_admins(row.organization_id)
        if not has_admin(row.organization_id):
            raise Conflict(
                f"{row.email_address} is the last admin: without them nobody could administer the organization. "
                "Make somebody else an admin first.",
                field="member_id",
                error_type="organization_needs_admin",
            )

    def _again(self, key: UUID) -> Member:
        row = self._rows().filter(pk=key).first()
        if row is None:  # deleted since, with the organization or alone
            raise _not_found()
        return _value(row)

    def _is_own(self, row: models.MemberRow) -> bool:
        signed_in = self._scope.signed_in
        return signed_in is not None and signed_in.member.member_id == id_of(row)

    def _require(self, row: models.MemberRow, action: str) -> None:
        require_action(self._scope, action, RESOURCE, SELF if self._is_own(row) else "")

    def _require_fields(self, row: models.MemberRow, changes: MemberChanges) -> None:
        is_own = self._is_own(row)
        if (
            is_own
            and changes.email_address is not None
            and fold_address(changes.email_address) != row.email_address_folded
        ):
            raise Invalid(
                "Members cannot change their own address like this.",
                field="email_address",
                error_type="member_cannot_update_their_email_address",
            )
        require_fields(self._scope, changes, FIELD_ACTIONS, PROJECT_ONLY, RESOURCE, SELF if is_own else "")

    def _move(self, row: models.MemberRow, changes: MemberChanges) -> None:
        """Give the member another address: the old one is kept for them, the password and what was sent there is not."""
        if changes.email_address is None:
            return
        address, former = _checked_address(changes.email_address), row.email_address
        row.email_address = address
        if fold_address(address) == fold_address(former):
            return
        self._refuse_retired(row)
        # They hold at once, in live sessions, and before anyone has shown that the address is theirs.
        self._require_roles(set(email_roles(row.organization, address)) - set(email_roles(row.organization, former)))
        retired = [one for one in row.retired_email_addresses or () if one["folded"] != fold_address(address)]
        if not changes.unlink_email:
            retired.append({"id": str(uuid7()), "email_address": former, "folded": fold_address(former)})
        row.retired_email_addresses = retired[-_MOST_RETIRED:] or None
        row.email_address_verified, row.password = False, ""
        models.SignInLinkRow.objects.filter(organization_id=row.organization_id, member=row).delete()
        end_choices([row.pk])

    def _require_roles(self, gained: Iterable[str]) -> None:
        """Raise Refused where roles grant more than the acting member may do, unless they may give any role."""
        held = self._scope.signed_in
        if held and not self._scope.policy.covers(held.session.roles, gained):
            require_action(self._scope, FIELD_ACTIONS["roles"], RESOURCE)

    def _refuse_retired(self, row: models.MemberRow) -> None:
        """Raise Conflict where the address was another member's, who has not let go of it."""
        wanted = Value([{"folded": fold_address(row.email_address)}], JSONField())
        others = models.MemberRow.objects.filter(
            _HoldsAddress(F("retired_email_addresses"), wanted),
            organization_id=self._scope.organization_id,
            retired_email_addresses__isnull=False,
        )
        if others.exclude(pk=row.pk).exclude(status=MemberStatus.DELETED).exists():
            raise Conflict(
                "Another member had this address, and it is kept for them.",
                field="email_address",
                error_type="retired_member_email",
            )

    def _clear(self, seen: models.MemberRow, action: str, **values: str) -> Member:
        with transaction.atomic():
            row, _ = self._locked(seen)
            for name, value in values.items():
                setattr(row, name, value)
            row.save(update_fields=[*values, "updated_at"])
            if "password" in values:
                end_choices([row.pk])
            self._record(action, row, {}, {})
        return self._again(row.pk)

    def _record(self, action: str, row: models.MemberRow, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        audit.record(
            self._scope.caller,
            action,
            organization_id=row.organization_id,
            target_id=id_of(row),
            target_name=row.email_address,
            before=before,
            after=after,
        )


@dataclass(frozen=True)
class EmbeddedMembersOfProject:
    """Implements portal.directory.project.MembersGateway."""

    def search(
        self,
        organizations: Sequence[Organization],
        operands: Sequence[Operand] = (),
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Found[Member]:
        """Return a page of the members of several organizations. Raises Invalid, InvalidCursor."""
        return search_members(organizations, operands, cursor=cursor, limit=limit)

    def get(self, member_id: str, *, include_deleted: bool = False) -> tuple[Member, Organization]:
        """Return a member of whatever organization, with that. Raises NotFound."""
        row = whole_members().filter(pk=parse_id("member", member_id)).first()
        if row is None or (row.status == MemberStatus.DELETED and not include_deleted):
            raise _not_found()
        if row.organization.deleted_at:
            raise no_organization()
        (organization,) = whole_organizations([row.organization])
        return _value(row), organization


def _value(row: models.MemberRow) -> Member:
    (value,) = member_values([row])
    return value


def _not_found() -> NotFound:
    return NotFound("There is no such member.", field="member_id", error_type="member_not_found")


def _checked_address(text: str) -> str:
    address = text.strip()
    if not address or not is_text(address):
        raise Invalid("Give an e-mail address.", field="email_address", error_type="invalid_email")
    return address


def _set(row: models.MemberRow, changes: MemberChanges) -> None:
    """Put what is given into the row, but for the address. Raises Invalid, Conflict."""
    if changes.name is not None:
        row.name = changes.name.strip()
    if changes.is_breakglass is not None:
        row.is_breakglass = changes.is_breakglass
    if changes.roles is not None:
        row.direct_roles = _checked_roles(changes.roles, row.organization_id)
    if changes.external_id is not None:
        row.external_id = checked_external_id(
            changes.external_id, noun="member", field="external_id", error_type="invalid_argument"
        )
    for name in _METADATA:
        setattr(row, name, merged(getattr(row, name), getattr(changes, name), name))
    _set_mfa(row, changes)
    try:
        check(row)
    except Invalid as error:
        error_type = "invalid_email" if error.field == "email_address" else ""
        raise Invalid(error.detail, field=error.field, error_type=error_type) from None


def _set_mfa(row: models.MemberRow, changes: MemberChanges) -> None:
    number = changes.mfa_phone_number
    if number and number != row.mfa_phone_number:
        if row.mfa_phone_number:
            raise Conflict(
                "The member has a phone number already; delete that one first.",
                field="mfa_phone_number",
                error_type="duplicate_member_phone_number_for_member",
            )
        if not _PHONE_NUMBER.match(number):
            raise Invalid(
                "Give a phone number such as +12025550123.", field="mfa_phone_number", error_type="invalid_phone_number"
            )
        row.mfa_phone_number = number
    if changes.mfa_enrolled is not None:
        row.mfa_enrolled = changes.mfa_enrolled
    if changes.default_mfa_method is not None:
        row.default_mfa_method = _checked_mfa_method(row, changes.default_mfa_method)


def _checked_mfa_method(row: models.MemberRow, method: str) -> str:
    if method not in _MFA_METHODS:
        raise Invalid(
            "default_mfa_method takes sms_otp and totp.",
            field="default_mfa_method",
            error_type="invalid_mfa_default_method",
        )
    if method == "totp" or (method == "sms_otp" and not row.mfa_phone_number):
        raise Invalid(
            "The member has nothing to do that with.",
            field="default_mfa_method",
            error_type="default_mfa_member_missing_factor",
        )
    return method


def _checked_roles(role_ids: Sequence[str], organization_id: UUID) -> list[str]:
    """Return the roles to be given by hand; everybody is stytch_member already. Raises Invalid."""
    if len(role_ids) > _MOST_ROLES:
        raise Invalid(f"A member has {_MOST_ROLES} roles at most.", field="roles", error_type="too_many_roles")
    return [role_id for role_id in check_roles(role_ids, of=organization_id) if role_id != MEMBER_ROLE]


def _is_vouched_for(row: models.MemberRow) -> bool:
    """Say whether the identity provider has the member as an active person."""
    person: models.ScimUserRow | None = getattr(row, "scim_user", None)
    return person is not None and person.active


def _is_named(one: Mapping[str, str], email_id: str, email_address: str) -> bool:
    is_id = not email_id or public_id("email", UUID(one["id"])) == email_id
    return is_id and (not email_address or one["folded"] == fold_address(email_address))


@contextmanager
def _unless_taken(error_type: str = "duplicate_member_email") -> Iterator[None]:
    """Raise the conflict when the database refuses a member because there is one like them."""
    try:
        yield
    except IntegrityError as error:
        if "external_id" in str(error):
            raise Conflict(
                "Another member has this external id.", field="external_id", error_type="duplicate_member_external_id"
            ) from None
        raise Conflict(
            "Another member of the organization has this e-mail address.",
            field="email_address",
            error_type=error_type,
        ) from None


def _described(row: models.MemberRow) -> dict[str, Any]:
    """Return all that can be changed, by Stytch's names."""
    return {
        "email_address": row.email_address,
        "name": row.name,
        "roles": list(row.direct_roles),
        "external_id": row.external_id,
        "is_breakglass": row.is_breakglass,
        "mfa_phone_number": row.mfa_phone_number,
        "mfa_enrolled": row.mfa_enrolled,
        "default_mfa_method": row.default_mfa_method,
        **{name: getattr(row, name) for name in _METADATA},
    }


def _said(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the activity log says of it: of metadata the keys alone, which may be anything."""
    return {name: sorted(value or ()) if name in _METADATA else value for name, value in described.items()}
