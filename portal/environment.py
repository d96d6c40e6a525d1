"""Readers of settings in the environment (and in `.env`), which name a missing or invalid value."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from limits import parse as parse_rate
from limits import parse_many as parse_rates

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(ROOT / ".env")

# Old name → new name. Old names work until 1.0 (docs/configure.md).
RENAMED_SETTINGS = {"SCIM_BRAKE_SHARE": "SCIM_SAFEGUARD_SHARE", "SCIM_BRAKE_LEAST": "SCIM_SAFEGUARD_MINIMUM"}

for _old, _new in RENAMED_SETTINGS.items():
    if _old in env.ENVIRON:
        env.ENVIRON.setdefault(_new, env.ENVIRON[_old])


def required(name: str) -> str:
    """Return a setting that has no default. Raise ImproperlyConfigured if it's missing."""
    value = str(env.str(name, default="")).strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. docs/configure.md explains it.")
    return value


def one_of(name: str, choices: tuple[str, ...]) -> str:
    """Return a setting with a fixed set of values, the first by default. Raise ImproperlyConfigured for any other."""
    value = str(env.str(name, default=choices[0]))
    if value not in choices:
        raise ImproperlyConfigured(f'{name} is "{value}", but must be one of: {", ".join(choices)}.')
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return a boolean setting. Raise ImproperlyConfigured if it's neither: a misspelled "true" must not mean false."""
    value = str(env.str(name, default=str(default))).lower()
    if value not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ImproperlyConfigured(f'{name} is "{value}", but must be true or false.')
    return value in {"true", "1", "yes", "on"}


def whole_number(name: str, *, default: int, minimum: int, maximum: int) -> int:
    """Return a whole number. Raise ImproperlyConfigured if it's out of range."""
    value = str(env.str(name, default=str(default)))
    if not re.fullmatch(r"-?[0-9]{1,9}", value) or not minimum <= int(value) <= maximum:
        raise ImproperlyConfigured(f'{name} is "{value}", but must be a whole number from {minimum} to {maximum}.')
    return int(value)


def rate(name: str, default: str) -> str:
    """Return a rate such as "10 per minute". Raise ImproperlyConfigured if it's invalid."""
    value = str(env.str(name, default=default))
    try:
        parse_rate(value)
    except ValueError as error:
        raise ImproperlyConfigured(f'{name} is "{value}", but must be a rate such as "10 per minute".') from error
    return value


def rates(name: str, default: str) -> str:
    """Return one or more rates such as "10 per minute; 30 per hour". Raise ImproperlyConfigured if one is invalid."""
    value = str(env.str(name, default=default))
    try:
        parse_rates(value)
    except ValueError as error:
        raise ImproperlyConfigured(
            f'{name} is "{value}", but must be rates such as "10 per minute; 30 per hour".'
        ) from error
    return value


def networks(name: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return a list of IP addresses or networks. Raise ImproperlyConfigured if one is invalid."""
    try:
        return tuple(ipaddress.ip_network(text) for text in env.list(name, default=[]))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must list IP addresses or networks such as 10.0.0.0/8: {error}.") from error


def header_name(name: str, default: str) -> str:
    """Return the name of an HTTP header. Raise ImproperlyConfigured if it's invalid."""
    value = str(env.str(name, default=default))
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", value):
        raise ImproperlyConfigured(f'{name} is "{value}", but must be the name of a header: letters, digits and -.')
    return value


def origins(name: str) -> list[str]:
    """Return a list of origins such as https://app.example.com. Raise ImproperlyConfigured if one is invalid."""
    listed = [str(text).strip().rstrip("/").lower() for text in env.list(name, default=[])]
    for text in listed:
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or text != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
            raise ImproperlyConfigured(
                f'{name} has "{text}", but must list origins such as https://app.example.com, without a path or a *.'
            )
    return listed
