"""Causes in the content of a request: its format, attributes, values and filters."""

from portal.directory.scim.connection import ScimIdentityProvider
from scim_admin.causes.cause import Cause, Sign

_REPORT = "If it is correct, report the request ID to the vendor of {name}, because the request isn't SCIM 2.0."

SYNTAX = (
    Cause(
        "content-encoding",
        "The body is compressed",
        Sign(status=415, detail="^The body is encoded as"),
        "{name}, or a proxy between {name} and this portal, compressed the body of the request. We read only "
        "uncompressed bodies.",
        "Turn off compression of request bodies in {settings}, or in the proxy. Then {resend}.",
    ),
    Cause(
        "content-type",
        "Wrong content type",
        Sign(status=415),
        "The request doesn't declare its body as JSON (application/scim+json).",
        "In {settings}, look for a content type or a SCIM version. They should be application/scim+json and 2.0. "
        + _REPORT,
    ),
    Cause(
        "not-json",
        "The body isn't JSON",
        Sign(status=400, detail="^The body is not (valid )?JSON|is not a JSON value"),
        "The body of the request is empty, cut off, or not written in JSON.",
        "If a template builds the body in {mapping}, look there for a missing quote or comma. A proxy between {name} and this "
        "portal can also cut it off. " + _REPORT,
        {
            ScimIdentityProvider.ONELOGIN: "On the Configuration tab, look in SCIM JSON Template for a missing quote or "
            "comma. Then {resend}."
        },
    ),
    Cause(
        "not-an-object",
        "The body has an invalid structure",
        Sign(
            status=400,
            detail="^The body (must be a JSON object|names an attribute twice|is nested|has a null character)",
        ),
        "The body is JSON, but not a valid SCIM document. It isn't an object, names an attribute twice, is nested "
        "too deeply, or contains a null character.",
        "If a template builds the body in {mapping}, correct it there. " + _REPORT,
    ),
    Cause(
        "schemas-missing",
        "The schema is missing",
        Sign(status=400, detail='^"schemas" must (hold|contain)'),
        "The body doesn't name the schema of its content.",
        "Look in {settings} for the SCIM version, which must be 2.0. " + _REPORT,
    ),
    Cause(
        "read-only",
        "An attribute can't be changed",
        Sign(scim_type="mutability"),
        "{name} tried to change an attribute that only this portal sets, to change a member of a group in place, or "
        "to remove a required attribute.",
        "In {mapping}, remove the attribute that the error names. Then {resend}.",
    ),
    Cause(
        "no-target",
        "Nothing to change",
        Sign(scim_type="noTarget"),
        "The change selects a value that the person doesn't have, such as a work email address.",
        "In {mapping}, map the attribute that the error names so that it's sent when the person is created, or with "
        "a type that the person has. Then {resend}.",
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "On the SCIM page, check that the identity provider of this connection is Microsoft Entra ID. Such "
            "changes then create the missing value. Then {resend}."
        },
    ),
    Cause(
        "patch-operations",
        "Invalid operations",
        Sign(
            status=400,
            detail='^"Operations" must be|^(An|Each|The) operation (must|")|^"op" must|"remove" has no "value"|^An operation without a "?path'
            '|^"(method|path|data|failOnErrors)" must',
        ),
        "A change must list its operations. Each one is add, replace or remove, with a value where it needs one.",
        "Look in {settings} for the SCIM version, which must be 2.0. " + _REPORT,
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "In {settings}, make sure that “{base_url}” ends in ?aadOptscim062020, as on the SCIM page. Entra then "
            "follows SCIM 2.0. Save, and {test}."
        },
    ),
    Cause(
        "unsupported-attribute",
        "Unknown attribute",
        Sign(scim_type="invalidPath"),
        "{name} sent an attribute that people or groups don't have here, or an unknown part of one.",
        "In {mapping}, remove the attribute that the error names, or correct its spelling. If you need it, ask the "
        "operator of this portal to add it to the connection. Then {resend}.",
    ),
    Cause(
        "invalid-filter",
        "Invalid filter",
        Sign(scim_type="invalidFilter"),
        "{name} searched with a filter that is invalid, or that doesn't fit the attribute.",
        "In {settings}, look for the attribute by which people are matched, and set it to userName. " + _REPORT,
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "In {mapping}, check which attribute has a matching precedence. Use userName for people and displayName "
            "for groups. Then {resend}.",
            ScimIdentityProvider.OKTA: "In {settings}, set Unique identifier field for users to userName, save, and {test}.",
            ScimIdentityProvider.PINGFEDERATE: "In {settings}, set Unique User Identifier to userName, and save.",
        },
    ),
    Cause(
        "list-too-expensive",
        "The search takes too long",
        Sign(scim_type="tooMany"),
        "{name} searched with a filter or a sort order that takes too long. Nothing was changed.",
        "In {mapping}, match people by userName and groups by displayName. One comparison with “eq” is always fast. "
        "Remove custom filters that compare emails, groups or members many times. Then {resend}.",
    ),
    Cause(
        "value-too-long",
        "A value is too long",
        Sign(scim_type="invalidValue", detail="is longer than"),
        "A name or an ID is longer than we can store.",
        "Shorten the value in {name}, or map the attribute that the error names to another one in {mapping}. Then {resend}.",
    ),
    Cause(
        "list-parameters",
        "Invalid list parameters",
        Sign(
            scim_type="invalidValue",
            detail='^"(sortOrder|startIndex|count)" must|^Use either',
        ),
        "The sort order, the page or the attributes of a list are invalid or contradict each other.",
        _REPORT,
    ),
    Cause(
        "wrong-value",
        "A value has the wrong type",
        Sign(scim_type="invalidValue"),
        "An attribute has a value of the wrong type, such as text instead of a number, or a date in another format.",
        "In {mapping}, check what is mapped to the attribute that the error names. Then {resend}.",
    ),
    Cause(
        "syntax",
        "The request isn't valid SCIM",
        Sign(scim_type="invalidSyntax"),
        "We couldn't read the request. The error says which part of it is invalid.",
        "Look in {settings} for the SCIM version, which must be 2.0. " + _REPORT,
    ),
)
