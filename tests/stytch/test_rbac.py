"""The cached policy of the project."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from portal.directory.actor import Origin
from portal.directory.errors import Unavailable
from portal.directory.policy import Policy
from portal.stytch import rbac
from portal.stytch.directory import StytchProvider
from tests.fakes.stytch import FakeStytch

AUDITOR = Policy.from_json(
    {"roles": [{"role_id": "auditor", "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}]}]}
)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a way to let time pass."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(rbac, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def pass_(seconds: float) -> None:
        clock.now += seconds

    return pass_


def policy(provider: StytchProvider) -> Policy:
    return provider.open("acme", Origin()).rbac.policy()


def allows_auditor(provider: StytchProvider) -> bool:
    return policy(provider).allows(["auditor"], "stytch.scim:get")


def test_policy_is_fetched_once_in_five_minutes(
    provider: StytchProvider, stytch: FakeStytch, later: Callable[[float], None]
) -> None:
    assert not allows_auditor(provider)
    stytch.project.policy = stytch.project.policy.extended_by(AUDITOR)
    later(299)
    assert not allows_auditor(provider)
    later(2)
    assert allows_auditor(provider)
    assert len(stytch.requests_to("/policy")) == 2


def test_outdated_policy_is_used_during_an_outage(
    provider: StytchProvider, stytch: FakeStytch, later: Callable[[float], None]
) -> None:
    first = policy(provider)
    later(301)
    stytch.fail(path="/policy", times=99, status=500)

    assert policy(provider) is first
    assert policy(provider) is first
    assert len(stytch.requests_to("/policy")) == 2, "a server in trouble is not asked at each request"
    stytch.recover()
    later(16)
    assert policy(provider) is not first


def test_without_policy_nothing_is_allowed(provider: StytchProvider, stytch: FakeStytch) -> None:
    stytch.fail(path="/policy", times=9, status=503)

    with pytest.raises(Unavailable):
        policy(provider)


@pytest.mark.parametrize("body", ['{"policy": null}', '{"policy": {"roles": 5}}', '{"policy": {"roles": [{}]}}'])
def test_invalid_policy_is_unavailable(provider: StytchProvider, stytch: FakeStytch, body: str) -> None:
    stytch.fail(path="/policy", body=body)

    with pytest.raises(Unavailable):
        policy(provider)


def test_threads_share_one_fetch_of_the_policy(provider: StytchProvider, stytch: FakeStytch) -> None:
    stytch.fail(path="/policy", delay=0.2)
    found: list[Policy] = []
    threads = [threading.Thread(target=lambda: found.append(policy(provider))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(stytch.requests_to("/policy")) == 1


def test_threads_use_the_cached_policy_during_a_fetch(
    provider: StytchProvider, stytch: FakeStytch, later: Callable[[float], None]
) -> None:
    first = policy(provider)
    later(301)

    with provider._rbac._lock:
        assert policy(provider) is first
    assert len(stytch.requests_to("/policy")) == 1
    assert policy(provider) is not first
