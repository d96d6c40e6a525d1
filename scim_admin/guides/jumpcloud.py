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
        resend="save the person or the group once more, which exports it again",
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
                    "Otherwise choose *Add New Application*, *Custom Application*, and *Next*; tick *Export users to this app "
                    "(Identity Management)*, choose *Next*, name it, and *Save Application*, then *Configure Application*."
                ),
            ),
        ),
        Step(
            title="Enter the address and the token",
            actions=("On the *Identity Management* tab, enter:",),
            fields=(
                Field("SCIM Version", "SCIM 2.0"),
                Field("Base URL", Entry.BASE_URL),
                Field("Token Key", Entry.TOKEN, "The token alone, without Bearer."),
                Field("Test User Email", "An address that no one has here", "In your own email domain."),
            ),
            ticks=("Enable management of User Groups and Group Membership in this application",),
            after=(
                "Under the attributes further down, see that *userName* and *emails* get the *Company Email*.",
                "Choose *Test Connection*, then *Activate*, and *Save*.",
            ),
            trap="The test makes a person and a group here, changes both, and takes them away again: the check may show them as "
            "the first. *Test User Email* must not be that of a member, or the test fails.",
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Assign people, by their groups",
            actions=(
                (
                    "On the *User Groups* tab, tick the groups whose people may come in, and *Save*. Begin with a group of one person "
                    "to try it."
                ),
            ),
            trap="JumpCloud assigns people only by groups: to send one person, put them into a group first.",
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                "In the JumpCloud Admin Portal, open *SSO Applications*, this application, and its *Identity Management* tab.",
                "See that *Enable management of User Groups and Group Membership in this application* is on, and *Save*.",
                "On the *User Groups* tab, tick the groups, and *Save*: each is sent as a group, with its members.",
            ),
            trap="With management of groups off, ticked groups bring their people alone. Turned on later, it sends a group at its "
            "next change: take its tick away and set it again.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="See that leaving works",
            actions=("Remove the person that you tried it with from the group, under *User Groups*.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="JumpCloud sends each change within a few minutes. It sends no requests while nothing changes.",
    own_log="What JumpCloud sent is under *Insights › Directory Insights*, in the events of the application.",
    traps=(
        "Existing members wait for your approval before JumpCloud can manage them.",
        "Changing the token takes *Deactivate*, the new *Token Key*, *Test Connection* and *Activate* once more.",
    ),
    no_groups="JumpCloud sends people alone where the management of groups is off.",
    empty_groups="JumpCloud sends the members of a group when they change: take the group's tick away on the *User Groups* tab, save, "
    "set it again, and save.",
)
