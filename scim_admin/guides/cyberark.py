"""CyberArk Identity: a SAML web application with outbound provisioning."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

CYBERARK = Guide(
    key="cyberark",
    name="CyberArk",
    places=Places(
        settings="Apps & Widgets › Web Apps › this application › Provisioning",
        test="choose Verify",
        mapping="the Provisioning tab's script and role mappings",
        assignments="the application's Permissions and the Provisioning tab's role mappings",
        resend="start a synchronization under Settings › Users › Outbound Provisioning",
    ),
    steps=(
        Step(
            title="Open or create the web application",
            actions=(
                (
                    "In CyberArk Identity Administration, open *Apps & Widgets › Web Apps*. If people already sign in here with "
                    "CyberArk, open that application and continue with step 2."
                ),
                "Otherwise choose *Add Web Apps*, the *Custom* tab, *SAML*, *Add*, and *Yes*; then name the application.",
            ),
        ),
        Step(
            title="Enter the address and the token",
            actions=(
                (
                    "On the *Provisioning* tab, tick *Enable provisioning for this application*, answer *Yes*, and choose *Live "
                    "Mode*. Enter:"
                ),
            ),
            fields=(
                Field("SCIM Service URL", Entry.BASE_URL),
                Field("Authorization Type", "Authorization Header"),
                Field("Header Type", "Bearer Token"),
                Field("Bearer Token", Entry.TOKEN, "The token alone: CyberArk writes Bearer before it."),
            ),
            after=("Choose *Verify*. Once it has succeeded, more options appear below, and you can *Save*.",),
            trap="In *Preview Mode* CyberArk shows what it would do, and sends nothing.",
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Let CyberArk make changes",
            actions=(
                (
                    "Under *Sync Options*, choose *Sync (overwrite) users to target application when existing users are found with "
                    "the same principal name*."
                ),
                (
                    "Under *Deprovisioning Rules*, take away the tick at *Do not de-provision (deactivate or delete) users in target "
                    "application*, choose to disable users, and *Save*."
                ),
            ),
            after=(
                (
                    "CyberArk sends the user principal name as *userName*. If that isn't an email address, give *userName* the "
                    "person's *Mail* in the *Provisioning Script*."
                ),
            ),
            trap="With that tick left in place, people who leave keep their access here.",
        ),
        Step(
            title="Assign people",
            actions=(
                (
                    "On the *Permissions* tab, choose *Add*, pick the people or roles who may come in, see that *Run* is ticked, and "
                    "*Save*. Begin with one person to try it."
                ),
            ),
            after=("They arrive with the next synchronization (step 6).",),
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "On the application's *Provisioning* tab, under *Role Mappings*, choose *Add*.",
                (
                    "Choose a role, and at *Destination Group* enter the name that the group has here. Do so for each role, and "
                    "*Save*."
                ),
                "Start a synchronization (step 6).",
            ),
            trap="Giving a role access under *Permissions* sends its people, not the role: groups take a role mapping.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Start a synchronization",
            actions=(
                "Open *Settings › Users › Outbound Provisioning*.",
                "Under *Synchronizations*, choose this application, and *Start Sync*. For every day, set *Daily Sync* there.",
            ),
        ),
        Step(
            title="See that leaving works",
            actions=(
                "On the *Permissions* tab, remove the person that you tried it with, and *Save*.",
                "Start a synchronization.",
            ),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="A person's change is sent within minutes; everything else with the next synchronization, which you start manually or "
    "have run each day.",
    own_log="Each synchronization leaves a report under *Settings › Users › Outbound Provisioning*, and by email.",
    traps=("The role mappings set the names of groups. Changing a mapping creates another group.",),
    no_groups="CyberArk sends roles as groups only where they have a role mapping.",
    empty_groups="CyberArk puts those of a role into its group who may use the application: add the role under *Permissions* as well, "
    "and start a synchronization.",
    reads_discovery=True,
)
