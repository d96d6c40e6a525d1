"""A portal behind each of the two example proxies."""

from collections.abc import Iterator

import pytest

from tests.deploy.serving import Site, haproxy, nginx, site


@pytest.fixture(scope="session")
def behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal with two instances behind docs/deploy/nginx.conf."""
    with site(tmp_path_factory.mktemp("nginx")) as served, nginx(served):
        yield served


@pytest.fixture(scope="session")
def behind_haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal with two nodes behind docs/deploy/haproxy.cfg."""
    with site(tmp_path_factory.mktemp("haproxy"), has_ports=True) as served, haproxy(served):
        yield served


@pytest.fixture(scope="session")
def behind_nginx_and_pgbouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same behind nginx, with PgBouncer in transaction mode in front of PostgreSQL."""
    with site(tmp_path_factory.mktemp("pooled"), is_pooled=True) as served, nginx(served):
        yield served


@pytest.fixture(
    params=[pytest.param("nginx", marks=pytest.mark.nginx), pytest.param("haproxy", marks=pytest.mark.haproxy)]
)
def served(request: pytest.FixtureRequest) -> Site:
    """The portal behind each proxy in turn."""
    behind: Site = request.getfixturevalue(f"behind_{request.param}")
    return behind
