"""Okta: an application of the App Integration Wizard with SCIM provisioning."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

OKTA = Guide(
    key="okta",
    name="Okta",
    places=Places(
        settings="Applications › Applications › this application › Provisioning › Integration",
        test="choose Test Connector Configuration",
        mapping="Provisioning › To App › Attribute Mappings",
        assignments="the Assignments tab, and Push Groups for groups",
        resend="retry the failed task under Dashboard › Tasks; for a group choose Push now on the Push Groups tab",
    ),
    steps=(
        Step(
            title="Open or create the application",
            actions=(
                (
                    "In the Okta Admin Console, open *Applications › Applications*. If people already sign in here with Okta, open "
                    "that application and continue with step 2."
                ),
                "Otherwise choose *Create App Integration*, *SAML 2.0* (or *SWA*), and finish the wizard.",
                "On the *Sign On* tab, choose *Edit*, set *Application username format* to *Email*, and *Save*.",
            ),
            trap="OIDC applications can't provision. In Okta, SCIM needs a SAML or SWA application. The *SCIM 2.0 "
            "Test App* in the catalog works with the same values, but it's meant for trials.",
        ),
        Step(
            title="Turn on SCIM",
            actions=(
                "On the *General* tab, under *App Settings*, choose *Edit*.",
                "At *Provisioning*, choose *SCIM*, and *Save*. A *Provisioning* tab appears.",
            ),
        ),
        Step(
            title="Enter the URL and the token",
            actions=("On the *Provisioning* tab, open *Integration* and choose *Edit*. Enter:",),
            fields=(
                Field("SCIM connector base URL", Entry.BASE_URL),
                Field("Unique identifier field for users", "userName"),
                Field("Authentication Mode", "HTTP Header"),
                Field("HTTP Header › Authorization", Entry.TOKEN, "Enter the token only. Okta adds Bearer itself."),
            ),
            ticks=("Push New Users", "Push Profile Updates", "Push Groups"),
            after=(
                "Choose *Test Connector Configuration* (in some applications *Test API Credentials*), then *Save*.",
            ),
            trap="If *Push Groups* isn't selected here, the *Push Groups* tab of step 6 is missing.",
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Let Okta make changes",
            actions=(
                "On the *Provisioning* tab, open *To App* and choose *Edit*. Turn on the options below, and *Save*.",
                (
                    "Further down, under *Attribute Mappings*, check that *Username*, *Given name*, *Family name* and "
                    "*Email* have a value."
                ),
            ),
            ticks=("Create Users", "Update User Attributes", "Deactivate Users"),
            trap="They are off by default. Without *Deactivate Users*, people who leave keep their access here.",
        ),
        Step(
            title="Assign people",
            actions=(
                "On the *Assignments* tab, choose *Assign › Assign to People* or *Assign to Groups*.",
                "Choose who gets access, then *Save and Go Back*, and *Done*. Start with one person.",
            ),
            after=("They arrive within seconds.",),
            trap="People assigned before step 4 aren't sent automatically. Choose *Provision User* above the list, or "
            "remove and assign them again.",
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "On the *Push Groups* tab, choose *Push Groups › Find groups by name*.",
                (
                    "Pick a group, leave *Push group memberships immediately* selected, choose *Create Group*, and "
                    "*Save*."
                ),
            ),
            after=("The group's status changes to *Active*, and it appears here.",),
            trap="Assigning a group doesn't push it. Push each group that should give people roles here. Okta "
            "recommends other groups than those that you assigned in step 5.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Check that access ends",
            actions=("On the *Assignments* tab, remove your test person.",),
            after=(DEACTIVATION_DONE, "Assign them again, and their access returns."),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Okta sends each change within seconds. It sends no requests while nothing changes.",
    own_log="Failures are listed under *Dashboard › Tasks* and, with the response that Okta got, under *Reports › "
    "System Log*.",
    traps=(
        "Okta never deletes people here. It deactivates them.",
        (
            "Okta doesn't retry a failed task automatically. Select it under *Dashboard › Tasks*, and choose *Retry "
            "Selected*."
        ),
    ),
    no_groups="In Okta, assigning a group sends its people, but not the group.",
    empty_groups="Okta adds only people who are also assigned to the application. Assign the group's people on the "
    "*Assignments* tab, then choose *Push now* on the *Push Groups* tab.",
)
