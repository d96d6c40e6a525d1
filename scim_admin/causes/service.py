"""Causes in this service rather than in the request."""

from portal.directory.scim.log import ScimRejection
from scim_admin.causes.cause import Cause, Sign

_RETRIES = "You don't need to do anything: {name} tries again automatically. "

SERVICE = (
    Cause(
        "paused",
        "The connection is paused",
        Sign(rejection=ScimRejection.PAUSED),
        "An admin of your organization has paused the connection, so we ask {name} to try again later. The request had no "
        "effect, and no one has lost access.",
        "Resume the connection on the SCIM page. {name} then tries again automatically. To speed it up, {resend}.",
    ),
    Cause(
        "too-many-requests",
        "Too many requests at once",
        Sign(status=429),
        "{name} sent more requests in a minute than a connection may. Each response said when to try again.",
        _RETRIES + "If it lasts for hours, ask the operator of this portal to raise the rate limit.",
    ),
    Cause(
        "on_hold",
        "On hold until an admin decides",
        Sign(status=503, detail="^Many people were deactivated within an hour"),
        "{name} deactivated many people within an hour, so the deactivation safeguard put further deactivations on hold. These "
        "people may have left, or a filter or group in {name} may be wrong.",
        "Open Needs attention on the SCIM page, check who is on hold, and decide. After you approve, {resend}.",
    ),
    Cause(
        "removal-on-hold",
        "On hold until an admin decides",
        Sign(status=503, detail="^The request takes .* who lose its roles"),
        "With one request, {name} took many people out of a group that grants roles, or deleted the group. A filter "
        "or a group rule in {name} may be wrong, so the deactivation safeguard put the request on hold.",
        "Open Needs attention on the SCIM page, check the group, and decide. After you approve, {resend}.",
    ),
    Cause(
        "unavailable",
        "The service was unavailable",
        Sign(status=503),
        "The database was unavailable, two requests conflicted, or the portal was under maintenance.",
        _RETRIES + "If it happens often, give the request ID to the operator of this portal.",
    ),
    Cause(
        "internal-error",
        "Something went wrong on our side",
        Sign(status=500),
        "An error occurred here. No changes were saved.",
        "Give the request ID to the operator of this portal, who can look up what happened. Then {resend}.",
    ),
    Cause(
        "method-not-offered",
        "The method isn't supported at this URL",
        Sign(status=405),
        "The URL exists, but not for this kind of request. For example, no one can delete all people at once.",
        "You can ignore this as long as people and groups arrive. If it happens often, look in {settings} for an "
        "option that doesn't fit SCIM 2.0.",
    ),
    Cause(
        "me-not-offered",
        "/Me isn't supported",
        Sign(status=501),
        "/Me means the person who sends the request, and a connection isn't a person.",
        "You don't need to do anything: {name} finds people at /Users.",
    ),
    Cause(
        "discovery-filtered",
        "Schemas can't be filtered",
        Sign(status=403, detail="cannot be filtered"),
        "{name} asked for some of the schemas or resource types with a filter, which SCIM forbids (RFC 7644, 4).",
        "You don't need to do anything: {name} can read all of them.",
    ),
    Cause(
        "version-mismatch",
        "Changed in the meantime",
        Sign(status=412),
        "{name} tried to change a version that was no longer the current one. Nothing was overwritten.",
        _RETRIES + "It reads the current version first. To speed it up, {resend}.",
    ),
    Cause(
        "expired-cursor",
        "A long list was interrupted",
        Sign(scim_type="expiredCursor"),
        "{name} requested the next page of a list more than an hour after the page before.",
        _RETRIES + "It starts the list again.",
    ),
    Cause(
        "invalid-cursor",
        "Invalid cursor",
        Sign(scim_type="invalidCursor"),
        "{name} requested the next page of a list with a cursor that it didn't get from us, or with other parameters.",
        "To start the list again, {resend}. If it happens each time, report it to the vendor of {name}.",
    ),
    Cause(
        "invalid-count",
        "The page size isn't a number",
        Sign(scim_type="invalidCount"),
        "{name} requested a page of a list with a size that isn't a whole number.",
        "Look in {settings} for a page size, and set a number such as 100.",
    ),
)
