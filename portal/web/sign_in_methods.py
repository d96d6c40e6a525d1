"""Sign-in methods in words."""

from collections.abc import Mapping

from portal.directory.organizations import EMAIL_OTP, MAGIC_LINK, PASSWORD

# The methods that the portal has, in the order shown.
OWN_METHODS: Mapping[str, str] = {PASSWORD: "Password", MAGIC_LINK: "Email link", EMAIL_OTP: "Email code"}
METHOD_NAMES: Mapping[str, str] = {
    **OWN_METHODS,
    "sso": "Single sign-on",
    "google_oauth": "Google",
    "microsoft_oauth": "Microsoft",
    "slack_oauth": "Slack",
    "github_oauth": "GitHub",
    "hubspot_oauth": "HubSpot",
}
