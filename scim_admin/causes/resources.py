"""Causes in the user or group that a request is about, in the members of a group, and in names that are taken."""

from portal.directory.scim.connection import ScimIdentityProvider
from scim_admin.causes.cause import Cause, Sign

RESOURCES = (
    Cause(
        "user-name-taken",
        "User name already in use",
        Sign(status=409, detail="There is (already )?a User with the userName"),
        "Another person in this connection already has this userName. Either someone was assigned twice, or {name} "
        "has lost the link to this person.",
        "Find the person with this userName on the SCIM page, under People. If it's the same person, {resend}: "
        "{name} then links them. If it's someone else, give one of the two a different user name in {mapping}.",
        {
            ScimIdentityProvider.OKTA: "If it's the same person, remove and add their assignment on the Assignments tab. Okta then links them. "
            "If it's someone else, change Application username in the assignment of one of the two."
        },
    ),
    Cause(
        "conflict-waiting",
        "Matches an existing member",
        Sign(status=409, detail="is (already )?a member of the organization( already)?, and was not provisioned"),
        "An existing member has this email address. {name} can manage this member only after an admin approves.",
        "On the SCIM page, open Needs attention. Under Existing members, decide whether {name} should manage this "
        "member. Then {resend}.",
    ),
    Cause(
        "last-admin",
        "This would leave no admin",
        Sign(status=409, detail="else .*an admin first"),
        "The organization would have no admin left, so nothing was changed.",
        "Make someone else an admin, manually or through a group. Then {resend}.",
    ),
    Cause(
        "group-name-taken",
        "Name already in use",
        Sign(status=409, detail="There is (already )?a Group with the displayName"),
        "Another group in this connection already has this name. Upper and lower case don't matter.",
        "Rename one of the two groups in {name}, or delete the one that {name} no longer knows. Then {resend}.",
        {
            ScimIdentityProvider.OKTA: "On the Push Groups tab, choose Link Group instead of Create Group, and pick the existing group. Or "
            "push it under another name.",
            ScimIdentityProvider.MICROSOFT_ENTRA: "Rename one of the two groups in Entra. If both must keep their name, map displayName under "
            "Provisioning › Mappings › Provision Microsoft Entra ID Groups to an expression that tells them apart, "
            'such as Join(" ", [displayName], [mailNickname]). Then {resend}.',
        },
    ),
    Cause(
        "unknown-user",
        "Unknown person",
        Sign(status=404, detail="^There is no User"),
        "{name} asked for a person with an ID that this connection doesn't have. The person was deleted, or the ID "
        "is from another connection or product.",
        "If the person should be here, remove their assignment in {assignments}, and add it again. {name} then "
        "creates them. If they left, there's nothing to do.",
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "If the person should be here, use Restart provisioning, which discards old IDs, or Provision on demand "
            "for this person. If they left, there's nothing to do."
        },
    ),
    Cause(
        "unknown-group",
        "Unknown group",
        Sign(status=404, detail="^There is no Group"),
        "{name} asked for a group with an ID that this connection doesn't have. The group was deleted, or the ID is "
        "from another connection or product.",
        "If the group should be here, remove it from {assignments}, and add it again. {name} then creates it.",
        {
            ScimIdentityProvider.OKTA: "On the Push Groups tab, unlink the pushed group without deleting it, and push it again. Okta then "
            "creates it.",
            ScimIdentityProvider.MICROSOFT_ENTRA: "Use Restart provisioning, which discards old IDs, or Provision on demand for this group.",
        },
    ),
    Cause(
        "unknown-member",
        "A member of the group is unknown",
        Sign(detail="^There is no such User or Group"),
        "{name} added someone to a group who hasn't been created here, so the whole change failed.",
        "Check that everyone in the group is assigned under {assignments}. Then {resend}. If {name} never repeats a failed "
        "change, ask the operator of this portal to ignore unknown members.",
        {
            ScimIdentityProvider.OKTA: "On the Assignments tab, assign everyone in the group, preferably by assigning the group itself. Then "
            "choose Push now on the Push Groups tab."
        },
    ),
    Cause(
        "member-without-id",
        "A member of the group has no ID",
        Sign(detail='^Each (of the|element of) "members" needs a "value"'),
        "A member of the group was sent without an ID, so we can't tell who it is.",
        "In {mapping} of groups, check that members are sent with their ID. Then {resend}.",
    ),
    Cause(
        "group-in-itself",
        "A group can't contain itself",
        Sign(detail="^A group cannot be a member of itself"),
        "{name} tried to add a group to itself.",
        "Take the group out of its own members in {name}. Then {resend}.",
    ),
    Cause(
        "too-many-members",
        "Too many members at once",
        Sign(status=413, detail=r"more than \d+ members"),
        "One request had more members than we accept.",
        "Split the group in {name}, or ask the operator of this portal to raise the limit. Then {resend}.",
    ),
    Cause(
        "too-many-operations",
        "Too many changes at once",
        Sign(status=413, detail="operations"),
        "One request had more operations than we accept.",
        "In {settings}, look for a batch size, and lower it. Otherwise, ask the operator of this portal to raise "
        "the limit.",
    ),
    Cause(
        "resource-too-large",
        "A person or group is too large",
        Sign(status=413, detail=r"elements\.$|characters\.$"),
        "An attribute has too many values, or the attributes of a person or group are too long together. Nothing "
        "was changed.",
        "In {mapping}, stop sending the attribute that the error names, or send fewer values of it. Send photos as "
        "a URL. Then {resend}.",
    ),
    Cause(
        "body-too-large",
        "The request is too large",
        Sign(status=413),
        "The body of the request is larger than we accept. Often it's a group that is sent with all of its members.",
        "In {settings}, look for an option to send only the changes of a group. Otherwise, ask the operator of this "
        "portal to raise the limit.",
    ),
    Cause(
        "user-name-missing",
        "The userName is missing",
        Sign(status=400, detail=r'"userName" (is required\.$|must be (text|a string))'),
        "A person was sent without a userName, which every person needs.",
        "In {mapping}, map userName to an attribute that everyone has, preferably the email address. Check that this person "
        "has a value there. Then {resend}.",
        {
            ScimIdentityProvider.OKTA: "On the Sign On tab, set Application username format to Email, and check that the "
            "person has an email address in Okta. Then {resend}.",
            ScimIdentityProvider.ONELOGIN: "On the Configuration tab, set SCIM Username Format to Email, and check that the "
            "person has an email address in OneLogin. Then {resend}.",
        },
    ),
    Cause(
        "display-name-missing",
        "The name of the group is missing",
        Sign(status=400, detail=r'"displayName" (is required\.$|must be (text|a string))'),
        "A group was sent without a displayName, which every group needs.",
        "In {mapping} of groups, map displayName to the group's name. Then {resend}.",
    ),
)
