"""Log presenter: a logged request in words, with what it does and, if it failed, the cause and how to fix it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimOutcome, ScimRequest
from scim_admin.causes import Explanation, explain

# By the first segment of the path: singular and plural.
_NOUNS: Mapping[str, tuple[str, str]] = {"Users": ("a person", "people"), "Groups": ("a group", "groups")}
_VERBS: Mapping[str, str] = {"GET": "Read", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}
_OTHER_TITLES: Mapping[tuple[str, str], str] = {
    ("POST", "Bulk"): "Send several changes at once",
    ("POST", ".search"): "Search for people and groups",
    ("GET", "ServiceProviderConfig"): "Read the capabilities",
    ("GET", "ResourceTypes"): "Read the resource types",
    ("GET", "Schemas"): "Read the schemas",
    ("GET", "Me"): "Read its own account",
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
    "member.link_scim_user": "The identity provider would manage a member from then on",
    "member.deactivate": "A member would be deactivated",
    "member.reactivate": "A member would be active again",
}
_UNKNOWN = "Request a URL that doesn’t exist"
_NOT_FOUND = 404
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
        return self.request.method == "GET" and self.request.status == _NOT_FOUND and bool(self.request.resource_type)

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
    """Return what a request does, as a short imperative."""
    first, _, rest = request.path.strip("/").partition("/")
    if first in _NOUNS:
        return _resource_title(request, *_NOUNS[first], rest)
    return _OTHER_TITLES.get((request.method, first), _UNKNOWN)


def effect(action: str) -> str:
    """Return an action that a dry run found, as a sentence without a period."""
    return _EFFECTS.get(action, action)


def _resource_title(request: ScimRequest, singular: str, plural: str, rest: str) -> str:
    if request.method == "POST":
        return {"": f"Create {singular}", ".search": f"Search for {plural}"}.get(rest, _UNKNOWN)
    if request.method not in _VERBS or "/" in rest or rest in _NOUNS:
        return _UNKNOWN
    if rest:
        return f"{_VERBS[request.method]} {singular}"
    if request.method != "GET":
        return f"{_VERBS[request.method]} all {plural}"
    return f"Look for {singular}" if re.search(r"(^|&)filter=", request.query) else f"List {plural}"
