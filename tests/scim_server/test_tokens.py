"""The two valid tokens of a connection during a rotation."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.errors import Conflict, NotFound
from portal.embedded import models, operator
from tests import factories
from tests.scim_server.conftest import Idp

ACME: dict[str, Any] = {"organization_slug": "acme", "origin": Origin()}


def status_with(idp: Idp, token: str) -> int:
    return int(Idp(idp.connection, token).get("/Users").status_code)


def test_both_tokens_are_valid_during_a_rotation(idp: Idp) -> None:
    started = operator.rotate_start(**ACME)

    assert started.bearer_token.startswith("scim_")
    assert started.connection.bearer_token_last_four == idp.token[-4:]
    assert [status_with(idp, token) for token in (idp.token, started.bearer_token)] == [200, 200]
    lifetimes = [row.expires_at - timezone.now() for row in idp.tokens]
    assert all(timedelta(days=364) < lifetime < timedelta(days=366) for lifetime in lifetimes)


def test_completing_revokes_the_old_token_immediately(idp: Idp) -> None:
    following = operator.rotate_start(**ACME).bearer_token

    connection = operator.rotate_complete(**ACME)

    assert connection.bearer_token_last_four == following[-4:]
    assert [status_with(idp, token) for token in (idp.token, following)] == [401, 200]


def test_canceling_revokes_the_new_token_immediately(idp: Idp) -> None:
    following = operator.rotate_start(**ACME).bearer_token

    connection = operator.rotate_cancel(**ACME)

    assert connection.bearer_token_last_four == idp.token[-4:]
    assert [status_with(idp, token) for token in (idp.token, following)] == [200, 401]
    assert operator.rotate_start(**ACME).bearer_token != following


def test_a_connection_has_at_most_two_valid_tokens(idp: Idp) -> None:
    operator.rotate_start(**ACME)

    with pytest.raises(Conflict):
        operator.rotate_start(**ACME)
    for is_next in (False, True):
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.scim_token(idp.connection, f"scim_third-{is_next}", is_next=is_next)
    assert idp.tokens.filter(revoked_at=None).count() == 2


@pytest.mark.parametrize("end", [operator.rotate_complete, operator.rotate_cancel])
def test_a_rotation_that_was_not_started_cannot_end(idp: Idp, end: Any) -> None:
    with pytest.raises(Conflict):
        end(**ACME)
    assert idp.get("/Users").status_code == 200


@pytest.mark.parametrize("name", ["rotate_start", "rotate_complete", "rotate_cancel"])
def test_a_rotation_needs_a_connection(acme: models.OrganizationRow, name: str) -> None:
    with pytest.raises(NotFound):
        getattr(operator, name)(**ACME)


def test_an_expired_token_can_be_rotated(idp: Idp) -> None:
    idp.tokens.update(expires_at=timezone.now())
    assert idp.get("/Users").status_code == 401

    following = operator.rotate_start(**ACME).bearer_token

    assert status_with(idp, following) == 200


def test_each_step_leaves_an_entry_without_secrets(idp: Idp) -> None:
    tokens = [operator.rotate_start(**ACME).bearer_token]
    operator.rotate_cancel(**ACME)
    tokens.append(operator.rotate_start(**ACME).bearer_token)
    operator.rotate_complete(**ACME)

    entries = list(models.ActivityEntryRow.objects.order_by("id"))
    assert [entry.action.partition(".")[2] for entry in entries] == [
        "rotate_start",
        "rotate_cancel",
        "rotate_start",
        "rotate_complete",
    ]
    assert entries[0].after["next_bearer_token_last_four"] == tokens[0][-4:]
    assert entries[3].after["bearer_token_last_four"] == tokens[1][-4:]
    written = str([(entry.before, entry.after) for entry in entries])
    assert not any(token in written for token in [idp.token, *tokens])


def used(idp: Idp) -> models.ScimTokenRow:
    return idp.tokens.get()


def test_the_last_use_is_stored_once_a_minute(idp: Idp) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        idp.send("GET", "/Users", **{"User-Agent": "Okta SCIM Client 1.0.0"})
    assert (used(idp).last_used_at, used(idp).last_used_client) == (start, "Okta SCIM Client 1.0.0")
    assert used(idp).last_used_ip == "127.0.0.1"

    with time_machine.travel(start + timedelta(seconds=59), tick=False):
        idp.get("/Users")
    assert used(idp).last_used_at == start

    with time_machine.travel(start + timedelta(seconds=60), tick=False):
        idp.get("/Users")
    assert used(idp).last_used_at == start + timedelta(seconds=60)


def test_a_rejected_request_does_not_count_as_use(idp: Idp) -> None:
    idp.tokens.update(expires_at=timezone.now())
    idp.get("/Users")
    idp.tokens.update(expires_at=timezone.now() + timedelta(days=1))
    idp.send("DELETE", "/Users")
    idp.send("POST", "/Users", {}, content_type="text/plain")

    assert used(idp).last_used_at is None


def test_a_request_succeeds_even_if_its_use_cannot_be_stored(idp: Idp, caplog: pytest.LogCaptureFixture) -> None:
    with patch("portal.embedded.scim.log.entries.record_token_use", side_effect=OSError):
        assert idp.get("/Users").status_code == 200

    assert "scim_request_not_logged" in caplog.text


CAUSES: dict[str, Callable[[Idp, Idp], object]] = {
    "unknown_token": lambda idp, _: setattr(idp, "token", "scim_an-unknown-token"),
    "other_address": lambda idp, other: setattr(idp, "token", other.token),
    "expired_token": lambda idp, _: idp.tokens.update(expires_at=timezone.now()),
    "revoked_token": lambda idp, _: idp.tokens.update(revoked_at=timezone.now()),
    "connection_deleted": lambda idp, _: models.ScimConnectionRow.objects.update(status="deleted"),
}


def test_every_rejection_takes_the_same_queries(idp: Idp, other_idp: Idp, caplog: pytest.LogCaptureFixture) -> None:
    """Only the log has the cause. Neither the response nor its queries reveal it."""
    from django.db import connection  # noqa: PLC0415 -- used only here

    seen = set()
    for cause, bring_about in CAUSES.items():
        caplog.clear()
        sid = transaction.savepoint()
        caller = Idp(idp.connection, idp.token)
        bring_about(caller, other_idp)
        with CaptureQueriesContext(connection) as queries:
            answer = caller.get("/Users")
        # Two log entries for two connections are written with one statement.
        # Savepoints have names of their own.
        statements = (re.sub(r"^\d times: |s\d+_x\d+", "", query["sql"]).split(" WHERE ")[0][:60] for query in queries)
        seen.add((answer.status_code, answer.content, *statements))
        assert cause in caplog.text
        transaction.savepoint_rollback(sid)

    assert len(seen) == 1, seen
