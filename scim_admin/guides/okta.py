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
            trap="An OIDC application cannot provision: in Okta, SCIM is for SAML and SWA applications. The *SCIM 2.0 Test App* "
            "of the catalogue works with the same values, but Okta means it for trials.",
        ),
        Step(
            title="Turn on SCIM",
            actions=(
                "On the *General* tab, under *App Settings*, choose *Edit*.",
                "At *Provisioning*, choose *SCIM*, and *Save*. A *Provisioning* tab appears.",
            ),
        ),
        Step(
            title="Enter the address and the token",
            actions=("On the *Provisioning* tab, open *Integration* and choose *Edit*. Enter:",),
            fields=(
                Field("SCIM connector base URL", Entry.BASE_URL),
                Field("Unique identifier field for users", "userName"),
                Field("Authentication Mode", "HTTP Header"),
                Field("HTTP Header › Authorization", Entry.TOKEN, "The token alone: Okta writes Bearer before it."),
            ),
            ticks=("Push New Users", "Push Profile Updates", "Push Groups"),
            after=(
                "Choose *Test Connector Configuration* (in some applications *Test API Credentials*), then *Save*.",
            ),
            trap="Without *Push Groups* ticked here, the *Push Groups* tab of step 6 is missing.",
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Let Okta make changes",
            actions=(
                "On the *Provisioning* tab, open *To App* and choose *Edit*. Enable what is named below, and *Save*.",
                (
                    "Further down, under *Attribute Mappings*, see that *Username*, *Given name*, *Family name* and *Email* have a "
                    "value."
                ),
            ),
            ticks=("Create Users", "Update User Attributes", "Deactivate Users"),
            trap="Okta leaves all three off at first. Without *Deactivate Users*, people who leave keep their access here.",
        ),
        Step(
            title="Assign people",
            actions=(
                "On the *Assignments* tab, choose *Assign › Assign to People* or *Assign to Groups*.",
                "Choose who may come in, *Save and Go Back*, and *Done*. Begin with one person to try it.",
            ),
            after=("They arrive within seconds.",),
            trap="People who were assigned before step 4 are not sent later by themselves: choose *Provision User* above the "
            "list, or remove and assign them once more.",
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "On the *Push Groups* tab, choose *Push Groups › Find groups by name*.",
                "Pick a group, leave *Push group memberships immediately* ticked, choose *Create Group*, and *Save*.",
            ),
            after=("The group's state becomes *Active*, and it is here.",),
            trap="Assigning a group does not push it: it only brings its people. For each group whose members should be known "
            "here, do this step as well, best with other groups than those of step 5, as Okta advises.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="See that leaving works",
            actions=("On the *Assignments* tab, remove the person that you tried it with.",),
            after=(DEACTIVATION_DONE, "Assign them again, and they are back."),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Okta sends each change within seconds. It sends no requests while nothing changes.",
    own_log="Failures are under *Dashboard › Tasks* and, with the response that Okta got, under *Reports › System Log*.",
    traps=(
        "Okta never deletes people here, it deactivates them.",
        "A task that failed is not repeated by itself: select it under *Dashboard › Tasks*, and *Retry Selected*.",
    ),
    no_groups="In Okta, assigning a group sends its people, never the group.",
    empty_groups="Okta puts only those into a pushed group who are assigned to the application as well: assign the group's people "
    "on the *Assignments* tab, then choose *Push now* on the *Push Groups* tab.",
)
