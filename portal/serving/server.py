"""How the HTTP server granian is started: for `manage.py serve`, the demo, the systemd unit and the image."""

import os
import sys

from portal.folders import ROOT

# granian reads its options from these variables (docs/operate.md). One that is set already is left as it is.
_OPTIONS = {
    "GRANIAN_BLOCKING_THREADS": "256",  # most of them only wait: REQUESTS_AT_ONCE says how many work
    "GRANIAN_HTTP": "1",
    "GRANIAN_INTERFACE": "wsgi",
    "GRANIAN_LOG_LEVEL": "warning",
    "GRANIAN_RESPAWN_FAILED_WORKERS": "true",
    "GRANIAN_WEBSOCKETS": "false",
    "GRANIAN_WORKERS_KILL_TIMEOUT": "30",
    "GRANIAN_WORKERS_LIFETIME": "1d",
}


def command() -> list[str]:
    """Return the command line that starts the server."""
    return [sys.executable, "-m", "granian", "portal.wsgi:application"]


def environment(**chosen: str) -> dict[str, str]:
    """Return the environment for the command: this process's own, what is chosen, and defaults for the rest."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return _OPTIONS | os.environ | chosen | {"PYTHONPATH": path}
