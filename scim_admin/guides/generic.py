"""Any other identity provider that speaks SCIM 2.0."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

GENERIC = Guide(
    key="generic",
    name="Generic SCIM 2.0",
    subject="Your identity provider",
    places=Places(
        settings="the provisioning settings of this application in your identity provider",
        test="test the connection there",
        mapping="its attribute mapping",
        assignments="the people and groups that are assigned to this application",
        resend="start a synchronization there",
    ),
    steps=(
        Step(
            title="Open the provisioning settings",
            actions=(
                (
                    "In your identity provider, open this application, or create one, and find its provisioning. It's "
                    "often called *Provisioning*, *SCIM*, or *User management*."
                ),
                "If it offers several versions, choose *SCIM 2.0*.",
            ),
        ),
        Step(
            title="Enter the URL and the token",
            actions=("Enter these values. The names of the fields may differ:",),
            fields=(
                Field(
                    "SCIM base URL, or endpoint",
                    Entry.BASE_URL,
                    "Your identity provider adds /Users and /Groups itself.",
                ),
                Field("Authentication", "Bearer token, in the Authorization header"),
                Field(
                    "Bearer token",
                    Entry.TOKEN,
                    "If it asks for the whole header, enter Bearer, a space, and the token.",
                ),
                Field("Unique identifier", "userName"),
            ),
            after=("Test the connection there, and save.",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Choose what it changes and sends",
            actions=("Turn on:", "Check that these attributes are mapped:"),
            fields=(
                Field("userName", "The email address"),
                Field("emails", "The email address, with the type work"),
                Field("externalId", "An ID that never changes"),
                Field("name.givenName, name.familyName", "The name"),
                Field("active", "Whether the person may sign in"),
            ),
            ticks=("Create people", "Update people", "Deactivate people", "Push groups"),
        ),
        Step(
            title="Assign people",
            actions=("Assign the people who should have access to the application. Start with one person.",),
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "In your identity provider, open the provisioning settings of this application.",
                "Turn on the provisioning of groups, choose the groups, and start a synchronization.",
            ),
            trap="Many identity providers send only people by default: assigning a group doesn't push it.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Check that access ends",
            actions=("Remove the assignment of your test person.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Most identity providers send changes within minutes, some in cycles of up to an hour.",
    own_log="Look there for a provisioning log. It shows the responses that it got from here.",
    traps=("SCIM 1.1 isn't supported here.",),
    no_groups="Many identity providers send only people until you push groups.",
    empty_groups="Most identity providers add only people who are assigned themselves. Assign the group's people, and "
    "start a synchronization.",
)
