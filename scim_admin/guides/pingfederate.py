"""PingFederate: an SP connection of Ping's SCIM provisioner."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

PINGFEDERATE = Guide(
    key="pingfederate",
    name="PingFederate",
    places=Places(
        settings="the SP connection › Outbound Provisioning › Target",
        test="save the connection; the next provisioning cycle tests it",
        mapping="Manage Channels › the channel › Attribute Mapping",
        assignments="Manage Channels › the channel › Source Location",
        resend="wait for the channel's next cycle, which sends it again",
    ),
    steps=(
        Step(
            title="Create the SP connection",
            actions=(
                (
                    "In the PingFederate administrative console, open *Applications › Integration › SP Connections*, and choose "
                    "*Create Connection*."
                ),
                (
                    "At *Connection Template*, choose *Use a template for this connection* and *SCIM Provisioner*. At "
                    "*Connection Type*, choose *Outbound Provisioning*. At *General Info*, enter a *Connection Name*."
                ),
            ),
            trap="If *SCIM Provisioner* isn't in the list, install Ping's SCIM Provisioner first, because "
            "PingFederate itself comes with SCIM 1.1. Outbound provisioning must be on, with "
            "*pf.provisioner.mode* in *run.properties*.",
        ),
        Step(
            title="Enter the URL and the token",
            actions=("At *Outbound Provisioning*, choose *Configure Provisioning*. On the *Target* screen, enter:",),
            fields=(
                Field("SCIM URL", Entry.BASE_URL),
                Field("SCIM Version", "2.0"),
                Field("Authentication Method", "OAuth 2 Bearer Token"),
                Field("Access Token", Entry.TOKEN, "Enter the token only."),
                Field("Unique User Identifier", "userName", "It can't be changed later."),
                Field("Authorization Header Type", "Bearer"),
            ),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
            trap="PingFederate doesn't send a request yet. It tests the values when the channel and the connection "
            "are active (step 6).",
        ),
        Step(
            title="Let PingFederate make changes",
            actions=("On the same screen, under *Provisioning Options*, check that these are selected:",),
            fields=(Field("Remove User Action", "Disable"),),
            ticks=("User Create", "User Update", "User Disable / Delete"),
        ),
        Step(
            title="Choose people",
            actions=(
                "Under *Manage Channels*, choose *Create*, name the channel, and choose your directory as its *Source*.",
                (
                    "At *Source Location*, under *Users*, set a *Group DN* or a *Filter* for the people who should "
                    "have access. Start with a group of one person."
                ),
                (
                    "At *Attribute Mapping*, map *userName* and *workEmail* to the email address (mostly *mail*), *givenName*, and "
                    "*familyName*."
                ),
            ),
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                (
                    "In the PingFederate administrative console, open the SP connection, *Outbound Provisioning*, *Manage Channels*, "
                    "and the channel."
                ),
                "At *Source Location*, under *Groups*, set a *Group DN* or a *Filter* that finds the groups.",
                "Save the channel and the connection.",
            ),
            trap="The *Group DN* under *Users* selects people and sends no group. *Groups* has its own fields. For "
            "groups within groups, select *Nested Search*.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Turn it on",
            actions=(
                "At *Activation & Summary* of the channel, set *Channel Status* to *Active*, and choose *Done*.",
                "At *Activation & Summary* of the connection, turn the connection on, and *Save*.",
            ),
            after=("The next cycle sends the first request, by default within a minute.",),
        ),
        Step(
            title="Check that access ends",
            actions=("Remove your test person from the group in your directory, and wait for the next cycle.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="PingFederate compares the directory in cycles, by default every 60 seconds (*Synchronization Frequency* of the "
    "provisioner), and sends what has changed.",
    own_log="PingFederate's own log is *provisioner.log* on the server.",
    traps=("In a cluster, only one server provisions. Set *pf.provisioner.mode* to *FAILOVER* on the others.",),
    no_groups="PingFederate sends only groups that the channel's *Source Location* finds.",
    empty_groups="PingFederate adds only people that the channel also finds under *Users*. Extend *Users* at the "
    "channel's *Source Location*, and check *Nested Search*.",
)
