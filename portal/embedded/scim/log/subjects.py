"""The subject of a failed request: the name it gives the user or group it is about, kept unmasked so that admins find them."""

from collections.abc import Iterator, Mapping
from typing import Any

# Attributes that can name the subject, the best first.
_NAMES = {"User": ("username", "displayname", "name", "emails", "externalid"), "Group": ("displayname", "externalid")}
_MAX_OPERATIONS = 100

Body = Mapping[str, Any]


def find_subject(body: Body | None, resource_type: str) -> str:
    """Return the first that a body has of userName, displayName, name, email address and externalId; "" if none."""
    documents = list(_documents(body or {}))
    for name in _NAMES.get(resource_type, ()):
        for document in documents:
            if text := _as_text(document.get(name)):
                return text
    return ""


def _documents(body: Body) -> Iterator[Body]:
    """Yield the body, then the attributes that its PATCH operations set (RFC 7644, 3.5.2), all with lower-case names."""
    document = _lower_names(body)
    yield document
    operations = document.get("operations")
    for operation in operations[:_MAX_OPERATIONS] if isinstance(operations, list) else ():
        if isinstance(operation, Mapping):
            change = _lower_names(operation)
            path, value = change.get("path"), change.get("value")
            yield _lower_names(value) if isinstance(value, Mapping) and not path else {str(path).lower(): value}


def _lower_names(document: Body) -> Body:
    return {str(name).lower(): value for name, value in document.items()}


def _as_text(value: Any) -> str:
    """Return the value of a name attribute as one text: the first of several values, the parts of a name joined."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return _as_text(value[0]) if value else ""
    if isinstance(value, Mapping):
        parts = _lower_names(value)
        whole = _as_text(parts.get("formatted")) or _as_text(parts.get("value"))
        return whole or " ".join(filter(None, (_as_text(parts.get("givenname")), _as_text(parts.get("familyname")))))
    return ""
