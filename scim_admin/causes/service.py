"""What has to do with this service rather than with what was sent."""

from portal.directory.scim.log import ScimRejection
from scim_admin.causes.cause import Cause, Sign

_BY_ITSELF = "Nothing needs to be done: {name} tries again by itself. "

SERVICE = (
    Cause(
        "paused",
        "The connection is paused",
        Sign(rejection=ScimRejection.PAUSED),
        "An admin of your organization has paused the connection, so {name} is told to come back later. Nothing of the call "
        "was carried out, and nobody has lost access.",
        "Resume the connection on the SCIM page when {name} may go on. It tries again by itself; to hurry it, {resend}.",
    ),
    Cause(
        "too-many-calls",
        "Too many calls at once",
        Sign(status=429),
        "{name} made more calls in a minute than a connection may. Each answer said when to go on.",
        _BY_ITSELF + "If it goes on for hours, ask whoever runs this portal to raise the rate of a connection.",
    ),
    Cause(
        "on_hold",
        "On hold until an admin decides",
        Sign(status=503, detail="^Many people were deactivated within an hour"),
        "{name} deactivated many people within an hour, so the deactivation safeguard put further deactivations on hold. These "
        "people may have left, or a filter or group in {name} may be wrong.",
        "Open Safeguard on the SCIM page, check who is on hold, and decide. After you approve, {resend}.",
    ),
    Cause(
        "removal-on-hold",
        "On hold until an admin decides",
        Sign(status=503, detail="^The request takes .* who lose its roles"),
        "{name} took many people out of a group that grants roles, or deleted the group, by one request. A filter or a "
        "group rule in {name} may be wrong. The deactivation safeguard put the request on hold.",
        "Open Safeguard on the SCIM page, check the group, and decide. After you approve, {resend}.",
    ),
    Cause(
        "unavailable",
        "The service was not available",
        Sign(status=503),
        "The database did not answer, two calls were in each other's way, or the portal was being maintained.",
        _BY_ITSELF + "If it happens often, give the request id to whoever runs this portal.",
    ),
    Cause(
        "internal-error",
        "Something went wrong on our side",
        Sign(status=500),
        "The call met an error in this service. Nothing of it was kept half-way.",
        "Give the request id to whoever runs this portal: with it they find what happened. Then {resend}.",
    ),
    Cause(
        "method-not-offered",
        "This cannot be done at this address",
        Sign(status=405),
        "The address exists, but not for this kind of call; for example, all people cannot be deleted at once.",
        "Nothing needs to be done as long as people and groups arrive. If {name} reports it again and again, look in "
        "{settings} for an option that does not fit SCIM 2.0.",
    ),
    Cause(
        "me-not-offered",
        "/Me is not offered",
        Sign(status=501),
        "/Me is the person who calls, and a connection is no person.",
        "Nothing needs to be done: {name} finds people at /Users.",
    ),
    Cause(
        "discovery-filtered",
        "What the service offers cannot be searched",
        Sign(status=403, detail="cannot be filtered"),
        "{name} asked for a part of the schemas or resource types by a filter, which SCIM forbids (RFC 7644, 4).",
        "Nothing needs to be done: {name} can read them as a whole.",
    ),
    Cause(
        "version-mismatch",
        "It was changed in the meantime",
        Sign(status=412),
        "{name} wanted to change a state that was not the current one any more. Somebody else was faster, so nothing was "
        "overwritten.",
        _BY_ITSELF + "It reads the current state first. To hurry it, {resend}.",
    ),
    Cause(
        "expired-cursor",
        "A long list was interrupted",
        Sign(scim_type="expiredCursor"),
        "{name} wanted the next page of a list more than an hour after the page before.",
        _BY_ITSELF + "It begins the list again.",
    ),
    Cause(
        "invalid-cursor",
        "A page of a list was asked for in a wrong way",
        Sign(scim_type="invalidCursor"),
        "The place in the list that {name} sent back is not one that it got, or it changed the question between two pages.",
        "{resend}: that begins the list again. If it happens each time, report it to the maker of {name}.",
    ),
    Cause(
        "invalid-count",
        "The size of a page is no number",
        Sign(scim_type="invalidCount"),
        "{name} asked for a page of a list with a size that is no whole number.",
        "Look in {settings} for a page size, and set a number such as 100.",
    ),
)
