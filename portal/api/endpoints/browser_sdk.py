"""What Stytch's browser SDK requests on its own: the project's configuration at start, and usage events."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.endpoints.rbac import Policy, policy_object


class BootstrapRequest(msgspec.Struct):
    """The public token of a project."""

    public_token: str


class CaptchaSettings(msgspec.Struct):
    """There is no captcha."""

    enabled: bool = False


class PasswordConfig(msgspec.Struct):
    """How many kinds of characters, and how many characters, a password has at least."""

    luds_complexity: int
    luds_minimum_count: int


class BootstrapResponse(msgspec.Struct):
    """The project's configuration. The SDK needs every field: without one, it reads no permissions."""

    rbac_policy: Policy
    project_name: str = "Gatehouse"
    disable_sdk_watermark: bool = True
    cname_domain: None = None
    email_domains: list[str] = []
    captcha_settings: CaptchaSettings = msgspec.field(default_factory=CaptchaSettings)
    pkce_required_for_email_magic_links: bool = False
    pkce_required_for_password_resets: bool = False
    pkce_required_for_oauth: bool = False
    pkce_required_for_sso: bool = False
    slug_pattern: None = None
    create_organization_enabled: bool = False
    password_config: PasswordConfig | None = None  # None is zxcvbn
    dfp_protected_auth_enabled: bool = False
    siwe_required_for_crypto_wallets: bool = False
    vertical: str = "B2B"


@endpoint(
    "projects.bootstrap",
    browser=[BrowserRoute("GET", "projects/bootstrap/{public_token}", needs_session=False)],
    rights=None,
    of_organization=False,
    is_open=True,
)
def bootstrap(caller: Caller, request: BootstrapRequest) -> BootstrapResponse:
    """Return the project's configuration and the RBAC policy, which the SDK uses to decide what to show."""
    caller.project.authenticate_public_token(request.public_token)
    configuration = caller.project.configuration
    pkce, rules = configuration.sdk.pkce_required, configuration.passwords
    return BootstrapResponse(
        policy_object(caller.project.policy()),
        project_name=configuration.name,
        pkce_required_for_email_magic_links="email_magic_links" in pkce,
        pkce_required_for_password_resets="password_resets" in pkce,
        create_organization_enabled=configuration.sdk.create_organizations,
        password_config=PasswordConfig(rules.luds_complexity, rules.luds_minimum_count)
        if rules.strength == "luds"
        else None,
    )


@endpoint(
    "events",
    browser=[BrowserRoute("POST", "events", needs_session=False)],
    rights=None,
    of_organization=False,
    is_open=True,
    ignores_body=True,
)
def events(_caller: Caller, _request: wire.Empty) -> wire.Empty:
    """Accept the SDK's usage events and discard them unread."""
    return wire.Empty()
