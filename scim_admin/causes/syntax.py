"""Causes in the content of a request: its format, attributes, values and filters."""

from portal.directory.scim.connection import ScimIdentityProvider
from scim_admin.causes.cause import Cause, Sign

_REPORT = "If it is correct, report the request ID to the vendor of {name}, because the request isn't SCIM 2.0."

SYNTAX = (
    Cause(
        "content-encoding",
        "The body is compressed",
        Sign(status=415, detail="^The body is encoded as"),
        "{name}, or a proxy on the way, compressed the body of the request. Request bodies are read uncompressed.",
        "Turn off compression of request bodies in {settings}, or in the proxy between {name} and here. Then {resend}.",
    ),
    Cause(
        "content-type",
        "The body is of the wrong type",
        Sign(status=415),
        "The request doesn't declare its body as JSON (application/scim+json).",
        "Look in {settings} for a content type or a SCIM version: application/scim+json, and 2.0. " + _REPORT,
    ),
    Cause(
        "not-json",
        "The body is not JSON",
        Sign(status=400, detail="^The body is not (valid )?JSON|is not a JSON value"),
        "The body of the request is empty, cut off, or not written in JSON.",
        "If a template makes the body in {mapping}, look there for a missing quote or comma. A proxy between {name} and "
        "here can cut it as well. " + _REPORT,
        {
            ScimIdentityProvider.ONELOGIN: "On the Configuration tab, look in SCIM JSON Template for a missing quote or "
            "comma. Then {resend}."
        },
    ),
    Cause(
        "not-an-object",
        "The body has the wrong form",
        Sign(
            status=400,
            detail="^The body (must be a JSON object|names an attribute twice|is nested|has a null character)",
        ),
        "The body is JSON, but not a document that SCIM can have: no object, an attribute named twice, nested too deep, or a "
        "character that no text can have.",
        "If a template makes the body in {mapping}, correct it there. " + _REPORT,
    ),
    Cause(
        "schemas-missing",
        "The body does not say what it is",
        Sign(status=400, detail='^"schemas" must (hold|contain)'),
        "The body lacks the schema that says what it contains.",
        "Look in {settings} for the SCIM version, which must be 2.0. " + _REPORT,
    ),
    Cause(
        "read-only",
        "An attribute cannot be changed",
        Sign(scim_type="mutability"),
        "{name} wanted to change something that only this service sets, to change a member in place, or to remove a "
        "required attribute.",
        "Take the attribute that the error names out of {mapping}. Then {resend}.",
    ),
    Cause(
        "no-target",
        "There is nothing to change",
        Sign(scim_type="noTarget"),
        "The change names a value by a filter, such as the email address of the type work, and the person has none like it.",
        "In {mapping}, map the attribute that the error names so that it is sent when the person is created, or with the type "
        "that they have. Then {resend}.",
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "See in the SCIM page that this connection is set to Microsoft Entra ID: such "
            "changes then create the value, as Entra expects. Then {resend}."
        },
    ),
    Cause(
        "patch-operations",
        "A change has no proper operations",
        Sign(
            status=400,
            detail='^"Operations" must be|^(An|Each|The) operation (must|")|^"op" must|"remove" has no "value"|^An operation without a "?path'
            '|^"(method|path|data|failOnErrors)" must',
        ),
        "A change must list its operations, each of them add, replace or remove, with a value where it needs one.",
        "Look in {settings} for the SCIM version, which must be 2.0. " + _REPORT,
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "In {settings}, let “{base_url}” end in ?aadOptscim062020, as it does on "
            "the SCIM page: Entra then sends changes as SCIM 2.0 has them. Save, and {test}."
        },
    ),
    Cause(
        "unsupported-attribute",
        "An attribute is not known here",
        Sign(scim_type="invalidPath"),
        "{name} sent an attribute that people and groups do not have here, or a part of one that does not exist.",
        "Take the attribute that the error names out of {mapping}, or correct its spelling. If you need it, ask the operator "
        "of this portal to add it to the connection. Then {resend}.",
    ),
    Cause(
        "invalid-filter",
        "Invalid filter",
        Sign(scim_type="invalidFilter"),
        "{name} searched with a filter that cannot be read, or that compares what cannot be compared.",
        "Look in {settings} for the attribute by which people are matched, and set userName. " + _REPORT,
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "In {mapping}, look which attribute has a matching precedence, and let it be "
            "userName for people and displayName for groups. Then {resend}.",
            ScimIdentityProvider.OKTA: "In {settings}, set Unique identifier field for users to userName, save, and {test}.",
            ScimIdentityProvider.PINGFEDERATE: "In {settings}, set Unique User Identifier to userName, and save.",
        },
    ),
    Cause(
        "list-too-expensive",
        "The search takes too long",
        Sign(scim_type="tooMany"),
        "{name} searched with a filter or a sort order that takes more work than one list may. Nothing was changed.",
        "In {mapping}, match people by userName and groups by displayName: one comparison with “eq” is always fast. "
        "Remove custom filters that compare emails, groups or members many times. Then {resend}.",
    ),
    Cause(
        "value-too-long",
        "A value is too long",
        Sign(scim_type="invalidValue", detail="is longer than"),
        "A name or an id has more characters than can be kept.",
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
        "A value is of the wrong kind",
        Sign(scim_type="invalidValue"),
        "An attribute has a value that it cannot have: a text in place of a number, a word in place of true or false, or a date "
        "in another form.",
        "In {mapping}, look at the attribute that the error names, and at the kind of value that is mapped to it. Then "
        "{resend}.",
    ),
    Cause(
        "syntax",
        "The request isn't valid SCIM",
        Sign(scim_type="invalidSyntax"),
        "We couldn't understand the request. The error says which part of it.",
        "Look in {settings} for the SCIM version, which must be 2.0. " + _REPORT,
    ),
)
