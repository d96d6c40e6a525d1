"""Rules that organizations and members share: metadata, external ids, texts, and who may change which field."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from portal.directory.errors import Invalid, Refused
from portal.directory.ids import id_prefix
from portal.embedded.scope import Scope

# Stytch: 20 keys, 4 KB.
MOST_KEYS, MOST_BYTES = 20, 4096
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9._|-]{1,128}\Z")


def merged(before: Mapping[str, Any] | None, given: Mapping[str, Any] | None, field: str) -> dict[str, Any] | None:
    """Return metadata after a change: keys are replaced, null takes one away. Raises Invalid."""
    if given is None:
        return dict(before) if before else None
    after = {name: value for name, value in {**(before or {}), **given}.items() if value is not None}
    if len(after) > MOST_KEYS:
        raise Invalid(f"{field} has more than {MOST_KEYS} keys.", field=field, error_type="metadata_too_many_keys")
    try:
        size = len(json.dumps(after, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError):
        raise Invalid(f"{field} is not JSON.", field=field, error_type="metadata_invalid_format") from None
    if size > MOST_BYTES:
        raise Invalid(f"{field} is larger than {MOST_BYTES} bytes.", field=field, error_type="metadata_too_large")
    if "\\u0000" in json.dumps(after):
        raise Invalid("Null characters are not allowed.", field=field, error_type="metadata_invalid_format")
    return after or None


def checked_external_id(text: str, *, noun: str, field: str, error_type: str) -> str:
    """Return what the product calls an organization or a member, "" for nothing. Raises Invalid."""
    if text and not _EXTERNAL_ID.match(text):
        raise Invalid(f"{field} is 1 to 128 letters, digits or . _ - |", field=field, error_type=error_type)
    if text.startswith(id_prefix(noun)):
        raise Invalid(f"{field} must not look like an id of Gatehouse.", field=field, error_type=error_type)
    return text


def require_action(scope: Scope, action: str, resource: str, own: str = "") -> None:
    """Raise Refused unless the member's roles grant the action on a resource, or on their own account if `own` names it.

    There a "*" means what can be done with an account: roles are not among it, so nobody gives themselves any.
    """
    if scope.signed_in is None or not _allows(scope, action, resource, own):
        scope.require(f"{resource}:{action}")


def require_fields(
    scope: Scope, changes: object, actions: Mapping[str, str], project_only: Collection[str], *resources: str
) -> None:
    """Raise Refused unless whoever calls may change every field that is given; `resources` are those of require_action."""
    if scope.signed_in is None:
        scope.require(f"{resources[0]}:update")
        return
    for field in project_only:
        if getattr(changes, field) is not None:
            raise Refused(
                f"{field} can only be changed by the project, not on behalf of a member.",
                field=field,
                error_type="session_authorization_error",
            )
    given = [action for field, action in actions.items() if getattr(changes, field) is not None]
    if actions and not given:
        _require_any(scope, set(actions.values()), *resources)
    for action in given:
        require_action(scope, action, *resources)


def _require_any(scope: Scope, actions: Collection[str], resource: str, own: str = "") -> None:
    """Raise Refused unless one of the actions is allowed: a change of nothing still returns what it leaves as it is."""
    if not any(_allows(scope, action, resource, own) for action in actions):
        raise Refused("Your roles don't allow changing this.")


def _allows(scope: Scope, action: str, resource: str, own: str) -> bool:
    policy, roles = scope.policy, scope.signed_in.session.roles if scope.signed_in else ()
    is_of_account = bool(own) and action in policy.resources[own].actions
    return policy.allows(roles, f"{resource}:{action}") or (is_of_account and policy.allows(roles, f"{own}:{action}"))
