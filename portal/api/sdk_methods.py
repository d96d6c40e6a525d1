"""Every method of Stytch's SDKs, so that one that is not here yet is told from one that never was."""

import re
from collections.abc import Iterator
from functools import cache

from portal.api.endpoints import BACKEND, BROWSER, by_address
from portal.api.methods import ENDPOINTS

# As its Python SDK (15.3) and its SDK for browsers (6.3) call them: name, HTTP method, path.
_BACKEND_METHODS = """
discovery.intermediate_sessions.exchange POST discovery/intermediate_sessions/exchange
discovery.organizations.create POST discovery/organizations/create
discovery.organizations.list POST discovery/organizations
impersonation.authenticate POST impersonation/authenticate
magic_links.authenticate POST magic_links/authenticate
magic_links.discovery.authenticate POST magic_links/discovery/authenticate
magic_links.email.invite POST magic_links/email/invite
magic_links.email.login_or_signup POST magic_links/email/login_or_signup
magic_links.email.discovery.send POST magic_links/email/discovery/send
oauth.authenticate POST oauth/authenticate
oauth.discovery.authenticate POST oauth/discovery/authenticate
organizations.connected_apps GET organizations/{organization_id}/connected_apps
organizations.create POST organizations
organizations.delete DELETE organizations/{organization_id}
organizations.delete_external_id DELETE organizations/{organization_id}/external_id
organizations.get GET organizations/{organization_id}
organizations.get_connected_app GET organizations/{organization_id}/connected_apps/{connected_app_id}
organizations.metrics GET organizations/{organization_id}/metrics
organizations.search POST organizations/search
organizations.update PUT organizations/{organization_id}
organizations.members.create POST organizations/{organization_id}/members
organizations.members.dangerously_get GET organizations/members/dangerously_get/{member_id}
organizations.members.delete DELETE organizations/{organization_id}/members/{member_id}
organizations.members.delete_external_id DELETE organizations/{organization_id}/members/{member_id}/external_id
organizations.members.delete_mfa_phone_number DELETE organizations/{organization_id}/members/mfa_phone_numbers/{member_id}
organizations.members.delete_password DELETE organizations/{organization_id}/members/passwords/{member_password_id}
organizations.members.delete_totp DELETE organizations/{organization_id}/members/{member_id}/totp
organizations.members.get GET organizations/{organization_id}/member
organizations.members.get_connected_apps GET organizations/{organization_id}/members/{member_id}/connected_apps
organizations.members.oidc_providers GET organizations/{organization_id}/members/{member_id}/oidc_providers
organizations.members.reactivate PUT organizations/{organization_id}/members/{member_id}/reactivate
organizations.members.search POST organizations/members/search
organizations.members.start_email_update POST organizations/{organization_id}/members/{member_id}/start_email_update
organizations.members.unlink_retired_email POST organizations/{organization_id}/members/{member_id}/unlink_retired_email
organizations.members.update PUT organizations/{organization_id}/members/{member_id}
organizations.members.connected_apps.revoke POST organizations/{organization_id}/members/{member_id}/connected_apps/{connected_app_id}/revoke
organizations.members.oauth_providers.github GET organizations/{organization_id}/members/{member_id}/oauth_providers/github
organizations.members.oauth_providers.google GET organizations/{organization_id}/members/{member_id}/oauth_providers/google
organizations.members.oauth_providers.hubspot GET organizations/{organization_id}/members/{member_id}/oauth_providers/hubspot
organizations.members.oauth_providers.microsoft GET organizations/{organization_id}/members/{member_id}/oauth_providers/microsoft
organizations.members.oauth_providers.slack GET organizations/{organization_id}/members/{member_id}/oauth_providers/slack
otps.email.authenticate POST otps/email/authenticate
otps.email.login_or_signup POST otps/email/login_or_signup
otps.email.discovery.authenticate POST otps/email/discovery/authenticate
otps.email.discovery.send POST otps/email/discovery/send
otps.sms.authenticate POST otps/sms/authenticate
otps.sms.send POST otps/sms/send
passwords.authenticate POST passwords/authenticate
passwords.migrate POST passwords/migrate
passwords.strength_check POST passwords/strength_check
passwords.discovery.authenticate POST passwords/discovery/authenticate
passwords.discovery.email.reset POST passwords/discovery/email/reset
passwords.discovery.email.reset_start POST passwords/discovery/email/reset/start
passwords.email.require_reset POST passwords/email/require_reset
passwords.email.reset POST passwords/email/reset
passwords.email.reset_start POST passwords/email/reset/start
passwords.existing_password.reset POST passwords/existing_password/reset
passwords.sessions.reset POST passwords/session/reset
rbac.policy GET rbac/policy
rbac.organizations.get_org_policy GET rbac/organizations/{organization_id}
rbac.organizations.set_org_policy PUT rbac/organizations/{organization_id}
recovery_codes.get GET recovery_codes/{organization_id}/{member_id}
recovery_codes.recover POST recovery_codes/recover
recovery_codes.rotate POST recovery_codes/rotate
scim.connection.create POST scim/{organization_id}/connection
scim.connection.delete DELETE scim/{organization_id}/connection/{connection_id}
scim.connection.get GET scim/{organization_id}/connection
scim.connection.get_groups GET scim/{organization_id}/connection/{connection_id}
scim.connection.rotate_cancel POST scim/{organization_id}/connection/{connection_id}/rotate/cancel
scim.connection.rotate_complete POST scim/{organization_id}/connection/{connection_id}/rotate/complete
scim.connection.rotate_start POST scim/{organization_id}/connection/{connection_id}/rotate/start
scim.connection.update PUT scim/{organization_id}/connection/{connection_id}
sessions.authenticate POST sessions/authenticate
sessions.exchange POST sessions/exchange
sessions.exchange_access_token POST sessions/exchange_access_token
sessions.get GET sessions
sessions.get_jwks GET sessions/jwks/{project_id}
sessions.revoke POST sessions/revoke
sso.authenticate POST sso/authenticate
sso.delete_connection DELETE sso/{organization_id}/connections/{connection_id}
sso.get_connections GET sso/{organization_id}
sso.external.create_connection POST sso/external/{organization_id}
sso.external.update_connection PUT sso/external/{organization_id}/connections/{connection_id}
sso.oidc.create_connection POST sso/oidc/{organization_id}
sso.oidc.update_connection PUT sso/oidc/{organization_id}/connections/{connection_id}
sso.saml.create_connection POST sso/saml/{organization_id}
sso.saml.delete_encryption_private_key DELETE sso/saml/{organization_id}/connections/{connection_id}/encryption_private_keys/{private_key_id}
sso.saml.delete_verification_certificate DELETE sso/saml/{organization_id}/connections/{connection_id}/verification_certificates/{certificate_id}
sso.saml.update_by_url PUT sso/saml/{organization_id}/connections/{connection_id}/url
sso.saml.update_connection PUT sso/saml/{organization_id}/connections/{connection_id}
totps.authenticate POST totp/authenticate
totps.create POST totp
totps.migrate POST totp/migrate
"""
_BROWSER_METHODS = """
organization.get GET b2b/organizations/me
organization.update PUT b2b/organizations/me
organization.getBySlug POST b2b/organizations/search
organization.getConnectedApps GET b2b/organizations/connected_apps
organization.getConnectedApp GET b2b/organizations/connected_apps/{connected_app_id}
organization.members.create POST b2b/organizations/members
organization.members.search POST b2b/organizations/me/members/search
organization.members.update PUT b2b/organizations/members/{member_id}
organization.members.deletePassword DELETE b2b/organizations/members/passwords/{password_id}
organization.members.deleteMFAPhoneNumber DELETE b2b/organizations/members/mfa_phone_numbers/{member_id}
organization.members.deleteMFATOTP DELETE b2b/organizations/members/totp/{member_id}
organization.members.delete DELETE b2b/organizations/members/{member_id}
organization.members.reactivate PUT b2b/organizations/members/{member_id}/reactivate
organization.members.unlinkRetiredEmail POST b2b/organizations/members/{member_id}/unlink_retired_email
organization.members.startEmailUpdate POST b2b/organizations/members/{member_id}/start_email_update
organization.members.getConnectedApps GET b2b/organizations/members/{member_id}/connected_apps
organization.members.revokeConnectedApp POST b2b/organizations/members/{member_id}/connected_apps/{connected_app_id}/revoke
self.get GET b2b/organizations/members/me
self.update PUT b2b/organizations/members/update
self.deleteMFAPhoneNumber DELETE b2b/organizations/members/deletePhoneNumber
self.deleteMFATOTP DELETE b2b/organizations/members/deleteTOTP
self.deletePassword DELETE b2b/organizations/members/passwords/{password_id}
self.unlinkRetiredEmail POST b2b/organizations/members/unlink_retired_email
self.startEmailUpdate POST b2b/organizations/members/start_email_update
self.getConnectedApps GET b2b/organizations/members/connected_apps
self.revokeConnectedApp POST b2b/organizations/members/connected_apps/{connected_app_id}/revoke
magicLinks.email.invite POST b2b/magic_links/email/invite
magicLinks.email.loginOrSignup POST b2b/magic_links/email/login_or_signup
magicLinks.email.discovery.send POST b2b/magic_links/email/discovery/send
magicLinks.authenticate POST b2b/magic_links/authenticate
magicLinks.discovery.authenticate POST b2b/magic_links/discovery/authenticate
otps.sms.send POST b2b/otps/sms/send
otps.sms.authenticate POST b2b/otps/sms/authenticate
otps.email.loginOrSignup POST b2b/otps/email/login_or_signup
otps.email.authenticate POST b2b/otps/email/authenticate
otps.email.discovery.send POST b2b/otps/email/discovery/send
otps.email.discovery.authenticate POST b2b/otps/email/discovery/authenticate
oauth.authenticate POST b2b/oauth/authenticate
oauth.discovery.authenticate POST b2b/oauth/discovery/authenticate
session.authenticate POST b2b/sessions/authenticate
session.exchange POST b2b/sessions/exchange
session.exchangeAccessToken POST b2b/sessions/exchange_access_token
session.attest POST b2b/sessions/attest
session.revokeForMember POST b2b/sessions/revoke/{member_id}
session.revoke POST b2b/sessions/revoke
sso.getConnections GET b2b/sso
sso.deleteConnection DELETE b2b/sso/{connection_id}
sso.saml.createConnection POST b2b/sso/saml
sso.saml.updateConnection PUT b2b/sso/saml/{connection_id}
sso.saml.updateConnectionByURL PUT b2b/sso/saml/{connection_id}/url
sso.saml.deleteVerificationCertificate DELETE b2b/sso/saml/{connection_id}/verification_certificates/{certificate_id}
sso.saml.deleteEncryptionPrivateKey DELETE b2b/sso/saml/{connection_id}/encryption_private_key/{private_key_id}
sso.oidc.createConnection POST b2b/sso/oidc
sso.oidc.updateConnection PUT b2b/sso/oidc/{connection_id}
sso.external.createConnection POST b2b/sso/external
sso.external.updateConnection PUT b2b/sso/external/{connection_id}
sso.authenticate POST b2b/sso/authenticate
discovery.organizations.list POST b2b/discovery/organizations
discovery.organizations.create POST b2b/discovery/organizations/create
discovery.intermediateSessions.exchange POST b2b/discovery/intermediate_sessions/exchange
passwords.authenticate POST b2b/passwords/authenticate
passwords.discovery.authenticate POST b2b/passwords/discovery/authenticate
passwords.discovery.resetByEmailStart POST b2b/passwords/discovery/reset/start
passwords.discovery.resetByEmail POST b2b/passwords/discovery/reset
passwords.resetByEmailStart POST b2b/passwords/email/reset/start
passwords.resetByEmail POST b2b/passwords/email/reset
passwords.resetByExistingPassword POST b2b/passwords/existing_password/reset
passwords.resetBySession POST b2b/passwords/session/reset
passwords.strengthCheck POST b2b/passwords/strength_check
scim.createConnection POST b2b/scim
scim.updateConnection PUT b2b/scim/{connection_id}
scim.getConnection GET b2b/scim
scim.getConnectionGroups POST b2b/scim/groups
scim.rotateStart POST b2b/scim/rotate/start
scim.rotateComplete POST b2b/scim/rotate/complete
scim.rotateCancel POST b2b/scim/rotate/cancel
scim.deleteConnection DELETE b2b/scim/{connection_id}
totp.create POST b2b/totp
totp.authenticate POST b2b/totp/authenticate
recoveryCodes.get GET b2b/recovery_codes
recoveryCodes.rotate POST b2b/recovery_codes/rotate
recoveryCodes.recover POST b2b/recovery_codes/recover
impersonation.authenticate POST b2b/impersonation/authenticate
idp.oauthAuthorizeStart POST idp/b2b/oauth/authorize/start
idp.oauthAuthorizeSubmit POST idp/b2b/oauth/authorize/submit
idp.oauthLogoutStart POST b2b/oauth/logout/start
organization.delete DELETE b2b/organizations/me
"""


def not_yet(verb: str, path: str) -> str:
    """Return the name of the SDK's method at an address, "" where no SDK has one."""
    for name, known_verb, pattern in _missing():
        if verb == known_verb and pattern.fullmatch(path):
            return name
    return ""


def missing_methods() -> list[str]:
    """Return the names of the SDKs' methods that are not here yet, each once."""
    return list(dict.fromkeys(name for name, _, _ in _missing()))


@cache
def _missing() -> list[tuple[str, str, re.Pattern[str]]]:
    here = {(verb, _pattern(path)) for path, verbs in by_address(ENDPOINTS.values()).items() for verb in verbs}
    return [
        (name, verb, re.compile(_pattern(path))) for name, verb, path in _known() if (verb, _pattern(path)) not in here
    ]


def _pattern(path: str) -> str:
    return re.sub(r"{\w+}", "[^/]+", path)


def _known() -> Iterator[tuple[str, str, str]]:
    for prefix, listed in ((BACKEND, _BACKEND_METHODS), (BROWSER, _BROWSER_METHODS)):
        for line in listed.strip().splitlines():
            name, verb, path = line.split()
            yield name, verb, prefix + path
