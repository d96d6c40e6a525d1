"""Google Workspace: auto-provisioning of a SAML application. For Stytch's API it is a generic provider."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

GOOGLE_WORKSPACE = Guide(
    key="google-workspace",
    name="Google Workspace",
    places=Places(
        settings="Apps › Web and mobile apps › this application › Auto-provisioning",
        test="save; Google sends a request within minutes",
        mapping="Auto-provisioning › Attribute mapping",
        assignments="User access, and Provisioning scope under Auto-provisioning",
        resend="wait for Google's next synchronization, within some hours",
    ),
    steps=(
        Step(
            title="Open the application",
            actions=(
                (
                    "In the Google Admin console, open *Apps › Web and mobile apps*, and the SAML application with which people sign "
                    "in here. If there is none, choose *Add app*, and set it up first."
                ),
                "Under *User access*, turn it *ON* for those who may come in.",
            ),
            trap="Not each application has a section *Auto-provisioning*: Google offers it for many of its catalogue, and for "
            "custom SAML applications in some editions only. Where it is missing, Google cannot send people here.",
        ),
        Step(
            title="Enter the address and the token",
            actions=("In the section *Auto-provisioning*, choose *Configure auto-provisioning*, and enter:",),
            fields=(
                Field("Access token", Entry.TOKEN, "The token alone, without Bearer."),
                Field("Endpoint URL", Entry.BASE_URL),
            ),
            after=("Choose *Continue*.",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Look at the mapping",
            actions=("See that the required attributes are mapped, and choose *Continue*:",),
            fields=(
                Field("userName", "Basic information › Primary email"),
                Field("emails", "Basic information › Primary email"),
                Field("name.givenName", "Basic information › First name"),
                Field("name.familyName", "Basic information › Last name"),
            ),
        ),
        Step(
            title="Choose people",
            actions=(
                (
                    "At *Provisioning scope*, leave it empty for everyone who has the application turned on, or choose the groups "
                    "whose people may come in. *Continue*."
                ),
                "At *Deprovisioning*, tick all of its cases, with *within 24 hours*, and *Finish*.",
                "Turn *Auto-provisioning* to *Active*.",
            ),
            trap="A group under *Provisioning scope* only says whose people come. A longer time under *Deprovisioning* leaves "
            "access to people who have left.",
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Groups",
            actions=(
                "Google Workspace sends people but no groups. Assign roles here manually or by email domain.",
                "If roles must come from groups, connect another identity provider that pushes groups.",
            ),
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="See that leaving works",
            actions=("Suspend the person that you tried it with, or turn the application off for them.",),
            after=(f"Google tells it after the time chosen under *Deprovisioning*. {DEACTIVATION_DONE}",),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Google begins within minutes of *Active*, and sends later changes every few hours.",
    own_log="The section *Auto-provisioning* of the application shows what Google did, with the failures of 30 days.",
    traps=(
        "Archived people are not sent.",
        "The smaller editions of Google Workspace provision three applications at most.",
    ),
    no_groups="Google Workspace sends no groups.",
    empty_groups="Google Workspace sends no groups.",
    sends_groups=False,
)
