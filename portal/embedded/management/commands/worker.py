"""`manage.py worker`."""

import os
import signal
from argparse import ArgumentParser
from contextlib import suppress
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.embedded.server_processes import announce
from portal.embedded.tasks.worker import Worker

# Of 19. Processes of the portal on the same machine keep 0, and go first.
NICENESS = 15


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
            _give_way()
            announce()
        Worker(threads=settings.WORKER_THREADS, should_stop=lambda: self._is_stopping, once=once).run()

    def _stop(self, number: int, _: FrameType | None) -> None:
        # Only a flag: the signal may arrive while this thread has a lock. A second signal ends the process.
        self._is_stopping = True
        signal.signal(number, signal.SIG_DFL)


def _give_way() -> None:
    """Lower the priority of this process, unless it is that low already, so that pages don't wait for emails.

    Threads that start later inherit it. Does nothing where the system has no priorities, or doesn't let us change ours.
    """
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
