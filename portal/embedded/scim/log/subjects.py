"""Who or what a failed request is about, as it says itself: the only personal value that the request log keeps."""

from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = {"User": ("username", "displayname", "name", "emails", "externalid"), "Group": ("displayname", "externalid")}
_MOST_OPERATIONS = 100

Body = Mapping[str, Any]


def subject_of(body: Body | None, resource_type: str) -> str:
    """Return the first that the body has of userName, displayName, name, email address and externalId; "" for none."""
    documents = list(_documents(body or {}))
    for name in _NAMES.get(resource_type, ()):
        for document in documents:
            if text := _text(document.get(name)):
                return text
    return ""


def _documents(body: Body) -> Iterator[Body]:
    """Yield the body and what its operations set (RFC 7644, 3.5.2), with lower-case names."""
    document = _lowered(body)
    yield document
    operations = document.get("operations")
    for operation in operations[:_MOST_OPERATIONS] if isinstance(operations, list) else ():
        if isinstance(operation, Mapping):
            change = _lowered(operation)
            path, value = change.get("path"), change.get("value")
            yield _lowered(value) if isinstance(value, Mapping) and not path else {str(path).lower(): value}


def _lowered(document: Body) -> Body:
    return {str(name).lower(): value for name, value in document.items()}


def _text(value: Any) -> str:
    """Return a name as one text, of several values the first."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    if isinstance(value, Mapping):
        parts = _lowered(value)
        whole = _text(parts.get("formatted")) or _text(parts.get("value"))
        return whole or " ".join(filter(None, (_text(parts.get("givenname")), _text(parts.get("familyname")))))
    return ""
