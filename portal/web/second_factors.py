"""The second factors that a page offers, in the words of its buttons."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.directory.second_factors import PASSKEY as PASSKEY_METHOD
from portal.directory.second_factors import SMS_OTP, TOTP
from portal.directory.sessions import SignedIn
from portal.directory.step_up import own_methods as codes_of

# The values of `factor` in URLs and forms.
APP, SMS, PASSKEY, RECOVERY = "app", "sms", "passkey", "recovery"
_FACTORS = {TOTP: APP, SMS_OTP: SMS, PASSKEY_METHOD: PASSKEY}


@dataclass(frozen=True, slots=True)
class Way:
    """A button that leads to another second factor."""

    factor: str
    icon: str
    label: str
    # Whether it does nothing without scripts.
    needs_script: bool = False


_WAYS = (
    Way(PASSKEY, "fingerprint-pattern", "Use a passkey", needs_script=True),
    Way(APP, "smartphone", "Use your authenticator app"),
    Way(SMS, "message-square", "Use a text message"),
    Way(RECOVERY, "life-buoy", "Use a recovery code"),
)

_WAYS_TO_SET_UP = (
    Way(APP, "smartphone", "Use an authenticator app"),
    Way(PASSKEY, "fingerprint-pattern", "Create a passkey", needs_script=True),
    Way(SMS, "message-square", "Use text messages"),
)


def is_required(signed_in: SignedIn) -> bool:
    """Say whether the organization wants a second factor of the member."""
    settings = signed_in.organization.settings
    return settings.requires_second_factor(is_admin=signed_in.member.is_admin)


def offered(methods: Sequence[str]) -> tuple[str, ...]:
    """Return the factors of a member with these methods. Recovery codes come with an app or a passkey."""
    factors = [_FACTORS[one] for one in methods]
    return (*factors, RECOVERY) if {APP, PASSKEY}.intersection(factors) else tuple(factors)


def chosen(asked: str, factors: Sequence[str]) -> str:
    """Return the factor that was asked for, or the first one."""
    return asked if asked in factors else next(iter(factors), APP)


def other_ways(factor: str, factors: Sequence[str]) -> tuple[Way, ...]:
    """Return the buttons for the other factors."""
    return tuple(one for one in _WAYS if one.factor != factor and one.factor in factors)


def ways_to_set_up(factor: str, factors: Sequence[str]) -> tuple[Way, ...]:
    """Return the buttons for the other factors that can be set up."""
    return tuple(one for one in _WAYS_TO_SET_UP if one.factor != factor and one.factor in factors)


def own_methods(signed_in: SignedIn) -> tuple[str, ...]:
    """Return the methods that a member can confirm with, the one to offer first in front."""
    member, methods = signed_in.member, list(codes_of(signed_in))
    if member.passkeys and signed_in.organization.settings.allows_passkeys:
        methods.insert(0 if member.used_passkey_last else len(methods), PASSKEY_METHOD)
    return tuple(methods)
