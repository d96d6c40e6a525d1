"""What products attach to organizations and members: metadata and external IDs."""

import json
import re
from collections.abc import Mapping
from typing import Any

from portal.directory.errors import Invalid
from portal.directory.ids import id_prefix

# Stytch's limits.
MAX_KEYS, MAX_BYTES = 20, 4096
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9._|-]{1,128}\Z")


def merge_metadata(
    before: Mapping[str, Any] | None, given: Mapping[str, Any] | None, field: str
) -> dict[str, Any] | None:
    """Return metadata after a change: keys are replaced, null removes one. Raise Invalid."""
    if given is None:
        return dict(before) if before else None
    after = {name: value for name, value in {**(before or {}), **given}.items() if value is not None}
    if len(after) > MAX_KEYS:
        raise Invalid(f"{field} has more than {MAX_KEYS} keys.", field=field, error_type="metadata_too_many_keys")
    try:
        size = len(json.dumps(after, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError):
        raise Invalid(f"{field} is not valid JSON.", field=field, error_type="metadata_invalid_format") from None
    if size > MAX_BYTES:
        raise Invalid(f"{field} is larger than {MAX_BYTES} bytes.", field=field, error_type="metadata_too_large")
    if "\\u0000" in json.dumps(after):
        raise Invalid("Null characters are not allowed.", field=field, error_type="metadata_invalid_format")
    return after or None


def check_external_id(text: str, *, noun: str, field: str, error_type: str) -> str:
    """Return the external ID of an organization or a member, "" for none. Raise Invalid."""
    if text and not _EXTERNAL_ID.match(text):
        raise Invalid(f"{field} must have 1 to 128 letters, digits or . _ - |", field=field, error_type=error_type)
    if text.startswith(id_prefix(noun)):
        raise Invalid(f"{field} must not start like an ID of Gatehouse.", field=field, error_type=error_type)
    return text
