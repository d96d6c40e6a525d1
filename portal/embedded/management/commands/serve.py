"""`manage.py serve`."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portal.serving import server


class Command(BaseCommand):
    """Serve the portal, for a reverse proxy in front. The GRANIAN_ variables of the HTTP server apply."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", help="the address to listen on (default: GRANIAN_HOST, or 127.0.0.1)")
        parser.add_argument("--port", help="the port to listen on (default: GRANIAN_PORT, or 8000)")
        parser.add_argument("--workers", help="the number of processes (default: GRANIAN_WORKERS, or 1)")

    def handle(self, *_: Any, host: str | None, port: str | None, workers: str | None, **__: Any) -> None:
        """Replace this process with the server."""
        options = {"GRANIAN_HOST": host, "GRANIAN_PORT": port, "GRANIAN_WORKERS": workers}
        program, *arguments = server.command()
        environment = server.environment(**{name: value for name, value in options.items() if value})
        os.execve(program, [program, *arguments], environment)  # noqa: S606 -- our own interpreter
