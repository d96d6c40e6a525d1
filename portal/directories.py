"""The kinds of directory; the only module that knows them all."""

from collections.abc import Mapping
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from portal.directory.actor import Origin
from portal.directory.directory import DirectoryProvider
from portal.directory.project import Project

# By name: the one that is not used, and the libraries that it needs, are not loaded.
PROVIDERS = {
    "embedded": "portal.embedded.directory.EmbeddedProvider",
    "stytch": "portal.stytch.directory.StytchProvider",
}
_FAULTS = "portal.embedded.database.readiness.faults"
_VERIFY = "portal.embedded.database.start.verify_database"
_PROJECT = "portal.embedded.project.EmbeddedProject"


def project(origin: Origin) -> Project:
    """Return the project as the JSON API sees it; only with the embedded directory, which alone serves it."""
    opened: Project = import_string(_PROJECT)(origin)
    return opened


@cache
def _provider(name: str) -> DirectoryProvider:
    provider: DirectoryProvider = import_string(PROVIDERS[name])()
    return provider


def directories() -> DirectoryProvider:
    """Return the kind of directory that the setting DIRECTORY names."""
    return _provider(settings.DIRECTORY)


def verify_database() -> None:
    """End the process with one sentence if it can't work with its database as it is set up, but not if the database is away."""
    import_string(_VERIFY)()


def readiness_faults() -> Mapping[str, str]:
    """Return what keeps this process from serving with its database, a few words about each part; {} if nothing does."""
    found: Mapping[str, str] = import_string(_FAULTS)()
    return found
