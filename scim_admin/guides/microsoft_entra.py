"""Microsoft Entra ID: a non-gallery enterprise application with automatic provisioning."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

MICROSOFT_ENTRA = Guide(
    key="microsoft-entra",
    name="Microsoft Entra ID",
    places=Places(
        settings="Enterprise apps › this application › Provisioning › Connectivity (or Admin Credentials)",
        test="choose Test Connection",
        mapping="Provisioning › Mappings",
        assignments="Users and groups",
        resend="use Provision on demand, or wait for the next cycle, which begins every 40 minutes",
    ),
    steps=(
        Step(
            title="Open or create the enterprise application",
            actions=(
                (
                    "In the Microsoft Entra admin center, open *Enterprise apps* (*Enterprise applications*). If people already sign "
                    "in here with Entra, open that application and continue with step 2."
                ),
                (
                    "Otherwise choose *New application › Create your own application*, give it a name, choose *Integrate any other "
                    "application you don't find in the gallery (Non-gallery)*, and *Create*."
                ),
            ),
            trap="An application created under *App registrations* has no working *Provisioning*: create an enterprise "
            "application beside it.",
        ),
        Step(
            title="Enter the address and the token",
            actions=(
                (
                    "In the application, open *Provisioning*, and choose *New configuration* (or *Get started*, with *Provisioning "
                    "Mode* set to *Automatic*). Enter:"
                ),
            ),
            fields=(
                Field(
                    "Tenant URL",
                    Entry.BASE_URL,
                    "With all of its end: ?aadOptscim062020 has Entra keep to the standard.",
                ),
                Field("Secret token", Entry.TOKEN, "The token alone, without Bearer."),
            ),
            after=("Choose *Test Connection*. Once it has succeeded, choose *Create* (or *Save*).",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Look at the mappings",
            actions=(
                (
                    "Under *Provisioning*, open *Mappings* (*Attribute mapping*), then *Provision Microsoft Entra ID Users*. Set "
                    "*Enabled* to *Yes*, and see that these are mapped:"
                ),
            ),
            fields=(
                Field("userName", "userPrincipalName", "Or mail, if sign-in names aren't email addresses."),
                Field("externalId", "objectId", "Entra proposes mailNickname: change it, as nicknames change."),
                Field('emails[type eq "work"].value', "mail"),
                Field(
                    "active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', "As it is from the start."
                ),
            ),
            ticks=("Create", "Update", "Delete"),
            after=("Go back, open *Provision Microsoft Entra ID Groups*, and see that *Enabled* is *Yes*. *Save*.",),
            trap="People whose *mail* is empty arrive with their *userPrincipalName* as the address.",
        ),
        Step(
            title="Assign people",
            actions=(
                "Open *Users and groups*, and choose *Add user/group*.",
                "Choose who may come in, and *Assign*. Begin with one person to try it.",
                "Under *Provisioning › Settings*, leave *Scope* at *Sync only assigned users and groups*.",
            ),
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Assign groups, which also pushes them",
            actions=(
                "In the Microsoft Entra admin center, open this enterprise application, then *Users and groups*.",
                (
                    "Choose *Add user/group*, choose the groups themselves, and *Assign*. With *Provision Microsoft Entra ID Groups* "
                    "enabled under *Provisioning › Mappings*, they arrive as groups, with their members."
                ),
            ),
            trap="Groups within an assigned group are not sent, and nor are their people: assign each of them. To assign groups, "
            "Entra asks for a P1 licence.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Start provisioning",
            actions=(
                "On the *Overview* of *Provisioning*, choose *Start provisioning*.",
                (
                    "Not to wait, choose *Provision on demand*, pick one person, or one group with up to five of its members, and "
                    "*Provision*: they are here at once."
                ),
            ),
            trap="The first cycle begins some minutes later and goes through everyone. Later ones begin every 40 minutes.",
        ),
        Step(
            title="See that leaving works",
            actions=(
                "Under *Users and groups*, remove the person that you tried it with.",
                "Wait for the next cycle, or send that person with *Provision on demand*.",
            ),
            after=(DEACTIVATION_DONE, "Assign them again, and a later cycle brings them back."),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="The first cycle begins within minutes of *Start provisioning*; then Entra sends requests every 40 minutes, with or without "
    "changes. *Provision on demand* doesn't wait.",
    own_log="What Entra did, and the responses that it got, are under *Provisioning › Provisioning logs*.",
    traps=(
        (
            "After many failures Entra puts the application into *quarantine* and sends requests once a day. Fix what is named "
            "here, then choose *Restart provisioning*."
        ),
        "People deleted in Entra are deactivated here, and deleted about 30 days later.",
    ),
    no_groups="Entra sends the groups that are assigned themselves, in the cycle after the people.",
    empty_groups="Entra sends direct members who are in scope: assign the groups within the group as well, and look at the *Scope*.",
)
