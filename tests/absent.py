"""An embedded directory that lacks capabilities, as others do."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.scope import Scope


@contextmanager
def absent(*nouns: str) -> Iterator[None]:
    """Open directories without these nouns of SCIM."""
    original = EmbeddedScim.__init__

    def create(self: EmbeddedScim, scope: Scope) -> None:
        original(self, scope)
        assert all(hasattr(EmbeddedScim, noun) for noun in nouns)
        # What a cached_property would store.
        vars(self).update(dict.fromkeys(nouns))

    with patch.object(EmbeddedScim, "__init__", create):
        yield
