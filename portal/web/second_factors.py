"""The second factors that a page offers, in the words of its buttons."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.directory.second_factors import SMS_OTP, TOTP
from portal.directory.sessions import SignedIn

# The values of `factor` in URLs and forms.
APP, SMS, RECOVERY = "app", "sms", "recovery"
_FACTORS = {TOTP: APP, SMS_OTP: SMS}


@dataclass(frozen=True, slots=True)
class Way:
    """A button that leads to another second factor."""

    factor: str
    icon: str
    label: str


_WAYS = (
    Way(APP, "smartphone", "Use your authenticator app"),
    Way(SMS, "message-square", "Use a text message"),
    Way(RECOVERY, "life-buoy", "Use a recovery code"),
)


def offered(methods: Sequence[str]) -> tuple[str, ...]:
    """Return the factors of a member with these methods. Recovery codes come with an authenticator app."""
    factors = [_FACTORS[one] for one in methods]
    return (*factors, RECOVERY) if APP in factors else tuple(factors)


def chosen(asked: str, factors: Sequence[str]) -> str:
    """Return the factor that was asked for, or the first one."""
    return asked if asked in factors else next(iter(factors), APP)


def other_ways(factor: str, factors: Sequence[str]) -> tuple[Way, ...]:
    """Return the buttons for the other factors."""
    return tuple(one for one in _WAYS if one.factor != factor and one.factor in factors)


def own_methods(signed_in: SignedIn) -> tuple[str, ...]:
    """Return the methods that a member can confirm with, the default in front."""
    member, allowed = signed_in.member, signed_in.organization.settings.second_factors
    has = {TOTP: bool(member.totp_registration_id), SMS_OTP: member.has_phone}
    methods = [one for one in has if has[one] and one in allowed]
    return tuple(sorted(methods, key=lambda one: one != member.default_mfa_method))
