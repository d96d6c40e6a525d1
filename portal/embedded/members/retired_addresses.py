"""Former email addresses of a member, which are kept for them so that no other member gets them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, F, Func, JSONField, Value

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, NotFound
from portal.directory.ids import public_id, uuid7
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.scope import Scope

_MAX_RETIRED = 50


class _HasRetiredAddress(Func):
    """Whether a JSON list of former addresses contains one."""

    template = "%(expressions)s"
    arg_joiner = " @> "
    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:  # noqa: ARG002 -- Django's signature
        """Compile for SQLite, which has no such operator."""
        (values, _none), (wanted, with_wanted) = map(compiler.compile, self.source_expressions)
        inside = f"json_extract(one.value, '$.folded') = json_extract({wanted}, '$[0].folded')"
        return f"EXISTS (SELECT 1 FROM json_each({values}) AS one WHERE {inside})", with_wanted  # noqa: S608 -- compiled


def retire(row: models.MemberRow, former: str) -> None:
    """Keep a former address for the member, "" for none. The address that they have now is no longer a former one."""
    folded = fold_address(row.email_address)
    retired = [one for one in row.retired_email_addresses or () if one["folded"] != folded]
    if former:
        retired.append({"id": str(uuid7()), "email_address": former, "folded": fold_address(former)})
    row.retired_email_addresses = retired[-_MAX_RETIRED:] or None


def release(row: models.MemberRow, *, email_id: str, email_address: str) -> None:
    """Stop keeping a former address, named by its ID, by itself, or both. Raise NotFound."""
    kept = [one for one in row.retired_email_addresses or () if not _matches(one, email_id, email_address)]
    if len(kept) == len(row.retired_email_addresses or ()):
        raise NotFound("The member has no such former address.", error_type="email_not_found")
    row.retired_email_addresses = kept or None


def has_retired(scope: Scope) -> bool:
    """Say whether any address is kept for a member of the organization, so that new ones must be compared."""
    return scope.of(models.MemberRow).filter(retired_email_addresses__isnull=False).exists()


def require_not_retired(scope: Scope, row: models.MemberRow) -> None:
    """Raise Conflict if the member's address is kept for another member who had it."""
    wanted = Value([{"folded": fold_address(row.email_address)}], JSONField())
    others = scope.of(models.MemberRow).filter(
        _HasRetiredAddress(F("retired_email_addresses"), wanted), retired_email_addresses__isnull=False
    )
    if others.exclude(pk=row.pk).exclude(status=MemberStatus.DELETED).exists():
        raise Conflict(
            "Another member had this address, and it is kept for them.",
            field="email_address",
            error_type="retired_member_email",
        )


def _matches(one: Mapping[str, str], email_id: str, email_address: str) -> bool:
    is_id = not email_id or public_id("email", UUID(one["id"])) == email_id
    return is_id and (not email_address or one["folded"] == fold_address(email_address))
