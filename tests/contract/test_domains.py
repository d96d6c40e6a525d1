"""Email domains in every directory (portal.directory.domains): only the embedded one asks for proofs."""

import pytest

from portal.directory.domains import DomainState
from portal.directory.errors import NotFound, Unauthenticated
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened


@STYTCH_ONLY
def test_stytch_has_none(world: World) -> None:
    assert opened(world).domains is None


@EMBEDDED_ONLY
def test_a_domain_is_added_and_removed(world: World) -> None:
    domains, visitors = acting(world).domains, opened(world).domains
    assert domains
    assert visitors

    added = domains.add("acme.example")

    assert domains.all() == (added,)
    assert (added.state, added.lets_join) == (DomainState.NOT_PROVED, False)
    with pytest.raises(Unauthenticated):
        visitors.all()
    assert domains.remove(added.domain_id) == added
    with pytest.raises(NotFound):
        domains.get(added.domain_id)
