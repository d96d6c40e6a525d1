"""What is wrong with the token or with the address: the connection does not work at all."""

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimRejection
from scim_admin.causes.cause import Cause, Sign

_ENTER_ADDRESS = (
    "In {settings}, copy the base URL from the SCIM page into “{base_url}” once more, with nothing before or behind it, "
    "save, and {test}."
)
_PASTE_AGAIN = "In {settings}, enter the connection's token as “{token}”, save, and {test}."
_ROTATE = "Rotate the token on the SCIM page, enter the new one in {settings} as “{token}”, save, and {test}."

ACCESS = (
    Cause(
        "no-token",
        "No token was sent",
        Sign(rejection=ScimRejection.NO_TOKEN),
        "The call has no Authorization header, so nobody can tell whom it is from.",
        _PASTE_AGAIN,
        {
            ScimIdentityProvider.OKTA: "In {settings}, set Authentication Mode to HTTP Header, enter the connection's token "
            "under Authorization, save, and {test}.",
            ScimIdentityProvider.PINGFEDERATE: "In {settings}, set Authentication Method to OAuth 2 Bearer Token, enter "
            "the connection's token as “{token}”, and save.",
        },
    ),
    Cause(
        "no-bearer",
        "The word “Bearer” is missing",
        Sign(rejection=ScimRejection.NO_BEARER),
        "The Authorization header does not begin with the word “Bearer” and a space.",
        "In {settings}, choose a bearer token as the way to authenticate; where the whole header is entered by hand, "
        "write Bearer, a space, and the token. Save, and {test}.",
        {
            ScimIdentityProvider.OKTA: "In {settings}, set Authentication Mode to HTTP Header: Okta then writes Bearer "
            "itself. Basic Auth is not offered here. Save, and {test}.",
            ScimIdentityProvider.RIPPLING: "In {settings}, set Authorization Method to Bearer Token, and {test}.",
        },
    ),
    Cause(
        "unknown-token",
        "The token is not known",
        Sign(rejection=ScimRejection.UNKNOWN_TOKEN),
        "The token that {name} sent was never made here. Often it was cut when it was copied, or it is that of another "
        "product.",
        "Compare the last four characters of the token with those on the SCIM page. If they differ, or the token is not at "
        "hand any more, rotate it there and enter the new one in {settings} as “{token}”; then {test}.",
    ),
    Cause(
        "expired-token",
        "The token has expired",
        Sign(rejection=ScimRejection.EXPIRED_TOKEN),
        "The token was good for a year, and the year is over. Until there is a new one, {name} changes nobody here.",
        _ROTATE,
    ),
    Cause(
        "revoked-token",
        "The token was revoked",
        Sign(rejection=ScimRejection.REVOKED_TOKEN),
        "{name} sent a token that a rotation has replaced.",
        "Enter the token that the rotation showed in {settings} as “{token}”, and {test}. If it is not at hand any more, "
        "rotate the token once more on the SCIM page.",
    ),
    Cause(
        "foreign-token",
        "The token is that of another connection",
        Sign(rejection=ScimRejection.FOREIGN_TOKEN),
        "The address is that of this connection, but the token was made for another one.",
        _PASTE_AGAIN + " A connection that was deleted and made anew has a new token, too.",
    ),
    Cause(
        "other-address",
        "The address is that of another connection",
        Sign(rejection=ScimRejection.OTHER_ADDRESS),
        "The token is that of this connection, but it was sent to another connection's address.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "no-connection-id",
        "The address does not name the connection",
        Sign(rejection=ScimRejection.NO_CONNECTION_ID),
        "In the address, the connection's id is not where it belongs: “{base_url}” was cut, or a part of it was changed.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "connection-deleted",
        "The connection was deleted",
        Sign(rejection=ScimRejection.CONNECTION_DELETED),
        "{name} still calls a connection that was deleted here.",
        "Turn provisioning off in {settings}, or enter the address and the token of the connection that replaced it.",
    ),
    Cause(
        "plain-http",
        "The address begins with http, not https",
        Sign(rejection=ScimRejection.PLAIN_HTTP),
        "{name} sent the token over the network unencrypted. The call was refused, but whoever listened has the token.",
        "In {settings}, let “{base_url}” begin with https://, and save. Then rotate the token on the SCIM page, enter the new "
        "one as “{token}”, and {test}.",
    ),
    Cause(
        "wrong-prefix",
        "The beginning of the address is wrong",
        Sign(status=404, detail="^There is no SCIM service at this (address|URL)"),
        "The address names the connection, but what stands before its id is not that of the base URL.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "doubled-base-url",
        "The base URL stands in the address twice",
        Sign(status=404, path=r"scim-connection-(live|test)-"),
        "{name} added its own part to an address that was complete already.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "query-in-base-url",
        "The address ends in a question mark and more",
        Sign(status=404, path=r"^/?$", has_query=True),
        "{name} adds /Users and /Groups behind what was entered. Behind a question mark they are lost.",
        "In {settings}, take the question mark and everything behind it out of “{base_url}”, save, and {test}. "
        "?aadOptscim062020 is for Microsoft Entra alone.",
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "In {settings}, copy the base URL from the SCIM page into “{base_url}” "
            "once more; it ends in ?aadOptscim062020, with nothing behind it. Save, and {test}."
        },
    ),
    Cause(
        "base-url-alone",
        "Only the base URL was called",
        Sign(status=404, path=r"^/?$"),
        "Nothing is at the base URL itself: people are at /Users below it, and groups at /Groups.",
        "Nothing needs to be done for a single call, such as that of a browser. If {name} itself calls it, it expects an "
        "address that ends in /Users or /Groups: in {settings}, see whether there is a field of its own for each.",
    ),
    Cause(
        "doubled-endpoint",
        "The address ends in /Users or /Groups twice",
        Sign(path=r"(?i)^/+(users|groups)/+(users|groups)\b"),
        "{name} adds /Users and /Groups itself, and “{base_url}” ends in one of them already.",
        "In {settings}, take /Users or /Groups off the end of “{base_url}”, save, and {test}.",
    ),
    Cause(
        "scim-v2-appended",
        "The address has /scim or /v2 too many",
        Sign(status=404, path=r"(?i)^/+(scim|v[12])(/|$)"),
        "Behind the connection's id stands a part that does not belong there, such as /scim/v2.",
        "In {settings}, let “{base_url}” end with the connection's id: take /scim, /v2 or /scim/v2 off its end. Save, and "
        "{test}.",
    ),
    Cause(
        "endpoint-spelling",
        "The address is spelled in another way",
        Sign(
            status=404,
            detail="^There is no endpoint",
            path=r"(?i)^/(users?|groups?|schemas?|bulk|serviceproviderconfigs?|resourcetypes?)(/|$)",
        ),
        "Addresses are exact in SCIM: /Users and /Groups, in the plural and with a capital.",
        "If {settings} has fields of their own for the addresses of people and groups, write /Users and /Groups there, "
        "save, and {test}.",
    ),
    Cause(
        "unknown-endpoint",
        "There is nothing at this address",
        Sign(status=404, detail="^There is no endpoint"),
        "{name} asked below the base URL for something that SCIM does not have, or that is not offered here.",
        "See that “{base_url}” in {settings} is exactly the base URL on the SCIM page. If it is, {name} tries an extension "
        "of its own, and the call can be ignored as long as people and groups arrive.",
    ),
)
