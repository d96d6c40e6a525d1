"""Create the `.env` of `manage.py demo`. Must run before Django reads any setting."""

import os
import secrets

from portal.folders import HOME

ENV_FILE = HOME / ".env"
INBOX = HOME / "inbox"
_DEFAULT_PORT = "8000"
_WORDS = (
    "amber anchor apple autumn basil birch cedar cobalt coral crane delta ember falcon fern garnet glacier harbor hazel "
    "indigo island jasper juniper kestrel lagoon lantern linden maple marble meadow nectar north olive onyx orchid otter "
    "pebble pepper quartz raven river saffron sage silver sparrow summit tidal timber topaz tulip velvet violet walnut "
    "willow winter zephyr"
).split()


def ensure_environment(arguments: list[str]) -> None:
    """Write `.env` with new secrets if there is none, and use the demo's port in every URL."""
    port = _port(arguments)
    if not ENV_FILE.exists():
        _write(port)
    if port and "PUBLIC_URL" not in os.environ:
        os.environ["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    if "--embed-example" in arguments and "EMBED_URL" not in os.environ:
        # Another host than PUBLIC_URL's, which makes the two sites of their own.
        os.environ["EMBED_URL"] = f"http://localhost:{port or _DEFAULT_PORT}"


def _port(arguments: list[str]) -> str:
    """Return the value of --port, or "". The command validates it later."""
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--port":
            return value or next(iter(arguments[position + 1 :]), "")
    return ""


def _write(port: str) -> None:
    lines = (
        "# Created by `manage.py demo`, for a trial on this machine only. docs/configure.md explains every setting.",
        f"SECRET_KEY={secrets.token_urlsafe(60)}",
        "ALLOW_HTTP=true",
        f"PUBLIC_URL=http://127.0.0.1:{port or _DEFAULT_PORT}",
        "LOG_LEVEL=WARNING",
        "LOG_FORMAT=console",
        # Emails stay on this machine: in files, which the demo shows at /demo/inbox/.
        f"EMAIL_URL=filemail://{INBOX.as_posix()}",
        "EMAIL_FROM=Gatehouse demo <demo@gatehouse.example>",
        # Text messages, too.
        f"SMS_URL=filesms://{INBOX.as_posix()}",
        "DEMO_INBOX=true",
        f"DEMO_PASSWORD={'-'.join(secrets.choice(_WORDS) for _ in range(5))}",
    )
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    INBOX.mkdir(mode=0o700, exist_ok=True)
    # Only the owner can read the file, from the first byte on.
    with os.fdopen(os.open(ENV_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
