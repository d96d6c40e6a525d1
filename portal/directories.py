"""The kinds of directory; the only module that knows them all."""

from functools import cache

from django.conf import settings

from portal.directory.embedded.directory import EmbeddedProvider
from portal.directory.gateway import DirectoryProvider
from portal.directory.stytch.directory import StytchProvider

PROVIDERS: dict[str, type[DirectoryProvider]] = {"embedded": EmbeddedProvider, "stytch": StytchProvider}


@cache
def _provider(name: str) -> DirectoryProvider:
    return PROVIDERS[name]()


def directories() -> DirectoryProvider:
    """Return the kind of directory that the setting DIRECTORY names."""
    return _provider(settings.DIRECTORY)
