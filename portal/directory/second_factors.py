"""Second factors: which factors are one, and what a sign-in waits for that still needs one (Stytch: MFA)."""

from dataclasses import dataclass, field
from enum import StrEnum

from portal.directory.errors import DirectoryError, Unauthenticated

# Values of mfa_policy, and of allowed_mfa_methods and default_mfa_method.
OPTIONAL, REQUIRED_FOR_ALL = "OPTIONAL", "REQUIRED_FOR_ALL"
TOTP, SMS_OTP = "totp", "sms_otp"
METHODS = (TOTP, SMS_OTP)
# On the portal's own pages only: Stytch's lists of methods can't name it (docs/decisions/0040).
PASSKEY = "passkey"
# The types of authentication factors that are a second one, in Stytch's terms. "otp" is a code by text message.
FACTOR_TYPES = frozenset({"totp", "otp", "recovery_codes", "webauthn"})


class Enrollment(StrEnum):
    """Whether to ask the member for a second factor from now on, also where the organization leaves it to them."""

    ENROLL = "enroll"
    UNENROLL = "unenroll"


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaChoices:
    """What changes for the member once the factor is right (Stytch: set_mfa_enrollment, set_default_mfa)."""

    enrollment: Enrollment | None = None
    is_default: bool = False


NO_CHOICES = MfaChoices()


@dataclass(frozen=True, slots=True)
class MfaRequired:
    """The second factors that a member has set up, if one is missing (Stytch: mfa_required). Both are "" for none."""

    phone_number: str = ""
    totp_registration_id: str = ""
    # The method whose code was sent already (Stytch: secondary_auth_initiated).
    initiated: str = ""
    # Whether they have a passkey that counts on the portal's pages, and used it last. Products don't get to know.
    has_passkey: bool = False
    used_passkey_last: bool = False


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in to the portal with the first factor: the member, the token that continues it, and the second factors.

    `methods` are those that the member has and the organization allows, the one to offer first in front. If it's empty, they
    set up one of `allowed_methods`.
    """

    organization_slug: str
    member_id: str
    email_address: str
    intermediate_session_token: str = field(repr=False)
    methods: tuple[str, ...]
    allowed_methods: tuple[str, ...]
    # The last two digits of the member's phone number, "" if they have none.
    phone_ending: str = ""
    # The method whose code was sent already, "" for none.
    initiated: str = ""


class WrongCode(Unauthenticated):
    """A code of a second factor is wrong, too old or used. What was proved before still counts."""


class SecondFactorRequired(DirectoryError):
    """The first factor was right, and the organization or the member wants a second one."""

    status = 401

    def __init__(self, pending: PendingSignIn) -> None:
        super().__init__("Confirm with your second factor.", error_type="insufficient_factors")
        self.pending = pending
