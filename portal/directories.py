"""The registry of directories. The only module that knows both."""

from collections.abc import Mapping
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from portal.directory.actor import Origin
from portal.directory.directory import DirectoryProvider
from portal.directory.figures import Figures
from portal.directory.project import Project

# By name, so that the unused one and its libraries aren't loaded.
PROVIDERS = {
    "embedded": "portal.embedded.directory.EmbeddedProvider",
    "stytch": "portal.stytch.directory.StytchProvider",
}
_FAULTS = "portal.embedded.database.readiness.faults"
_FIGURES = "portal.embedded.figures.figures"
_VERIFY = "portal.embedded.database.start.verify_database"
_ANNOUNCE = "portal.embedded.server_processes.announce"
_WORKER = "portal.embedded.tasks.in_process.start"
_PROJECT = "portal.embedded.project.EmbeddedProject"


def project(origin: Origin) -> Project:
    """Return the project for the JSON API, which exists only with the embedded directory."""
    opened: Project = import_string(_PROJECT)(origin)
    return opened


@cache
def _provider(name: str) -> DirectoryProvider:
    provider: DirectoryProvider = import_string(PROVIDERS[name])()
    return provider


def directories() -> DirectoryProvider:
    """Return the directory that the setting DIRECTORY names."""
    return _provider(settings.DIRECTORY)


def verify_database() -> None:
    """Exit with a message if the database isn't set up correctly, but not if it's unavailable."""
    import_string(_VERIFY)()


def announce_process() -> None:
    """Tell the database every few seconds that this process runs, and which keys it has."""
    import_string(_ANNOUNCE)()


def readiness_faults() -> Mapping[str, str]:
    """Return the parts that keep this process from serving, with a reason for each; {} if none do."""
    found: Mapping[str, str] = import_string(_FAULTS)()
    return found


def figures() -> Figures | None:
    """Return numbers over all organizations for monitoring, at most a minute old; None if they were never read."""
    found: Figures | None = import_string(_FIGURES)()
    return found


def start_worker() -> None:
    """Run background tasks in a thread of this process, unless another process of this machine does."""
    import_string(_WORKER)()
