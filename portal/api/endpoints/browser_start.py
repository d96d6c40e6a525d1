"""What Stytch's SDK for browsers asks before anybody signs in: how the project is set up; and the events that it reports."""

import msgspec

from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.endpoints.rbac import PolicyAnswer, policy_answer
from portal.api.wire import Nothing


class NamedPublicToken(msgspec.Struct):
    """A project, by its public token."""

    public_token: str


class CaptchaSettings(msgspec.Struct):
    """There is no captcha."""

    enabled: bool = False


class Bootstrap(msgspec.Struct):
    """What the SDK reads; whatever it could leave out it must find, or its rights are empty."""

    rbac_policy: PolicyAnswer
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
    password_config: None = None
    dfp_protected_auth_enabled: bool = False
    siwe_required_for_crypto_wallets: bool = False
    vertical: str = "B2B"


@endpoint(
    "projects.bootstrap",
    sdk=[Twin("GET", "projects/bootstrap/{public_token}", needs_session=False)],
    rights=None,
    of_organization=False,
    is_open=True,
)
def bootstrap(call: Call, request: NamedPublicToken) -> Bootstrap:
    """Return how the project is set up, with its policy, by which the SDK decides what to show."""
    call.project.authenticate_public_token(request.public_token)
    return Bootstrap(policy_answer(call.project.policy()))


@endpoint(
    "events",
    sdk=[Twin("POST", "events", needs_session=False)],
    rights=None,
    of_organization=False,
    is_open=True,
    ignores_body=True,
)
def events(call: Call, request: Nothing) -> Nothing:  # noqa: ARG001 -- every method has both
    """Take what the SDK reports of its own use, and forget it unread."""
    return Nothing()
