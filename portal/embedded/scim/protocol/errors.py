"""What the SCIM service refuses, with RFC 7644's words for it (3.12, table 9)."""

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
    """The body is not what the request needs."""

    scim_type = "invalidSyntax"


class InvalidFilter(ScimError):
    """The filter cannot be read, or compares what cannot be compared."""

    scim_type = "invalidFilter"


class TooMany(ScimError):
    """A filter or sort order takes more work than the service does for one list (RFC 7644, table 9)."""

    scim_type = "tooMany"


class InvalidPath(ScimError):
    """A PATCH path cannot be read, or names no attribute."""

    scim_type = "invalidPath"


class InvalidValue(ScimError):
    """A value is missing, or of the wrong type, or names something that does not exist."""

    scim_type = "invalidValue"


class NoTarget(ScimError):
    """A PATCH operation needs a path, or its path matches nothing."""

    scim_type = "noTarget"


class Mutability(ScimError):
    """An attribute cannot be changed so."""

    scim_type = "mutability"


class Uniqueness(ScimError):
    """Another resource has the value."""

    status = 409
    scim_type = "uniqueness"


class ResourceNotFound(ScimError):
    """The connection has no such resource."""

    status = 404


class TooLarge(ScimError):
    """The request is larger than a request may be."""

    status = 413


class VersionMismatch(ScimError):
    """The resource is not in the state that the client has seen."""

    status = 412


class InvalidCursor(ScimError):
    """The cursor is not one of this list (RFC 9865)."""

    scim_type = "invalidCursor"


class ExpiredCursor(ScimError):
    """The cursor has expired (RFC 9865)."""

    scim_type = "expiredCursor"


class InvalidCount(ScimError):
    """The number of results per page is not one (RFC 9865)."""

    scim_type = "invalidCount"


class NotOffered(ScimError):
    """The service does not have this part of the protocol."""

    status = 501


class Forbidden(ScimError):
    """The client may not do this."""

    status = 403


class BadReference(ScimError):
    """A bulkId that no operation of the request created (RFC 7644, 3.7.2)."""

    status = 409
    scim_type = "invalidValue"
