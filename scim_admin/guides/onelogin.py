"""OneLogin: the SCIM provisioner of its catalogue."""

from scim_admin.guides.guide import DEACTIVATION_DONE, Entry, Field, Guide, Milestone, Places, Step

# What OneLogin fills in and sends; without a template it sends next to nothing.
_TEMPLATE = """{
  "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
  "userName": "{$parameters.scimusername}",
  "externalId": "{$user.id}",
  "displayName": "{$user.display_name}",
  "name": {
    "givenName": "{$user.firstname}",
    "familyName": "{$user.lastname}"
  },
  "emails": [
    {"value": "{$user.email}", "type": "work", "primary": true}
  ]
}"""

ONELOGIN = Guide(
    key="onelogin",
    name="OneLogin",
    places=Places(
        settings="Applications › this application › Configuration",
        test="choose Enable under API Connection",
        mapping="the Parameters tab",
        assignments="the Access and Rules tabs",
        resend="choose the failed entry on the application's Users tab, and Retry",
    ),
    steps=(
        Step(
            title="Add the application",
            actions=(
                "In OneLogin Administration, open *Applications › Applications*, and choose *Add App*.",
                "Search for *SCIM*, choose *SCIM Provisioner with SAML (SCIM v2 Enterprise)*, name it, and *Save*.",
            ),
            trap="Choose one with *SCIM v2* in its name. Older ones use SCIM 1.1, which isn't supported here.",
        ),
        Step(
            title="Enter the URL and the token",
            actions=("On the *Configuration* tab, under *API Connection*, enter:",),
            fields=(
                Field("SCIM Base URL", Entry.BASE_URL),
                Field("SCIM JSON Template", _TEMPLATE),
                Field("SCIM Bearer Token", Entry.TOKEN, "Enter the token only, without Bearer."),
            ),
            after=("*Save*, then choose *Enable* at *API Status*. The status changes to *Enabled*.",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Choose the attributes to send",
            actions=(
                "On the *Parameters* tab, open *scimusername*, and choose *Email*. *Save*.",
                "Open *Groups*, select *Include in User Provisioning*, and *Save*.",
            ),
        ),
        Step(
            title="Let OneLogin make changes",
            actions=(
                "On the *Provisioning* tab, select *Enable provisioning*.",
                (
                    "Under *Require admin approval before this action is performed*, clear the checkboxes, or approve "
                    "each action manually later."
                ),
                (
                    "Choose *Suspend* or *Delete* for *When users are deleted in OneLogin, or the user's app access is removed*. "
                    "*Save*."
                ),
            ),
            trap="With *Do Nothing*, people who leave keep their access here.",
        ),
        Step(
            title="Assign people",
            actions=(
                (
                    "On the *Access* tab, select the roles whose people should have access, and *Save*. To start with "
                    "one person, open *Users*, the person, and *Applications*. Choose *+*, this application, "
                    "*Continue*, and *Save*."
                ),
            ),
            after=(
                (
                    "On the application's *Users* tab, their status is *Provisioned*. If it's *Pending*, choose it, and "
                    "*Approve*."
                ),
            ),
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                (
                    "In OneLogin Administration, open *Applications*, this application, and its *Parameters*: "
                    "*Include in User Provisioning* must be selected for *Groups*."
                ),
                (
                    "On the *Rules* tab, choose *Add Rule*. At *Actions*, choose *Set Groups in* this application, "
                    "*Map from OneLogin*, *For each role* with a value that matches any text, and *Save*."
                ),
                "Choose *More Actions › Reapply entitlement mappings*.",
            ),
            trap="Roles under *Access* only select people. Groups need a rule.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="Check that access ends",
            actions=("Remove the application from your test person, under *Users*, the person, *Applications*.",),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="OneLogin sends each change within a minute or two, unless an approval is pending.",
    own_log="OneLogin's own log is under *Activity › Events*, and by person on the application's *Users* tab.",
    traps=("A person who failed stays *Failed* on the *Users* tab until you choose the entry, and *Retry*.",),
    no_groups="OneLogin sends groups only through a rule, not through access alone.",
    empty_groups="OneLogin adds people to a group when its rule is applied to them. Choose *More Actions › Reapply "
    "entitlement mappings*, and look for *Pending* on the application's *Users* tab.",
)
