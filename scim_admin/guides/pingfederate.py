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
                    "At *Connection Template*, choose *Use a template for this connection* and *SCIM Provisioner*; at *Connection "
                    "Type*, *Outbound Provisioning*; at *General Info*, a *Connection Name*."
                ),
            ),
            trap="If *SCIM Provisioner* is not in the list, install Ping's SCIM Provisioner first: what PingFederate brings along "
            "is SCIM 1.1. Outbound provisioning must be on: *pf.provisioner.mode* in *run.properties*.",
        ),
        Step(
            title="Enter the address and the token",
            actions=("At *Outbound Provisioning*, choose *Configure Provisioning*. On the *Target* screen, enter:",),
            fields=(
                Field("SCIM URL", Entry.BASE_URL),
                Field("SCIM Version", "2.0"),
                Field("Authentication Method", "OAuth 2 Bearer Token"),
                Field("Access Token", Entry.TOKEN, "The token alone."),
                Field("Unique User Identifier", "userName", "It cannot be changed later."),
                Field("Authorization Header Type", "Bearer"),
            ),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
            trap="No request is sent yet: PingFederate tests the values when channel and connection are active (step 6).",
        ),
        Step(
            title="Let PingFederate make changes",
            actions=("On the same screen, under *Provisioning Options*, see that these are ticked:",),
            fields=(Field("Remove User Action", "Disable"),),
            ticks=("User Create", "User Update", "User Disable / Delete"),
        ),
        Step(
            title="Choose people",
            actions=(
                "Under *Manage Channels*, choose *Create*, name the channel, and choose your directory as its *Source*.",
                (
                    "At *Source Location*, under *Users*, set a *Group DN* or a *Filter* that finds who may come in. Begin with a group "
                    "of one person to try it."
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
            trap="The *Group DN* under *Users* chooses people and sends no group: *Groups* has fields of its own. For groups within "
            "groups, tick *Nested Search*.",
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
            title="See that leaving works",
            actions=(
                "Remove the person that you tried it with from the group in your directory, and wait for the next cycle.",
            ),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="PingFederate compares the directory in cycles, by default every 60 seconds (*Synchronization Frequency* of the "
    "provisioner), and sends what has changed.",
    own_log="What PingFederate did is in *provisioner.log* of the server.",
    traps=("In a cluster, one server alone provisions: the other ones are *FAILOVER* in *pf.provisioner.mode*.",),
    no_groups="PingFederate sends groups only where the channel's *Source Location* finds them.",
    empty_groups="PingFederate adds only people to a group that the channel also finds as people: widen *Users* at the channel's *Source "
    "Location*, and look at *Nested Search*.",
)
