"""Any other identity provider that speaks SCIM 2.0."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

GENERIC = Guide(
    key="generic",
    name="Generic SCIM 2.0",
    subject="Your identity provider",
    places=Places(
        settings="the provisioning settings of this application in your identity provider",
        test="use its test of the connection",
        mapping="its attribute mapping",
        assignments="the people and groups that are assigned to this application",
        resend="start a synchronization there",
    ),
    steps=(
        Step(
            title="Open the provisioning settings",
            actions=(
                (
                    "In your identity provider, open this application, or create one, and find its provisioning: often it is called "
                    "*Provisioning*, *SCIM*, or *User management*."
                ),
                "Where you may choose, choose *SCIM 2.0*.",
            ),
        ),
        Step(
            title="Enter the address and the token",
            actions=("Enter these; the names of the fields differ:",),
            fields=(
                Field("SCIM base URL, or endpoint", Entry.BASE_URL, "It adds /Users and /Groups itself."),
                Field("Authentication", "Bearer token, in the Authorization header"),
                Field(
                    "Bearer token", Entry.TOKEN, "Where the whole header is entered: Bearer, a space, and the token."
                ),
                Field("Unique identifier", "userName"),
            ),
            after=("Test the connection there, and save.",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Say what it may do, and which attributes it sends",
            actions=("Turn on:", "See that these attributes are mapped:"),
            fields=(
                Field("userName", "The email address"),
                Field("emails", "The email address, of the type work"),
                Field("externalId", "An id that never changes"),
                Field("name.givenName, name.familyName", "The name"),
                Field("active", "Whether the person may sign in"),
            ),
            ticks=("Create people", "Update people", "Deactivate people", "Push groups"),
        ),
        Step(
            title="Assign people",
            actions=("Assign those who may come in to the application. Begin with one person to try it.",),
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
            title="See that leaving works",
            actions=("Remove the assignment of the person that you tried it with.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Most identity providers send changes within minutes, some in cycles of up to an hour.",
    own_log="Look there for a provisioning log: it has the answers that it got from here.",
    traps=("SCIM 1.1 is not understood here.",),
    no_groups="Many identity providers send only people until you push groups.",
    empty_groups="Most identity providers put those into a group who are assigned themselves, too: assign its people, and start a "
    "synchronization.",
)
