"""Only the modules that are named here reach the network, and each URL that others choose goes through the outbound client."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARIES = {
    "aiohttp",
    "dns",
    "ftplib",
    "http.client",
    "httpx",
    "requests",
    "smtplib",
    "socket",
    "ssl",
    "urllib.request",
    "urllib3",
}
# Each with the reason. portal.stytch requests one server, of the operator's settings, many times for each page: it keeps
# its connections open and repeats reads, which no request to a URL that someone entered needs.
ALLOWED = {
    "portal/outbound/addresses.py": "looks names up",
    "portal/outbound/client.py": "the client",
    "portal/outbound/connections.py": "connects to checked addresses",
    "portal/outbound/dns.py": "asks the operator's resolvers",
    "portal/outbound/deadline.py": "ends connections",
    "portal/outbound/urls.py": "urllib3's parser of URLs",
    "portal/embedded/doctor/mail.py": "the mail server of the operator's settings",
    "portal/embedded/doctor/public_url.py": "the operator's own PUBLIC_URL: its certificate, and a body that is announced",
    "portal/stytch/http.py": "Stytch's API alone",
    "portal/environment.py": "tries a file of certificates at the start",
    "portal/embedded/management/commands/demo.py": "looks whether its own port is free",
    "portal/embedded/tasks/heartbeats.py": "the name of the machine",
    "portal/mail/delivery.py": "the errors of the mail server",
    "portal/embedded/invitations/many.py": "an error of the mail server",
    "portal/serving/healthcheck.py": "asks this instance for its health",
}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{one.name}" for one in node.names))


def reaches_the_network(source: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for name in imported(source) for library in LIBRARIES)


def test_only_these_modules_reach_the_network() -> None:
    paths = [path for folder in ("portal", "scim_admin") for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in paths if reaches_the_network(path.read_text())}

    assert sorted(found - set(ALLOWED)) == []
    assert "portal/outbound/connections.py" in found


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("import requests", True),
        ("from urllib import request", True),
        ("from http.client import HTTPSConnection", True),
        ("import urllib3.util", True),
        ("from http import HTTPStatus", False),
        ("from urllib.parse import urlsplit", False),
    ],
)
def test_the_rule_finds_imports(source: str, *, is_found: bool) -> None:
    assert reaches_the_network(source) is is_found
