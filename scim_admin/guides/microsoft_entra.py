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
        resend="use Provision on demand, or wait for the next cycle, which starts every 40 minutes",
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
            trap="Provisioning doesn't work for an application created under *App registrations*. Create an "
            "enterprise application as well.",
        ),
        Step(
            title="Enter the URL and the token",
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
                    "Include ?aadOptscim062020 at the end. With it, Entra follows the standard.",
                ),
                Field("Secret token", Entry.TOKEN, "Enter the token only, without Bearer."),
            ),
            after=("Choose *Test Connection*. Once it has succeeded, choose *Create* (or *Save*).",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Check the mappings",
            actions=(
                (
                    "Under *Provisioning*, open *Mappings* (*Attribute mapping*), then *Provision Microsoft Entra ID "
                    "Users*. Set *Enabled* to *Yes*, and check these mappings:"
                ),
            ),
            fields=(
                Field("userName", "userPrincipalName", "Or mail, if sign-in names aren't email addresses."),
                Field(
                    "externalId", "objectId", "Entra suggests mailNickname. Change it, because nicknames can change."
                ),
                Field('emails[type eq "work"].value', "mail"),
                Field("active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', "This is the default."),
            ),
            ticks=("Create", "Update", "Delete"),
            after=("Go back, open *Provision Microsoft Entra ID Groups*, check that *Enabled* is *Yes*, and *Save*.",),
            trap="People without *mail* arrive with their *userPrincipalName* as the email address.",
        ),
        Step(
            title="Assign people",
            actions=(
                "Open *Users and groups*, and choose *Add user/group*.",
                "Choose who gets access, and *Assign*. Start with one person.",
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
            trap="Groups within an assigned group aren't sent, nor are their people. Assign each of these groups. "
            "Assigning groups needs an Entra ID P1 license.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Start provisioning",
            actions=(
                "On the *Overview* of *Provisioning*, choose *Start provisioning*.",
                (
                    "To skip the wait, choose *Provision on demand*, pick one person, or one group with up to five of "
                    "its members, and *Provision*. They arrive at once."
                ),
            ),
            trap="The first cycle starts some minutes later and covers everyone. Later ones start every 40 minutes.",
        ),
        Step(
            title="Check that access ends",
            actions=(
                "Under *Users and groups*, remove your test person.",
                "Wait for the next cycle, or send that person with *Provision on demand*.",
            ),
            after=(DEACTIVATION_DONE, "Assign them again, and their access returns with a later cycle."),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="The first cycle starts within minutes of *Start provisioning*. Then Entra sends requests every 40 "
    "minutes, with or without changes. *Provision on demand* sends them at once.",
    own_log="Entra's own log, with the responses that it got, is under *Provisioning › Provisioning logs*.",
    traps=(
        (
            "After many failures, Entra puts the application into *quarantine* and sends requests once a day. Fix the "
            "problems that the live check shows, then choose *Restart provisioning*."
        ),
        "People deleted in Entra are deactivated here, and deleted about 30 days later.",
    ),
    no_groups="Entra sends only groups that are assigned themselves, in the cycle after the people.",
    empty_groups="Entra sends only direct members who are in scope. Assign the groups within the group as well, and "
    "check the *Scope*.",
)
