"""The commands, as `manage.py` in a checkout and as `gatehouse` where the wheel is installed."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from portal.outages import UndeclaredPooler
from portal.version import version


def main() -> None:
    """Run the command line; a wrong setting ends it with one sentence instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if sys.argv[1:] in (["--version"], ["version"]):
        sys.stdout.write(f"Gatehouse {version()}\n")
        return
    if sys.argv[1:2] == ["demo"] and "--help" not in sys.argv:
        # The demo must be able to write the very settings that Django reads when it starts.
        from portal.demo_environment import ensure_environment  # noqa: PLC0415 -- before any setting is read

        ensure_environment(sys.argv[2:])
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, UndeclaredPooler) as error:
        sys.exit(f"Gatehouse cannot start: {error}")
