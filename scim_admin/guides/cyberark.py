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
                (
                    "Otherwise choose *Add Web Apps*, the *Custom* tab, *SAML*, *Add*, and *Yes*. Then name the "
                    "application."
                ),
            ),
        ),
        Step(
            title="Enter the URL and the token",
            actions=(
                (
                    "On the *Provisioning* tab, select *Enable provisioning for this application*, answer *Yes*, and "
                    "choose *Live Mode*. Enter:"
                ),
            ),
            fields=(
                Field("SCIM Service URL", Entry.BASE_URL),
                Field("Authorization Type", "Authorization Header"),
                Field("Header Type", "Bearer Token"),
                Field("Bearer Token", Entry.TOKEN, "Enter the token only. CyberArk adds Bearer itself."),
            ),
            after=("Choose *Verify*. When it succeeds, more options appear below. Then *Save*.",),
            trap="In *Preview Mode*, CyberArk only shows what it would do. It sends nothing.",
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
                    "Under *Deprovisioning Rules*, clear *Do not de-provision (deactivate or delete) users in target "
                    "application*, choose to disable users, and *Save*."
                ),
            ),
            after=(
                (
                    "CyberArk sends the user principal name as *userName*. If that isn't an email address, set "
                    "*userName* to the person's *Mail* in the *Provisioning Script*."
                ),
            ),
            trap="If that option stays selected, people who leave keep their access here.",
        ),
        Step(
            title="Assign people",
            actions=(
                (
                    "On the *Permissions* tab, choose *Add*, pick the people or roles that should have access, check "
                    "that *Run* is selected, and *Save*. Start with one person."
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
                    "Choose a role, and enter the name of the group here at *Destination Group*. Repeat this for each "
                    "role, and *Save*."
                ),
                "Start a synchronization (step 6).",
            ),
            trap="Adding a role under *Permissions* sends its people, not the role. Groups need a role mapping.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Start a synchronization",
            actions=(
                "Open *Settings › Users › Outbound Provisioning*.",
                (
                    "Under *Synchronizations*, choose this application, and *Start Sync*. To synchronize every day, set "
                    "*Daily Sync* there."
                ),
            ),
        ),
        Step(
            title="Check that access ends",
            actions=(
                "On the *Permissions* tab, remove your test person, and *Save*.",
                "Start a synchronization.",
            ),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="CyberArk sends a change of a person within minutes. It sends everything else with the next "
    "synchronization, which you start manually or schedule daily.",
    own_log="Each synchronization creates a report under *Settings › Users › Outbound Provisioning*, and sends it by "
    "email.",
    traps=("The role mappings set the names of groups. Changing a mapping creates another group.",),
    no_groups="CyberArk sends only roles with a role mapping as groups.",
    empty_groups="CyberArk adds only people who may use the application. Add the role under *Permissions* as well, "
    "and start a synchronization.",
    reads_discovery=True,
)
