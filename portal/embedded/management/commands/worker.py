"""`manage.py worker`."""

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.embedded.server_processes import announce
from portal.embedded.tasks.worker import Worker


class Command(BaseCommand):
    """Run background tasks: emails, and the scheduled jobs that clean up. Stops on SIGTERM once running tasks have ended."""

    help = __doc__
    _is_stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="run what is due now, then stop")

    def handle(self, *_: Any, once: bool, **__: Any) -> None:
        """Run the worker."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if not once:
            announce()
        Worker(threads=settings.WORKER_THREADS, should_stop=lambda: self._is_stopping, once=once).run()

    def _stop(self, number: int, _: FrameType | None) -> None:
        # Only a flag: the signal may arrive while this thread has a lock. A second signal ends the process.
        self._is_stopping = True
        signal.signal(number, signal.SIG_DFL)
