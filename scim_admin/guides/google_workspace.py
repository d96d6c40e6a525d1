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
        resend="wait for Google's next synchronization, within a few hours",
    ),
    steps=(
        Step(
            title="Open the application",
            actions=(
                (
                    "In the Google Admin console, open *Apps › Web and mobile apps*, and the SAML application that "
                    "people use to sign in here. If there is none, choose *Add app*, and set it up first."
                ),
                "Under *User access*, turn it *ON* for everyone who should have access.",
            ),
            trap="Some applications have no *Auto-provisioning* section. Google offers it for many applications in "
            "its catalog, and for custom SAML applications only in some editions. Without it, Google can't send "
            "people here.",
        ),
        Step(
            title="Enter the URL and the token",
            actions=("In the *Auto-provisioning* section, choose *Configure auto-provisioning*, and enter:",),
            fields=(
                Field("Access token", Entry.TOKEN, "Enter the token only, without Bearer."),
                Field("Endpoint URL", Entry.BASE_URL),
            ),
            after=("Choose *Continue*.",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Check the mapping",
            actions=("Check that the required attributes are mapped, and choose *Continue*:",),
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
                    "At *Provisioning scope*, leave the field empty for everyone who has the application turned on, "
                    "or choose the groups whose people should have access. Choose *Continue*."
                ),
                "At *Deprovisioning*, select all cases with *within 24 hours*, and choose *Finish*.",
                "Set *Auto-provisioning* to *Active*.",
            ),
            trap="Groups under *Provisioning scope* only select people. With a longer time under *Deprovisioning*, "
            "people who leave keep their access longer.",
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
            title="Check that access ends",
            actions=("Suspend your test person, or turn the application off for them.",),
            after=(f"Google sends this after the time chosen under *Deprovisioning*. {DEACTIVATION_DONE}",),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="Google starts within minutes of *Active*, and sends later changes every few hours.",
    own_log="The application's *Auto-provisioning* section shows what Google did, with the failures of the last 30 "
    "days.",
    traps=(
        "Google doesn't send archived people.",
        "Smaller editions of Google Workspace can provision up to three applications.",
    ),
    no_groups="Google Workspace sends no groups.",
    empty_groups="Google Workspace sends no groups.",
    sends_groups=False,
)
