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
        resend="choose Retry next to the failed person or group",
    ),
    steps=(
        Step(
            title="Create the integration",
            actions=(
                (
                    "In Rippling, open *IT › Third-Party Access* (in some accounts *Identity Management › Custom App*), choose *Add "
                    "Integration*, and *Create New Custom Integration*."
                ),
                "Give it a name, a category and a logo, select *User Management via SCIM*, and *Continue*.",
            ),
        ),
        Step(
            title="Enter the URL",
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
            trap="Leave *Mutually Exclusive Groups* off. A person can be in several groups here.",
        ),
        Step(
            title="Install it with the token",
            actions=("Choose *Install now*, and that you install it yourself. Enter:",),
            fields=(Field("Bearer Token", Entry.TOKEN, "Enter the token only. Rippling adds Bearer itself."),),
            after=(
                "Continue. Rippling checks the connection, and says that it works.",
                "At *Attribute Mappings*, choose *On user creation and updates* for all attributes.",
            ),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Assign people",
            actions=(
                (
                    "At *App Access Rules*, choose who gets access. At *Provision Time*, choose when. Start with one "
                    "person."
                ),
                (
                    "Rippling lists people and accounts. Match those that belong together, and let Rippling create "
                    "accounts for the others."
                ),
            ),
            trap="*Provision Time* can be a start date in the future. Until then, no one arrives.",
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
                "*Save*. Rippling sends them within a few minutes.",
            ),
            trap="*App Access Rules* only select people. They don't create groups.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Check that access ends",
            actions=("On the application's page, remove the access of your test person.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Rippling sends changes within a few minutes of the times set as *Provision Time* and *Deprovision Time*.",
    own_log="The application's *Overview* in Rippling shows what was sent and what is waiting.",
    traps=("Rippling follows employment. People lose access on their last day, not when that day is set.",),
    no_groups="Rippling sends groups only if group management is turned on in the application's *Settings*.",
    empty_groups="Rippling adds only people who have an account here. Check the *App Access Rules*.",
    reads_discovery=True,
)
