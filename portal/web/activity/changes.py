"""What changed, before and after, as rows of a table."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.directory.activity import ActivityEntry
from portal.web.times import exact

_MAX_LENGTH = 300
# As datetime.isoformat() writes what the log stores.
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?\+00:00")
# Abbreviations, which no capital letter begins alone.
_NAMES: Mapping[str, str] = {
    "externalId": "External ID",
    "external_id": "External ID",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": "Work",
    "is_breakglass": "Emergency access",
    "is_by_backend": "Through a product’s backend",
    "is_new_device": "New device",
    "is_remembered_device": "Remembered device",
    "allowed_auth_methods": "Allowed sign-in methods",
    "allowed_mfa_methods": "Accepted second factors",
    "allowed_oauth_tenants": "Allowed GitHub, Slack and HubSpot organizations",
    "auth_methods": "Sign-in methods",
    "email_allowed_domains": "Email domains",
    "email_invites": "Invitations",
    "parent_origin": "Origin of the page around it",
    "email_jit_provisioning": "Joining by email domain",
    "mfa_methods": "Second factors",
    "mfa_policy": "Second factor",
    "mfa_required_for_admins": "Second factor required for admins",
    "mfa_enrolled": "Multi-factor authentication",
    "mfa_phone_number": "Phone number",
    "members_joined": "People who joined",
    "members_left": "People who left",
    "name": "Name",
    "oauth_tenant_jit_provisioning": "Joining with a GitHub, Slack or HubSpot account",
    "organization_logo_url": "Logo",
    "organization_slug": "Slug",
    "rbac_email_implicit_role_assignments": "Roles by email domain",
    "remembered_device_days": "Days that a device is remembered",
    "safeguard_minimum": "Never hold fewer than",
    "safeguard_share": "Share of people within an hour, in percent",
    "session_duration_minutes": "Minutes after signing in",
    "session_idle_minutes": "Minutes without use",
    "sha256": "SHA-256",
    "sso_jit_provisioning": "Joining by single sign-on",
    "userName": "User name",
    "user_name": "User name",
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value, or one of several, and whether it is on this side only."""

    text: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A field with its values before and after. A list has one for each item."""

    name: str
    before: tuple[Value, ...]
    after: tuple[Value, ...]


def changes(entry: ActivityEntry) -> tuple[Change, ...]:
    """Return the fields that an entry has before or after, in the order in which it has them."""
    return tuple(_changes(entry.before, entry.after))


def field_name(name: str) -> str:
    """Return the name of a field as people read it: "display_name" and "displayName" are "Display name"."""
    if name in _NAMES:
        return _NAMES[name]
    # A schema's URN says no more to a person than its last part.
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name.rpartition(":")[2])
    words = " ".join(words.replace("_", " ").replace(".", " ").split())
    return words[:1].upper() + words[1:]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        old, new = (_texts(state.get(name)) for state in (before, after))
        yield Change(
            field_name(name),
            tuple(Value(text, text not in new) for text in old),
            tuple(Value(text, text not in old) for text in new),
        )


def _texts(value: object) -> tuple[str, ...]:
    """Return a value as texts: one, or one for each item of a list; none if it is empty."""
    if value is None or value in ("", [], {}):
        return ()
    if isinstance(value, Mapping) and all(part == "" for part in value.values()):
        return ()
    if isinstance(value, list):
        return tuple(_text(one) for one in value)
    return (_text(value),)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        # How many people joined or left, and the IDs of the first.
        if isinstance(value.get("number"), int):
            return f"{value['number']:,}"
        if isinstance(value.get("value"), str):
            return _cut(value["value"])
        # The parts of a theme that are inherited are empty.
        return _cut(", ".join(f"{field_name(name)}: {_text(part)}" for name, part in value.items() if part != ""))
    if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
        return exact(datetime.fromisoformat(value))
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"
