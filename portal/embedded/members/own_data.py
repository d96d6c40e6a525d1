"""What is stored about a member, as they download it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from portal.directory.actor import ActorType
from portal.directory.ids import public_id
from portal.directory.sessions import SignedIn
from portal.embedded import models
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.scope import Scope

MAX_ENTRIES = 10_000  # of the activity log, the newest ones
_BROWSER = ("ip_address", "user_agent")
_SESSION = ("started_at", "last_accessed_at", "expires_at", "revoked_at", *_BROWSER, "custom_claims", "embedding")
_TICKET = ("created_at", "expires_at", "used_at", "revoked_at", "embedding")
_PASSKEY = ("name", "is_synced", "created_at", "last_used_at")
_DEVICE = ("created_at", "last_used_at", "expires_at", *_BROWSER)
_ENTRY = ("at", "action", "actor_name", "target_id", "target_name", "before", "after")


def own_data(scope: Scope, holder: SignedIn, key: UUID) -> Mapping[str, Any]:
    """Return everything that is stored about a member, without secrets; `key` is their primary key."""
    organization, member_id = holder.organization, holder.member.member_id
    sessions = scope.of(models.MemberSessionRow).filter(member_id=key).order_by("-started_at")
    passkeys = scope.of(models.PasskeyRow).filter(member_id=key).order_by("pk")
    devices = scope.of(models.RememberedDeviceRow).filter(member_id=key).order_by("pk")
    tickets = scope.of(models.EmbedTicketRow).filter(member_id=key).order_by("-pk")[:MAX_ENTRIES]
    data: Mapping[str, Any] = msgspec.to_builtins(
        {
            "organization": {
                "organization_id": organization.organization_id,
                "organization_name": organization.organization_name,
            },
            "member": EmbeddedMembers(scope).get(member_id),
            "sessions": [
                {"member_session_id": public_id("member-session", one.pk), **_fields(one, _SESSION)} for one in sessions
            ],
            "passkeys": [_fields(one, _PASSKEY) for one in passkeys],
            "remembered_devices": [_fields(one, _DEVICE) for one in devices],
            "embed_tickets": [_fields(one, _TICKET) for one in tickets],
            "activity": [_entry(one, member_id) for one in _activity(scope, member_id)],
        }
    )
    return data


def _activity(scope: Scope, member_id: str) -> Sequence[models.ActivityEntryRow]:
    """Return what the member did and what was done to them, the newest first."""
    entries = scope.of(models.ActivityEntryRow).order_by("-pk")
    done = entries.filter(actor_id=member_id).exclude(actor_type=ActorType.SCIM)[:MAX_ENTRIES]
    about = entries.filter(target_id=member_id)[:MAX_ENTRIES]
    return sorted({one.pk: one for one in (*done, *about)}.values(), key=lambda one: one.pk, reverse=True)


def _entry(row: models.ActivityEntryRow, member_id: str) -> Mapping[str, Any]:
    """Return an entry of the activity log. Of entries by others, it leaves out where they came from."""
    browser = _fields(row, _BROWSER) if row.actor_id == member_id else dict.fromkeys(_BROWSER, "")
    return {**_fields(row, _ENTRY), **browser}


def _fields(row: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
