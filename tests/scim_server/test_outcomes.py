"""Requests of identity providers are counted by the state of the connection, the outcome and its cause."""

from unittest.mock import patch

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from portal.embedded import models
from portal.embedded.scim.log import entries
from tests.scim_server.conftest import Idp


def counted() -> dict[tuple[str, str, str], float]:
    (family,) = (one for one in REGISTRY.collect() if one.name == "gatehouse_scim_requests")
    names = ("connection", "outcome", "cause")
    return {
        (*(sample.labels[name] for name in names),): sample.value  # type: ignore[misc]  # -- three of them
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def new(before: dict[tuple[str, str, str], float]) -> dict[tuple[str, str, str], float]:
    return {key: number - before.get(key, 0) for key, number in counted().items() if number != before.get(key, 0)}


def test_each_request_is_counted_once(idp: Idp) -> None:
    before = counted()

    idp.create_user("ada")
    idp.create_user("ben")
    idp.send("POST", "/Users", {"userName": "ada"})
    idp.get("/Users/none")
    idp.get("/Users", filter="userName xx 1")
    idp.token = "scim_token-of-no-one"
    idp.get("/Users")
    assert new(before) == {
        ("active", "succeeded", "none"): 2,
        ("active", "failed", "uniqueness"): 1,
        ("active", "failed", "not_found"): 1,
        ("active", "failed", "invalidFilter"): 1,
        ("active", "failed", "unknown_token"): 1,
    }


def test_a_url_without_a_connection_is_counted_too(idp: Idp) -> None:
    before = counted()

    idp.client.get("/v1/b2b/scim/scim-connection-live-made-up/Users")
    assert new(before) == {("unknown", "failed", "no_token"): 1}


@pytest.mark.parametrize(("change", "state"), [("paused_at", "paused"), ("hold_started_at", "on_hold")])
def test_the_state_of_the_connection_is_a_label(idp: Idp, change: str, state: str) -> None:
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(**{change: timezone.now()})
    before = counted()

    idp.get("/Users")
    assert {key[0] for key in new(before)} == {state}


def test_an_expired_token_is_a_cause(idp: Idp) -> None:
    idp.tokens.update(expires_at=timezone.now())
    before = counted()

    idp.get("/Users")
    assert new(before) == {("active", "failed", "expired_token"): 1}


def test_entries_that_are_lost_are_counted(idp: Idp) -> None:
    def lost() -> float:
        return REGISTRY.get_sample_value("gatehouse_scim_log_entries_lost_total", {"reason": "error"}) or 0

    before = lost()
    with patch.object(entries, "count_requests", side_effect=ZeroDivisionError):
        idp.get("/Users")
        idp.get("/Users")
        entries._QUEUE.flush()
    assert lost() - before == 2
