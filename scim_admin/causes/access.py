"""Causes in the token or the URL: no request of the connection succeeds."""

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimRejection
from scim_admin.causes.cause import Cause, Sign

_ENTER_ADDRESS = (
    "In {settings}, copy the base URL from the SCIM page into “{base_url}” again, with nothing before or after it, "
    "save, and {test}."
)
_PASTE_AGAIN = "In {settings}, enter the connection's token as “{token}”, save, and {test}."
_ROTATE = "Rotate the token on the SCIM page, enter the new one in {settings} as “{token}”, save, and {test}."

ACCESS = (
    Cause(
        "no-token",
        "No token was sent",
        Sign(rejection=ScimRejection.NO_TOKEN),
        "The request has no Authorization header, so we can't tell where it comes from.",
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
        "The Authorization header doesn't begin with the word “Bearer” and a space.",
        "In {settings}, choose a bearer token for authentication. If you enter the whole header, write Bearer, a "
        "space, and the token. Save, and {test}.",
        {
            ScimIdentityProvider.OKTA: "In {settings}, set Authentication Mode to HTTP Header. Okta then writes Bearer itself. Basic Auth "
            "isn't supported. Save, and {test}.",
            ScimIdentityProvider.RIPPLING: "In {settings}, set Authorization Method to Bearer Token, and {test}.",
        },
    ),
    Cause(
        "unknown-token",
        "The token is unknown",
        Sign(rejection=ScimRejection.UNKNOWN_TOKEN),
        "We never created the token that {name} sent. It may have been cut off when it was copied, or belong to "
        "another product.",
        "Compare the last four characters of the token with those on the SCIM page. If they differ, or you no longer "
        "have the token, rotate it there and enter the new one in {settings} as “{token}”. Then {test}.",
    ),
    Cause(
        "expired-token",
        "The token has expired",
        Sign(rejection=ScimRejection.EXPIRED_TOKEN),
        "Tokens are valid for a year. Until you enter a new one, {name} can't change anyone here, and people who "
        "leave keep their access.",
        _ROTATE,
    ),
    Cause(
        "revoked-token",
        "The token was revoked",
        Sign(rejection=ScimRejection.REVOKED_TOKEN),
        "{name} still sends the token from before the last rotation.",
        "In {settings}, enter the new token as “{token}”, and {test}. If you no longer have it, rotate the token "
        "again on the SCIM page.",
    ),
    Cause(
        "foreign-token",
        "The token belongs to another connection",
        Sign(rejection=ScimRejection.FOREIGN_TOKEN),
        "The URL belongs to this connection, but the token belongs to another one.",
        _PASTE_AGAIN + " If a connection was deleted and created again, it has a new token.",
    ),
    Cause(
        "other-address",
        "The URL belongs to another connection",
        Sign(rejection=ScimRejection.OTHER_ADDRESS),
        "{name} sent this connection's token to the URL of another connection.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "no-connection-id",
        "The URL doesn't name the connection",
        Sign(rejection=ScimRejection.NO_CONNECTION_ID),
        "The connection's ID is missing from the URL. “{base_url}” was cut off or changed.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "connection-deleted",
        "The connection was deleted",
        Sign(rejection=ScimRejection.CONNECTION_DELETED),
        "{name} still sends requests to a connection that was deleted here.",
        "Turn provisioning off in {settings}, or enter the base URL and the token of the connection that replaced it.",
    ),
    Cause(
        "plain-http",
        "The URL begins with http, not https",
        Sign(rejection=ScimRejection.PLAIN_HTTP),
        "{name} sent the token over the network unencrypted. We rejected the request, but someone may have read the token.",
        "In {settings}, change “{base_url}” so that it begins with https://, and save. Then rotate the token on the "
        "SCIM page, enter the new one as “{token}”, and {test}.",
    ),
    Cause(
        "wrong-prefix",
        "The beginning of the URL is wrong",
        Sign(status=404, detail="^There is no SCIM service at this (address|URL)"),
        "The URL names the connection, but the part before its ID differs from the base URL.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "doubled-base-url",
        "The URL contains the base URL twice",
        Sign(status=404, path=r"scim-connection-(live|test)-"),
        "{name} adds its own path to “{base_url}”, and the value there was already complete.",
        _ENTER_ADDRESS,
    ),
    Cause(
        "query-in-base-url",
        "The URL has a question mark in the middle",
        Sign(status=404, path=r"^/?$", has_query=True),
        "{name} adds /Users and /Groups to the URL that you entered. After a question mark, they have no effect.",
        "In {settings}, remove the question mark and everything after it from “{base_url}”, save, and {test}. "
        "?aadOptscim062020 is only for Microsoft Entra.",
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "In {settings}, copy the base URL from the SCIM page into “{base_url}” "
            "again. It ends in ?aadOptscim062020, with nothing after it. Save, and {test}."
        },
    ),
    Cause(
        "base-url-alone",
        "The URL has no /Users or /Groups",
        Sign(status=404, path=r"^/?$"),
        "The base URL itself has no content. People are at /Users, and groups are at /Groups.",
        "You can ignore a single request, such as that of a browser. If {name} itself sends it, it expects a URL that "
        "ends in /Users or /Groups. In {settings}, look for a separate field for each of them.",
    ),
    Cause(
        "doubled-endpoint",
        "The URL ends in /Users or /Groups twice",
        Sign(path=r"(?i)^/+(users|groups)/+(users|groups)\b"),
        "{name} adds /Users and /Groups itself, and “{base_url}” ends in one of them already.",
        "In {settings}, remove /Users or /Groups from the end of “{base_url}”, save, and {test}.",
    ),
    Cause(
        "scim-v2-appended",
        "The URL has an extra /scim or /v2",
        Sign(status=404, path=r"(?i)^/+(scim|v[12])(/|$)"),
        "After the connection's ID, the URL has a part that doesn't belong there, such as /scim/v2.",
        "In {settings}, remove /scim, /v2 or /scim/v2 from the end of “{base_url}”, so that it ends with the ID. Save, and "
        "{test}.",
    ),
    Cause(
        "endpoint-spelling",
        "The URL is misspelled",
        Sign(
            status=404,
            detail="^There is no endpoint",
            path=r"(?i)^/(users?|groups?|schemas?|bulk|serviceproviderconfigs?|resourcetypes?)(/|$)",
        ),
        "SCIM URLs are case-sensitive: /Users and /Groups, in the plural and with a capital letter.",
        "If {settings} has separate fields for the URLs of people and groups, enter /Users and /Groups there, save, and "
        "{test}.",
    ),
    Cause(
        "unknown-endpoint",
        "The URL doesn't exist",
        Sign(status=404, detail="^There is no endpoint"),
        "{name} requested a URL below the base URL that SCIM doesn't define, or that we don't support.",
        "Check that “{base_url}” in {settings} is exactly the base URL on the SCIM page. If it is, {name} is trying "
        "an extension of its own, and you can ignore the request as long as people and groups arrive.",
    ),
)
