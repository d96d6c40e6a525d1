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
            trap="Choose one with *SCIM v2* in its name: older ones speak SCIM 1.1, which is not understood here.",
        ),
        Step(
            title="Enter the address and the token",
            actions=("On the *Configuration* tab, under *API Connection*, enter:",),
            fields=(
                Field("SCIM Base URL", Entry.BASE_URL),
                Field("SCIM JSON Template", _TEMPLATE),
                Field("SCIM Bearer Token", Entry.TOKEN, "The token alone, without Bearer."),
            ),
            after=("*Save*, then choose *Enable* at *API Status*: it becomes *Enabled*.",),
            reaches=frozenset({Milestone.ADDRESS, Milestone.TOKEN, Milestone.DISCOVERY}),
        ),
        Step(
            title="Say which attributes are sent",
            actions=(
                "On the *Parameters* tab, open *scimusername*, and choose *Email*. *Save*.",
                "Open *Groups*, tick *Include in User Provisioning*, and *Save*.",
            ),
        ),
        Step(
            title="Let OneLogin make changes",
            actions=(
                "On the *Provisioning* tab, tick *Enable provisioning*.",
                (
                    "Under *Require admin approval before this action is performed*, remove the ticks, or approve each action "
                    "manually later."
                ),
                (
                    "Choose *Suspend* or *Delete* for *When users are deleted in OneLogin, or the user's app access is removed*. "
                    "*Save*."
                ),
            ),
            trap="With *Do Nothing* chosen there, people who leave keep their access here.",
        ),
        Step(
            title="Assign people",
            actions=(
                (
                    "On the *Access* tab, tick the roles whose people may come in, and *Save*. For one person, to try it: *Users*, the "
                    "person, *Applications*, *+*, this application, *Continue*, *Save*."
                ),
            ),
            after=(
                "On the application's *Users* tab they are *Provisioned*. Where it says *Pending*, choose it, and *Approve*.",
            ),
            reaches=frozenset({Milestone.PERSON}),
        ),
        Step(
            title="Push groups",
            actions=(
                (
                    "In OneLogin Administration, open *Applications*, this application, and its *Parameters*: *Groups* must have "
                    "*Include in User Provisioning* ticked."
                ),
                (
                    "On the *Rules* tab, choose *Add Rule*. At *Actions*, choose *Set Groups in* this application, *Map from "
                    "OneLogin*, *For each role* with value that matches any text, and *Save*."
                ),
                "Choose *More Actions › Reapply entitlement mappings*.",
            ),
            trap="Roles under *Access* only say who comes in; groups come from a rule alone.",
            reaches=frozenset({Milestone.GROUP}),
        ),
        Step(
            title="See that leaving works",
            actions=(
                "Remove the application from the person that you tried it with: *Users*, the person, *Applications*.",
            ),
            after=(DEACTIVATION_DONE,),
            reaches=frozenset({Milestone.DEACTIVATION}),
        ),
    ),
    timing="OneLogin sends each change within a minute or two, unless an approval is pending.",
    own_log="What OneLogin did is under *Activity › Events*, and by person on the application's *Users* tab.",
    traps=("A failed person stays *Failed* on the *Users* tab until you choose it, and *Retry*.",),
    no_groups="OneLogin sends groups only by a rule, and never by access alone.",
    empty_groups="OneLogin adds people to a group when its rule is applied to them: choose *More Actions › Reapply entitlement "
    "mappings*, and look at the application's *Users* tab for *Pending*.",
)
