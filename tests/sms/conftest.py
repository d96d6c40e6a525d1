"""The servers and names of the tests of the outbound client."""

from tests.outbound.conftest import authority, loopback, names, open_settings

__all__ = ["authority", "loopback", "names", "open_settings"]
