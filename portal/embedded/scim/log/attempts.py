"""What a logged request tries to change, read from the log's copy of its body: booleans, attribute names and IDs aren't masked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from portal.directory.scim.log import ScimAttempt

# Attributes that a PATCH may send along without changing anything (Okta).
_IDENTITY = frozenset({"id", "schemas"})
_NOTHING = ScimAttempt()


def find_attempt(method: str, body: str) -> ScimAttempt | None:
    """Return what a PATCH or PUT tries to change; None for other methods, and if the body is cut or can't be read."""
    if method not in {"PATCH", "PUT"}:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    if not isinstance(document, Mapping):
        return None
    document = _lower_names(document)
    if method == "PUT":
        # It sends every attribute, changed or not.
        return ScimAttempt(activates=_boolean(document.get("active")), changes_more=True)
    attempt = _NOTHING
    for operation, path, value in _operations(document.get("operations")):
        attempt = _with_change(attempt, operation, path, value)
    return attempt if attempt != _NOTHING else None


def _operations(operations: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield operation, attribute and value of each change; an operation without a path has several."""
    for operation in operations if isinstance(operations, list) else ():
        if not isinstance(operation, Mapping):
            continue
        change = _lower_names(operation)
        name, path, value = str(change.get("op", "")).lower(), _attribute(change.get("path")), change.get("value")
        if path:
            yield name, path, value
        elif isinstance(value, Mapping):
            yield from (
                (name, _attribute(path), one) for path, one in value.items() if _attribute(path) not in _IDENTITY
            )


def _with_change(attempt: ScimAttempt, operation: str, path: str, value: Any) -> ScimAttempt:
    if path == "active" and operation != "remove" and (activates := _boolean(value)) is not None:
        return replace(attempt, activates=activates)
    if path == "members" and operation == "add":
        return replace(attempt, members_added=attempt.members_added + _number(value))
    if path == "members" and operation == "remove" and value:
        return replace(attempt, members_removed=attempt.members_removed + _number(value))
    if path.startswith("members[") and operation == "remove":
        return replace(attempt, members_removed=attempt.members_removed + 1)
    if path == "displayname":
        return replace(attempt, renames=True)
    return replace(attempt, changes_more=True)


def _lower_names(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return {str(name).lower(): value for name, value in document.items()}


def _attribute(path: Any) -> str:
    """Return an attribute's path without the schema's URN, in lower case; "" if there is none."""
    text = path.lower() if isinstance(path, str) else ""
    return text.rpartition(":")[2] if text.startswith("urn:") else text


def _boolean(value: Any) -> bool | None:
    """Return a boolean, also one sent as text (Entra) or in a list; None for anything else."""
    if isinstance(value, list) and len(value) == 1:
        return _boolean(value[0].get("value") if isinstance(value[0], Mapping) else value[0])
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _number(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1
