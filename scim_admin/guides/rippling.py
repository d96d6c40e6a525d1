"""Rippling: a custom integration with user management via SCIM."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

RIPPLING = Guide(
    key="rippling",
    name="Rippling",
    places=Places(
        settings="the application › Settings › SCIM",
        test="connect the application again, which tests the values",
        mapping="the application › Settings › attributes",
        assignments="the application's access rules",
        resend="choose Retry beside the failed person or group",
    ),
    steps=(
        Step(
            title="Create the integration",
            actions=(
                (
                    "In Rippling, open *IT › Third-Party Access* (in some accounts *Identity Management › Custom App*), choose *Add "
                    "Integration*, and *Create New Custom Integration*."
                ),
                "Give it a name, a category and a logo, tick *User Management via SCIM*, and *Continue*.",
            ),
        ),
        Step(
            title="Enter the address",
            actions=("On the next page, enter:",),
            fields=(
                Field("SCIM Version", "2.0"),
                Field("SCIM Base URL", Entry.BASE_URL),
                Field("SCIM Authorization Method", "Bearer Token"),
                Field("userName", "Email address"),
                Field("Supported SCIM Attributes", "externalId, emails.primary, name.givenName, name.familyName"),
            ),
            ticks=("Supports Groups", "Supports Pagination", "Create & Delete Groups", "Use PATCH to edit Groups"),
            after=("*Continue*.",),
            trap="Leave *Mutually Exclusive Groups* without a tick: a person may be in several groups here.",
        ),
        Step(
            title="Install it, with the token",
            actions=("Choose *Install now*, and say that you install it yourself. Enter:",),
            fields=(Field("Bearer Token", Entry.TOKEN, "The token alone: Rippling writes Bearer before it."),),
            after=(
                "Continue: Rippling reads what is offered here, and says that the connection works.",
                "At *Attribute Mappings*, choose *On user creation and updates* for all attributes.",
            ),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Assign people",
            actions=(
                "At *App Access Rules*, choose who may come in; at *Provision Time*, choose when. Begin with one person to try it.",
                "Rippling lists people and accounts: match those who belong together, and let it create accounts for the others.",
            ),
            trap="*Provision Time* can be a start date in the future: until then no one arrives.",
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "In Rippling, open the application and its *Settings*.",
                (
                    "Turn on group management, and choose which Rippling groups (departments, teams, or rules of your own) become "
                    "groups here."
                ),
                "Save; Rippling sends them within a few minutes.",
            ),
            trap="*App Access Rules* say who comes in; they make no groups.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="See that leaving works",
            actions=("Remove the access of the person that you tried it with, on the application's page.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Rippling sends changes within a few minutes, at the time that *Provision Time* and *Deprovision Time* say.",
    own_log="What Rippling did, and what is waiting, is on the application's *Overview* in Rippling.",
    traps=("Rippling follows employment: people whose last day is set lose access then, not before.",),
    no_groups="Rippling sends groups only where group management is turned on in the application's *Settings*.",
    empty_groups="Rippling puts those into a group who have an account here: look at the *App Access Rules*.",
    reads_discovery=True,
)
