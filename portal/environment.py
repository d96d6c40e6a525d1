"""Readers of settings in the environment (and in `.env`), which name a missing or invalid value."""

import ipaddress
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from limits import parse as parse_rate
from limits import parse_many as parse_rates

from portal.folders import HOME

env = environ.Env()
environ.Env.read_env(HOME / ".env")

# Old name → new name. Old names work until 1.0 (docs/configure.md).
RENAMED_SETTINGS = {"SCIM_BRAKE_SHARE": "SCIM_SAFEGUARD_SHARE", "SCIM_BRAKE_LEAST": "SCIM_SAFEGUARD_MINIMUM"}

for _old, _new in RENAMED_SETTINGS.items():
    if _old in env.ENVIRON:
        env.ENVIRON.setdefault(_new, env.ENVIRON[_old])

# The files that secrets were read from, by the name of the setting.
SECRET_FILES: dict[str, Path] = {}
_MAX_SECRET_CHARACTERS = 65_536
# The limits of Django's check security.W009.
_MIN_LENGTH, _MIN_UNIQUE_CHARACTERS = 50, 5
_MAX_PORT = 65_535
_DNS_PORT = 53


def required(name: str) -> str:
    """Return a setting that has no default. Raise ImproperlyConfigured if it's missing."""
    value = str(env.str(name, default="")).strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. docs/configure.md explains it.")
    return value


def secret(name: str, *, default: str = "", is_required: bool = False) -> str:
    """Return a setting that holds a secret, from NAME or from the file that NAME_FILE names.

    Raise ImproperlyConfigured if both are set, if the file can't be used, or if a required one is missing.
    """
    value, file = str(env.str(name, default="")), str(env.str(f"{name}_FILE", default=""))
    if value.strip() and file:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Set one of them.")
    if file:
        return _content(f"{name}_FILE", Path(file))
    if is_required:
        return required(name)
    return value or default


def key(name: str, *, is_required: bool = False) -> str:
    """Return a key that signs or encrypts. Raise ImproperlyConfigured if it's too easy to guess, or as `secret` does."""
    value = secret(name, is_required=is_required)
    if value and (len(value) < _MIN_LENGTH or len(set(value)) < _MIN_UNIQUE_CHARACTERS):
        raise ImproperlyConfigured(f"{name} is too easy to guess: use at minimum 50 random characters.")
    return value


def secrets(name: str) -> list[str]:
    """Return a list of secrets, separated by commas or lines. Raise ImproperlyConfigured, as `secret` does."""
    return [text.strip() for text in re.split(r"[,\n]", secret(name)) if text.strip()]


def _content(name: str, path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            content = file.read(_MAX_SECRET_CHARACTERS + 1).rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or "it isn't UTF-8 text"
        raise ImproperlyConfigured(f"{name} is {path}, which can't be read: {cause}.") from None
    if not content.strip():
        raise ImproperlyConfigured(f"{name} is {path}, which is empty.")
    if len(content) > _MAX_SECRET_CHARACTERS:
        raise ImproperlyConfigured(f"{name} is {path}, which is too large to be a secret.")
    SECRET_FILES[name] = path
    return content


def file(name: str) -> Path | None:
    """Return the file that a setting names, None if it isn't set. Raise ImproperlyConfigured if it can't be read."""
    path = str(env.str(name, default=""))
    if not path:
        return None
    try:
        with Path(path).open("rb"):
            return Path(path)
    except OSError as error:
        raise ImproperlyConfigured(f"{name} is {path}, which can't be read: {error.strerror}.") from error


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


def bounds(name: str, *, default: tuple[int, int], limits: tuple[int, int], contains: int) -> tuple[int, int]:
    """Return the bounds of another setting, written as "5-50". Raise ImproperlyConfigured if they don't contain it.

    If the setting is missing, the default is widened so that it does.
    """
    value = str(env.str(name, default="")).strip()
    is_checked = limits[0] <= contains <= limits[1]
    if not value:
        return (min(default[0], contains), max(default[1], contains)) if is_checked else default
    found = re.fullmatch(r"([0-9]{1,9})\s*-\s*([0-9]{1,9})", value)
    lowest, highest = (int(found[1]), int(found[2])) if found else (0, -1)
    if not limits[0] <= lowest <= highest <= limits[1]:
        raise ImproperlyConfigured(
            f'{name} is "{value}", but must be two whole numbers from {limits[0]} to {limits[1]}, such as '
            f"{default[0]}-{default[1]}."
        )
    if is_checked and not lowest <= contains <= highest:
        raise ImproperlyConfigured(f"{name} is {lowest}-{highest}, but {contains} is the default for connections.")
    return lowest, highest


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


def resolvers(name: str) -> tuple[tuple[str, int], ...]:
    """Return the addresses and ports of DNS resolvers, such as 192.0.2.53 or [2001:db8::53]:5353. Raise ImproperlyConfigured."""
    found = []
    for text in env.list(name, default=[]):
        address, _, port = (
            str(text).strip().rpartition(":") if re.search(r"\]:|\.[0-9]+:", str(text)) else (text, "", "")
        )
        try:
            address = str(ipaddress.ip_address(str(address).strip().strip("[]")))
        except ValueError:
            address = ""
        number = int(port) if re.fullmatch(r"[0-9]{1,5}", port) else _DNS_PORT if not port else 0
        if not address or not 1 <= number <= _MAX_PORT:
            raise ImproperlyConfigured(
                f"{name} must list IP addresses of DNS resolvers, such as 192.0.2.53 or [2001:db8::53]:5353."
            )
        found.append((address, number))
    return tuple(found)


def ports(name: str, default: str) -> tuple[int, ...]:
    """Return a list of TCP ports. Raise ImproperlyConfigured if one is invalid."""
    listed = [str(text) for text in env.list(name, default=default.split(","))]
    if any(not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= _MAX_PORT for text in listed):
        raise ImproperlyConfigured(f"{name} must list ports from 1 to 65535, such as {default}.")
    return tuple(map(int, listed))


def proxy(name: str) -> str:
    """Return the URL of an HTTP proxy, or "". Raise ImproperlyConfigured if it's invalid."""
    value = secret(name)
    try:
        parts = urlsplit(value)
        is_valid = parts.scheme == "http" and parts.hostname and parts.port and parts.path in {"", "/"}
    except ValueError:
        is_valid = False
    # Don't repeat the URL: it can contain a password.
    if value and not is_valid:
        raise ImproperlyConfigured(f"{name} must be a URL such as http://proxy.example.com:3128.")
    return value


def certificates(name: str) -> str:
    """Return the path of a PEM file with certificates, or "". Raise ImproperlyConfigured if it can't be used."""
    path = str(env.str(name, default=""))
    try:
        if path:
            ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ImproperlyConfigured(f"{name} is {path}, which isn't a readable PEM file of certificates.") from error
    return path


def header_name(name: str, default: str) -> str:
    """Return the name of an HTTP header. Raise ImproperlyConfigured if it's invalid."""
    value = str(env.str(name, default=default))
    if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", value):
        raise ImproperlyConfigured(f'{name} is "{value}", but must be the name of a header: letters, digits and -.')
    return value


def host_name(url: str) -> str:
    """Return the host of an origin as ALLOWED_HOSTS names it, without the port."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def embed_url(name: str, public_host: str, *, allows_http: bool) -> str:
    """Return the origin that serves frames, "" if there are none. Raise ImproperlyConfigured if it's invalid.

    It has a host of its own, so that no cookie of the portal is ever sent with a request of a frame. Browsers accept the
    cookies of frames only over https, and on localhost.
    """
    url = str(env.str(name, default="")).strip().rstrip("/").lower()
    if not url:
        return ""
    parts = urlsplit(url)
    if url != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
        raise ImproperlyConfigured(
            f'{name} is "{url}", but must be an origin such as https://embed.example.com, without a path.'
        )
    if parts.hostname == public_host:
        raise ImproperlyConfigured(f"{name} must have another host than PUBLIC_URL.")
    if parts.scheme != "https" and not (parts.scheme == "http" and allows_http and parts.hostname == "localhost"):
        raise ImproperlyConfigured(
            f'{name} is "{url}", but must start with https://. Only a trial on your own machine may use http://localhost, '
            "with ALLOW_HTTP=true."
        )
    return url


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
