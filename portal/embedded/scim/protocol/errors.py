"""The errors of the SCIM server, with the status and scimType of RFC 7644, 3.12."""

from collections.abc import Mapping


class ScimError(Exception):
    """A rejected request. `detail` is a sentence for an admin who reads the identity provider's log."""

    status: int = 400
    scim_type: str = ""
    # Headers of the response. "_" in a name means "-".
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def after_rollback(self) -> None:
        """Store what must be kept of a rejected change. ScimClient.transaction() calls it after the rollback."""


class RequestRejected(ScimError):
    """The request as such is rejected: its token, its size, or at this time."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.headers = status, headers


class InvalidSyntax(ScimError):
    """The body does not have the structure that the request needs."""

    scim_type = "invalidSyntax"


class InvalidFilter(ScimError):
    """The filter has a syntax error, or a comparison that the attribute does not support."""

    scim_type = "invalidFilter"


class TooMany(ScimError):
    """A filter or sort order takes more work than one list may (RFC 7644, table 9)."""

    scim_type = "tooMany"


class InvalidPath(ScimError):
    """The path of a PATCH operation has a syntax error, or names an unknown attribute."""

    scim_type = "invalidPath"


class InvalidValue(ScimError):
    """A value is missing, has the wrong type, or refers to a resource that does not exist."""

    scim_type = "invalidValue"


class NoTarget(ScimError):
    """A PATCH operation has no path, or its path matches nothing."""

    scim_type = "noTarget"


class Mutability(ScimError):
    """The attribute does not allow this change."""

    scim_type = "mutability"


class Uniqueness(ScimError):
    """Another resource has the same unique value."""

    status = 409
    scim_type = "uniqueness"


class ResourceNotFound(ScimError):
    """The connection has no such resource."""

    status = 404


class TooLarge(ScimError):
    """The request exceeds a limit."""

    status = 413


class VersionMismatch(ScimError):
    """The resource has changed since the client read it."""

    status = 412


class InvalidCursor(ScimError):
    """The cursor does not belong to this list (RFC 9865)."""

    scim_type = "invalidCursor"


class ExpiredCursor(ScimError):
    """The cursor has expired (RFC 9865)."""

    scim_type = "expiredCursor"


class InvalidCount(ScimError):
    """The number of results per page is invalid (RFC 9865)."""

    scim_type = "invalidCount"


class NotOffered(ScimError):
    """The service does not implement this part of the protocol."""

    status = 501


class Forbidden(ScimError):
    """The client may not do this."""

    status = 403


class BadReference(ScimError):
    """A bulkId that no operation of the request created (RFC 7644, 3.7.2)."""

    status = 409
    scim_type = "invalidValue"
