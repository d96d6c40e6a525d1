"""JumpCloud: a custom application with identity management."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

JUMPCLOUD = Guide(
    key="jumpcloud",
    name="JumpCloud",
    places=Places(
        settings="SSO Applications › this application › Identity Management",
        test="choose Test Connection",
        mapping="the Identity Management tab's attributes",
        assignments="the User Groups tab",
        resend="save the person or the group again, which exports it",
    ),
    steps=(
        Step(
            title="Open or create the application",
            actions=(
                (
                    "In the JumpCloud Admin Portal, open *SSO Applications*. If people already sign in here with JumpCloud, open that "
                    "application and continue with step 2."
                ),
                (
                    "Otherwise choose *Add New Application*, *Custom Application*, and *Next*. Select *Export users "
                    "to this app (Identity Management)*, choose *Next*, name it, and choose *Save Application*, then "
                    "*Configure Application*."
                ),
            ),
        ),
        Step(
            title="Enter the URL and the token",
            actions=("On the *Identity Management* tab, enter:",),
            fields=(
                Field("SCIM Version", "SCIM 2.0"),
                Field("Base URL", Entry.BASE_URL),
                Field("Token Key", Entry.TOKEN, "Enter the token only, without Bearer."),
                Field("Test User Email", "An address that no one uses here", "In your own email domain."),
            ),
            ticks=("Enable management of User Groups and Group Membership in this application",),
            after=(
                "Under the attributes further down, check that *userName* and *emails* get the *Company Email*.",
                "Choose *Test Connection*, then *Activate*, and *Save*.",
            ),
            trap="The test creates a person and a group here, changes both, and removes them. The live check may show "
            "them as the first ones. If *Test User Email* is a member's address, the test fails.",
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Assign people through groups",
            actions=(
                (
                    "On the *User Groups* tab, select the groups whose people should have access, and *Save*. Start "
                    "with a group of one person."
                ),
            ),
            trap="JumpCloud assigns people only through groups. To send one person, add them to a group first.",
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "In the JumpCloud Admin Portal, open *SSO Applications*, this application, and its *Identity Management* tab.",
                (
                    "Check that *Enable management of User Groups and Group Membership in this application* is on, and "
                    "*Save*."
                ),
                "On the *User Groups* tab, select the groups, and *Save*. Each one is sent with its members.",
            ),
            trap="With management of groups off, selected groups bring only their people. If you turn it on later, a "
            "group is sent at its next change. To send it now, clear its checkbox, save, and select it again.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Check that access ends",
            actions=("Remove your test person from the group, under *User Groups*.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="JumpCloud sends each change within a few minutes. It sends no requests while nothing changes.",
    own_log="JumpCloud's own log is under *Insights › Directory Insights*, in the events of the application.",
    traps=(
        "Existing members wait for your approval before JumpCloud can manage them.",
        (
            "To change the token, choose *Deactivate*, enter the new *Token Key*, and choose *Test Connection* and "
            "*Activate* again."
        ),
    ),
    no_groups="JumpCloud sends only people while the management of groups is off.",
    empty_groups="JumpCloud sends the members of a group when they change. On the *User Groups* tab, clear the "
    "group's checkbox, save, select it again, and save.",
)
