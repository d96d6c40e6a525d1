"""What needs attention on the home page: one line for each kind, the most urgent one first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from portal.directory.scim.conflicts import ScimConflict, ScimConflictState
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.health import ScimHealthState
from portal.web.request import PortalRequest
from portal.web.scim.attention import ScimAttention
from portal.web.scim.safeguard import safeguard_of
from portal.web.scim.token_expiry import token_expiry
from portal.web.scim.users_without_access import users_without_access

# Existing members that a line names.
_NAMED = 2


@dataclass(frozen=True, slots=True)
class Item:
    """A line. `kind` selects its words (home/_item_title.html, home/_item_note.html); `mark` names the icon."""

    kind: str
    icon: str
    tone: str
    mark: str
    url: str
    action: str


def attention_context(request: PortalRequest, connection: ScimConnection, health: Any) -> dict[str, Any]:
    """Return the items, what their words need, and how many decisions there are. `health` is that of health_context()."""
    found, scim = ScimAttention(request, connection), request.directory.scim
    context = {
        "attention": found,
        "attention_count": found.number,
        "safeguard": safeguard_of(request, connection),
        "token_expiry": token_expiry(connection),
        "users_without_access": users_without_access(request, connection),
        "has_inbox": bool(scim.safeguard or scim.conflicts or scim.drift),
        "existing_members": _existing_members(request, connection),
    }
    return {**context, "items": _items(request, connection, {**context, **health})}


def _existing_members(request: PortalRequest, connection: ScimConnection) -> tuple[ScimConflict, ...]:
    gateway = request.directory.scim.conflicts
    if gateway is None or not connection.waiting_conflicts:
        return ()
    return gateway.page(connection.connection_id, state=ScimConflictState.WAITING, limit=_NAMED).items


def _items(request: PortalRequest, connection: ScimConnection, context: Mapping[str, Any]) -> tuple[Item, ...]:
    def url(name: str) -> str:
        return reverse(f"scim:{name}", args=[request.signed_in.organization.organization_slug])

    found, expiry = context["attention"], context["token_expiry"]
    state = context["health"].state if "health" in context else None
    has_expired = expiry is not None and expiry.has_expired
    is_unused = state in {ScimHealthState.WAITING, ScimHealthState.VERIFYING}
    failed_url = context.get("failed_requests_url") or url("connection")
    token_url, people_url = f"{url('settings')}#token", f"{url('people')}?state=cannot-sign-in"
    tone = expiry.tone if expiry else ""
    # In order of urgency: what ends access or stops provisioning, then decisions, then what may become a problem.
    lines = (
        (context["safeguard"], Item("hold", "shield-alert", "danger", "Urgent", url("safeguard"), "Review")),
        (has_expired, Item("token", "calendar-clock", "danger", "Urgent", token_url, "Rotate token")),
        (
            state == ScimHealthState.DEGRADED,
            Item("degraded", "circle-alert", "danger", "Urgent", failed_url, "View log"),
        ),
        (connection.paused_at, Item("paused", "circle-pause", "warning", "Paused", url("connection"), "View")),
        (found.existing_members, Item("existing", "user-check", "warning", "Decision", url("conflicts"), "Decide")),
        (context["users_without_access"], Item("no-access", "user-x", "warning", "Warning", people_url, "View people")),
        (connection.attention, Item("rejected", "triangle-alert", "warning", "Warning", failed_url, "View log")),
        (
            state == ScimHealthState.SILENT,
            Item("silent", "triangle-alert", "warning", "Warning", url("log"), "View log"),
        ),
        (expiry and not has_expired, Item("token", "calendar-clock", tone, "Expires soon", token_url, "Rotate token")),
        (found.changed_groups.items, Item("groups", "pencil-line", "info", "Changed", url("drift"), "Check")),
        (found.changed_users.items, Item("users", "pencil-line", "info", "Changed", url("drift"), "Check")),
        (is_unused, Item("unused", "hourglass", "info", "Not in use yet", url("set-up"), "Open guide")),
    )
    return tuple(item for applies, item in lines if applies)
