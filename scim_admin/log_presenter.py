"""A call of the log in words: what was asked, and for a refused one why it was refused and what helps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimOutcome, ScimRequest
from scim_admin.causes import Explanation, explain

# By what stands first in the path, one and several.
_NOUNS: Mapping[str, tuple[str, str]] = {"Users": ("a person", "people"), "Groups": ("a group", "groups")}
_VERBS: Mapping[str, str] = {"GET": "Read", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}
_OTHERS: Mapping[tuple[str, str], str] = {
    ("POST", "Bulk"): "Send several changes at once",
    ("POST", ".search"): "Search for people and groups",
    ("GET", "ServiceProviderConfig"): "Ask what is offered",
    ("GET", "ResourceTypes"): "Ask what is offered",
    ("GET", "Schemas"): "Ask which attributes there are",
    ("GET", "Me"): "Ask who it is",
}
# By what the activity log calls them.
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
class Call:
    """A call of the log, what it asked, and for a refused one what was the matter."""

    entry: ScimRequest
    asked: str
    explanation: Explanation | None

    @property
    def has_succeeded(self) -> bool:
        """Whether it did what it was made for."""
        return self.entry.outcome is ScimOutcome.SUCCEEDED

    @property
    def found_nobody(self) -> bool:
        """Whether it looked for one person or group and found none, which is no mistake."""
        return self.entry.method == "GET" and self.entry.status == _NOT_FOUND and bool(self.entry.resource_type)

    @property
    def address(self) -> str:
        """What was called, short: whose id it names is said beside it."""
        return _ID.sub("…", self.entry.path) or "/"

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the attributes that it changed, the extension's for one of its own."""
        return tuple("enterprise attributes" if name == _ENTERPRISE else name for name in self.entry.changed_attributes)


def call_of(entry: ScimRequest, identity_provider: ScimIdentityProvider) -> Call:
    """Return a call in words; what helps is said in the identity provider's."""
    return Call(entry, asked(entry), explain(entry, identity_provider))


def asked(entry: ScimRequest) -> str:
    """Return what a call wanted, as a short imperative."""
    first, _, rest = entry.path.strip("/").partition("/")
    if first in _NOUNS:
        return _asked_of(entry, *_NOUNS[first], rest)
    return _OTHERS.get((entry.method, first), _UNKNOWN)


def effect(action: str) -> str:
    """Return what a trial found that a call would do, as a sentence without its end."""
    return _EFFECTS.get(action, action)


def _asked_of(entry: ScimRequest, one: str, several: str, rest: str) -> str:
    if entry.method == "POST":
        return {"": f"Create {one}", ".search": f"Search for {several}"}.get(rest, _UNKNOWN)
    if entry.method not in _VERBS or "/" in rest or rest in _NOUNS:
        return _UNKNOWN
    if rest:
        return f"{_VERBS[entry.method]} {one}"
    if entry.method != "GET":
        return f"{_VERBS[entry.method]} all {several}"
    return f"Look for {one}" if re.search(r"(^|&)filter=", entry.query) else f"List {several}"
