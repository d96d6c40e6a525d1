"""Log presenter: a logged request as a sentence with its result and, if it failed, the cause and how to fix it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimAttempt, ScimOutcome, ScimRequest
from scim_admin.causes import Explanation, explain


@dataclass(frozen=True, slots=True)
class _Noun:
    """A resource type in sentences: without a name, with a name, and in the plural."""

    one: str
    named: str
    many: str


# By the first segment of the path.
_NOUNS: Mapping[str, _Noun] = {
    "Users": _Noun("a person", "{}", "people"),
    "Groups": _Noun("a group", "group {}", "groups"),
}
_VERBS: Mapping[str, str] = {"GET": "Read", "POST": "Create", "PUT": "Update", "PATCH": "Change", "DELETE": "Delete"}
_OTHER_TITLES: Mapping[tuple[str, str], str] = {
    ("POST", "Bulk"): "Send several changes at once",
    ("POST", ".search"): "Search for people and groups",
    ("GET", "ServiceProviderConfig"): "Read the capabilities",
    ("GET", "ResourceTypes"): "Read the resource types",
    ("GET", "Schemas"): "Read the schemas",
    ("GET", "Me"): "Read its own account",
}
_ICONS: Mapping[tuple[str, str], str] = {
    ("POST", "User"): "user-plus",
    ("DELETE", "User"): "user-minus",
    ("GET", "User"): "search",
    ("GET", "Group"): "search",
}
# By the actions of the activity log.
_EFFECTS: Mapping[str, str] = {
    "scim_user.create": "A person would be created",
    "scim_user.update": "A person would change",
    "scim_user.delete": "A person would be deleted",
    "scim_group.create": "A group would be created",
    "scim_group.update": "A group would change",
    "scim_group.delete": "A group would be deleted",
    "scim_connection.safeguard": "Further deactivations would be put on hold",
    "member.create": "A member would be created",
    "member.update": "A member would change",
    "member.link_scim_user": "The identity provider would start to manage a member",
    "member.deactivate": "A member would be deactivated",
    "member.reactivate": "A member would be reactivated",
}
_UNKNOWN = "Unknown request"
_UNKNOWN_ICON = "circle-question-mark"
# Failures that wait for something and aren't mistakes, by their cause.
_WAITING = frozenset({"on_hold", "removal-on-hold", "conflict-waiting", "paused", "too-many-requests"})
_NOT_HERE = frozenset({"unknown-user", "unknown-group"})
_ID = re.compile(r"scim-(user|group)-(live|test)-[0-9a-f-]{36}")
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A logged request as the pages show it: its title and, if it failed with a known cause, the explanation."""

    request: ScimRequest
    title: str
    explanation: Explanation | None

    @property
    def has_succeeded(self) -> bool:
        """Whether the request succeeded."""
        return self.request.outcome is ScimOutcome.SUCCEEDED

    @property
    def is_empty_lookup(self) -> bool:
        """Whether the request looked for one user or group and found none, which isn't a mistake."""
        return self.request.method == "GET" and self.explanation is not None and self.explanation.code in _NOT_HERE

    @property
    def cause(self) -> str:
        """What requests that failed for the same reason have in common."""
        if self.explanation:
            return self.explanation.code
        return f"{self.request.status} {self.request.scim_type} {self.request.detail}"

    @property
    def tone(self) -> str:
        """The tone of its result; "" if nothing needs attention."""
        if self.has_succeeded or self.is_empty_lookup:
            return ""
        return "warning" if self.explanation and self.explanation.code in _WAITING else "danger"

    @property
    def is_change(self) -> bool:
        """Whether the request was meant to change something."""
        return self.request.method in {"POST", "PUT", "PATCH", "DELETE"} and not self.request.path.endswith(".search")

    @property
    def icon(self) -> str:
        """The name of an icon for what the request does."""
        if self.title == _UNKNOWN:
            return _UNKNOWN_ICON
        attempt, resource_type = self.request.attempt, self.request.resource_type
        if attempt and attempt.activates is False and not attempt.changes_more:
            return "user-minus"
        found = _ICONS.get((self.request.method, resource_type))
        return found or {"User": "user-pen", "Group": "users-round"}.get(resource_type, "list")

    @property
    def short_path(self) -> str:
        """The path without ids, because the page names the user or group next to it."""
        return _ID.sub("…", self.request.path) or "/"

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the attributes that changed; the URN of the enterprise extension in words."""
        names = self.request.changed_attributes
        return tuple("enterprise attributes" if name == _ENTERPRISE else name for name in names)


def log_entry(request: ScimRequest, identity_provider: ScimIdentityProvider) -> LogEntry:
    """Return a request in words; the explanation uses the identity provider's own terms."""
    return LogEntry(request, request_title(request), explain(request, identity_provider))


def request_title(request: ScimRequest) -> str:
    """Return what a request does as a short imperative, with the name of its user or group if that's known."""
    first, _, rest = request.path.strip("/").partition("/")
    if first in _NOUNS:
        return _resource_title(request, _NOUNS[first], rest)
    return _OTHER_TITLES.get((request.method, first), _UNKNOWN)


def effect(action: str) -> str:
    """Return an action that a dry run found, as a sentence without a period."""
    return _EFFECTS.get(action, action)


def _resource_title(request: ScimRequest, noun: _Noun, rest: str) -> str:
    if request.method not in _VERBS or "/" in rest or rest in _NOUNS:
        return _UNKNOWN
    verb = _VERBS[request.method]
    if request.method == "POST" and rest:
        return f"Search for {noun.many}" if rest == ".search" else _UNKNOWN
    if rest or request.method == "POST":
        return _change_title(request, noun) or f"{verb} {_object(request, noun)}"
    if request.method != "GET":
        return f"{verb} all {noun.many}"
    return f"Look for {noun.one}" if re.search(r"(^|&)filter=", request.query) else f"List {noun.many}"


def _object(request: ScimRequest, noun: _Noun) -> str:
    """Return the user or group by its current name, else by the name that the request gives it, else as "a person"."""
    name = request.resource_name
    if not name and request.subject and request.subject not in request.path:
        name = request.subject
    return noun.named.format(name) if name else noun.one


def _change_title(request: ScimRequest, noun: _Noun) -> str:
    """Return a change in the words of what it's for, such as "Deactivate Pia Patel"; "" if it's for anything else."""
    attempt, changed = request.attempt, request.changed_attributes
    if attempt is None:
        return ""
    is_only = not attempt.changes_more or changed == ("active",)
    if attempt.activates is not None and is_only and not _changes_group(attempt) and not attempt.renames:
        return f"{'Reactivate' if attempt.activates else 'Deactivate'} {_object(request, noun)}"
    if request.resource_type != "Group" or attempt.changes_more or attempt.activates is not None:
        return ""
    if attempt.renames:
        return "" if _changes_group(attempt) else f"Rename {_object(request, noun)}"
    return _membership_title(attempt, request.resource_name or noun.one)


def _changes_group(attempt: ScimAttempt) -> bool:
    return bool(attempt.members_added or attempt.members_removed)


def _membership_title(attempt: ScimAttempt, group: str) -> str:
    if attempt.members_added and attempt.members_removed:
        return f"Change the members of {group}"
    if attempt.members_added:
        return f"Add {_members(attempt.members_added)} to {group}"
    return f"Remove {_members(attempt.members_removed)} from {group}" if attempt.members_removed else ""


def _members(number: int) -> str:
    return f"{number:,} member{'' if number == 1 else 's'}"
