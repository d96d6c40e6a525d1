"""A token says which organization's row it belongs to, and nothing but its hash finds that row."""

import pytest

from portal.directory.actor import Origin
from portal.directory.ids import public_id, uuid7
from portal.embedded import models
from portal.embedded.scim.connection import issue_token
from portal.embedded.scim.protocol.client import authenticate
from portal.embedded.sessions.lifecycle import session_of_token, start_session
from portal.embedded.tokens import new_token, organization_of, token_hash
from tests import factories


@pytest.mark.no_database
@pytest.mark.parametrize("prefix", ["", "scim_"])
def test_a_token_names_its_organization(prefix: str) -> None:
    organization = uuid7()
    token = new_token(prefix, organization_id=organization)

    assert organization_of(token) == organization
    assert len(token) == len(prefix) + 64


@pytest.mark.no_database
@pytest.mark.parametrize(
    "token",
    ["", "x" * 43, "é" * 64, "x" * 63, "x" * 65, new_token(), new_token("scim_")],
    ids=["none", "older", "no-base64", "short", "long", "of-no-organization", "scim-of-no-organization"],
)
def test_other_texts_name_none(token: str) -> None:
    assert organization_of(token) is None


@pytest.mark.django_db
def test_a_token_with_another_organization_in_front_is_unknown(
    acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    token = start_session(factories.member(acme, "ada@acme.example"), Origin(), password_entered_at=None).session_token
    forged = new_token(organization_id=globex.pk)[:22] + token[22:]

    assert session_of_token(token) is not None
    assert organization_of(forged) == globex.pk
    assert session_of_token(forged) is None


@pytest.mark.django_db
def test_tokens_of_older_versions_work(acme: models.OrganizationRow) -> None:
    member, scim = factories.member(acme, "ada@acme.example"), factories.scim_connection(acme)
    token, old = start_session(member, Origin(), password_entered_at=None).session_token, new_token()
    models.MemberSessionRow.objects.update(token_hash=token_hash(old))
    models.ScimTokenRow.objects.update(token_hash=token_hash(f"scim_{old}"))

    assert session_of_token(old) is not None
    assert session_of_token(token) is None
    assert authenticate(public_id("scim-connection", scim.pk), f"scim_{old}", Origin()).client is not None


@pytest.mark.django_db
def test_a_connection_is_authenticated_by_its_token_alone(
    acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    scim, other = factories.scim_connection(acme), factories.scim_connection(globex)
    token, _ = issue_token(scim, is_next=True)

    assert organization_of(token) == acme.pk
    assert authenticate(public_id("scim-connection", scim.pk), token, Origin()).client is not None
    assert authenticate(public_id("scim-connection", other.pk), token, Origin()).client is None
