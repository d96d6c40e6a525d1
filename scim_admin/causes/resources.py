"""Causes in the user or group that a request is about, in the members of a group, and in names that are taken."""

from portal.directory.scim.connection import ScimIdentityProvider
from scim_admin.causes.cause import Cause, Sign

RESOURCES = (
    Cause(
        "user-name-taken",
        "The userName is taken",
        Sign(status=409, detail="There is (already )?a User with the userName"),
        "Another person of this connection already has the userName. Either someone was assigned twice, or {name} has lost "
        "the link to this person.",
        "Look on the SCIM page for the person with this userName. If it is the same person, {resend}: {name} then finds and "
        "links them. If it is another one, give one of the two a different user name in {mapping}.",
        {
            ScimIdentityProvider.OKTA: "If it is the same person, remove and add their assignment on the Assignments tab: "
            "Okta then finds and links them. If it is another one, change Application username in the assignment of one of "
            "the two."
        },
    ),
    Cause(
        "conflict-waiting",
        "Waits for a decision of yours",
        Sign(status=409, detail="is (already )?a member of the organization( already)?, and was not provisioned"),
        "An existing member has this email address. {name} can manage this member only after an admin approves.",
        "Decide on the SCIM page, under Conflicts, whether {name} manages this member from now on. Then {resend}.",
    ),
    Cause(
        "last-admin",
        "It would leave no admin",
        Sign(status=409, detail="(Somebody else must be made|Make someone else) an admin first"),
        "The organization would have no admin left, so nothing was changed.",
        "Make someone else an admin, manually or through a group. Then {resend}.",
    ),
    Cause(
        "group-name-taken",
        "The name of the group is taken",
        Sign(status=409, detail="There is (already )?a Group with the displayName"),
        "Another group of this connection already has the name. Upper and lower case don't matter.",
        "Rename one of the two groups in {name}, or delete the one here that {name} no longer knows. Then {resend}.",
        {
            ScimIdentityProvider.OKTA: "On the Push Groups tab, choose Link Group instead of Create Group, and pick the "
            "group that is here already; or push it under another name.",
            ScimIdentityProvider.MICROSOFT_ENTRA: "Rename one of the two groups in Entra. If both must keep their name, map "
            "displayName under Provisioning › Mappings › Provision Microsoft Entra ID Groups to an expression that tells them "
            'apart, such as Join(" ", [displayName], [mailNickname]). Then {resend}.',
        },
    ),
    Cause(
        "unknown-user",
        "There is no such person",
        Sign(status=404, detail="^There is no User"),
        "{name} asked for a person by an id that this connection does not have: they were deleted, or the id is from "
        "another connection or another product.",
        "If the person should be here, take away and give back their assignment under {assignments}: {name} then creates "
        "them. If they left, nothing needs to be done.",
        {
            ScimIdentityProvider.MICROSOFT_ENTRA: "If the person should be here, use Restart provisioning, which forgets old "
            "ids, or Provision on demand for this person. If they left, nothing needs to be done."
        },
    ),
    Cause(
        "unknown-group",
        "There is no such group",
        Sign(status=404, detail="^There is no Group"),
        "{name} asked for a group by an id that this connection does not have: it was deleted, or the id is from another "
        "connection or another product.",
        "If the group should be here, take it out of {assignments} and put it back: {name} then creates it.",
        {
            ScimIdentityProvider.OKTA: "On the Push Groups tab, unlink the pushed group without deleting it, and push it "
            "again: Okta then creates it.",
            ScimIdentityProvider.MICROSOFT_ENTRA: "Use Restart provisioning, which forgets old ids, or Provision on demand "
            "for this group.",
        },
    ),
    Cause(
        "unknown-member",
        "A member of the group is not here",
        Sign(detail="^There is no such User or Group"),
        "{name} added someone to a group who hasn't been created here. The whole change of the group failed.",
        "Check that everyone in the group is assigned under {assignments}. Then {resend}. If {name} never repeats a failed "
        "change, ask the operator of this portal to ignore unknown members.",
        {
            ScimIdentityProvider.OKTA: "Assign everyone in the group on the Assignments tab, best by assigning the group "
            "itself; then choose Push now on the Push Groups tab."
        },
    ),
    Cause(
        "member-without-id",
        "A member of the group has no id",
        Sign(detail='^Each (of the|element of) "members" needs a "value"'),
        "A member of the group has no value, so we can't tell who it is.",
        "In {mapping} of groups, check that members are sent with their ID. Then {resend}.",
    ),
    Cause(
        "group-in-itself",
        "A group cannot be in itself",
        Sign(detail="^A group cannot be a member of itself"),
        "{name} wanted to put a group into the same group.",
        "Take the group out of its own members in {name}. Then {resend}.",
    ),
    Cause(
        "too-many-members",
        "Too many members at once",
        Sign(status=413, detail=r"more than \d+ members"),
        "One request had more members than a request may have.",
        "Split the group in {name}, or ask the operator of this portal to raise the limit. Then {resend}.",
    ),
    Cause(
        "too-many-operations",
        "Too many changes at once",
        Sign(status=413, detail="operations"),
        "One request had more operations than a request may have.",
        "Look in {settings} for a batch size, and set a lower one. Otherwise ask the operator of this portal to raise the limit.",
    ),
    Cause(
        "resource-too-large",
        "A person or group is too large",
        Sign(status=413, detail=r"elements\.$|characters\.$"),
        "An attribute has more values than it may have, or all attributes of a person or group together are too long. "
        "Nothing was changed.",
        "In {mapping}, stop sending the attribute that the error names, or send fewer values of it. Photos belong in a URL. "
        "Then {resend}.",
    ),
    Cause(
        "body-too-large",
        "The request is too large",
        Sign(status=413),
        "The body of the request is larger than we accept. Often it is a group that is sent with all of its members.",
        "Let {name} send changes of members instead of the whole group, if it can; see {settings}. Otherwise ask the "
        "operator of this portal to raise the limit.",
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
