"""Tickets and origins of frames, as a product's backend requests them."""

from typing import Any

import pytest
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from tests import factories
from tests.api.conftest import Answer, Caller

pytestmark = pytest.mark.django_db
ORIGINS, TICKETS = "organizations/acme/embed/origins", "organizations/acme/embed/tickets"
PAGE = "https://app.example.com"


@pytest.fixture(autouse=True)
def _host(settings: Settings, acme: models.OrganizationRow) -> None:
    settings.EMBED_URL = "https://embed.example.com"
    models.OrganizationRow.objects.filter(pk=acme.pk).update(embed_origins=[PAGE])


def asked(member: models.MemberRow, **more: Any) -> dict[str, Any]:
    return {"areas": ["scim"], "parent_origin": PAGE, "member_id": public_id("member", member.pk), **more}


def error_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.fields["error_type"]


def test_a_ticket_opens_a_frame(backend: Caller, admin: models.MemberRow) -> None:
    answer = backend.post(
        TICKETS, asked(admin, theme="dark", locale="de-DE", path="scim/", permissions=["stytch.scim:get"])
    )

    assert answer.status == 200
    assert answer.fields["url"] == "https://embed.example.com/o/acme/embed/"
    assert answer.fields["ticket_id"].startswith("embed-ticket-live-")
    entered = EmbeddedDirectory(Scope("acme", Origin())).embedding.enter(answer.fields["ticket"], parent_origin=PAGE)
    embedding = entered.session.embedding
    assert embedding is not None
    assert (embedding.color_scheme, embedding.locale, embedding.path) == ("dark", "de-DE", "scim/")

    listed = backend.get(TICKETS).fields["tickets"]
    assert [(one["ticket_id"], one["status"], one["theme"]) for one in listed] == [
        (answer.fields["ticket_id"], "used", "dark")
    ]
    assert (listed[0]["areas"], listed[0]["permissions"]) == (["scim"], ["stytch.scim:get"])
    assert answer.fields["ticket"] not in str(listed)

    ended = backend.delete(f"{TICKETS}/{answer.fields['ticket_id']}")
    assert ended.status == 200
    assert backend.get(TICKETS).fields["tickets"][0]["status"] == "revoked"


def test_a_session_of_the_product_makes_a_ticket(backend: Caller, admin: models.MemberRow) -> None:
    token = factories.product_session_token(admin)
    jwt = backend.post("sessions/authenticate", {"session_token": token}).fields["session_jwt"]
    for named in ({"session_token": token}, {"session_jwt": jwt}):
        body = {"areas": ["members"], "parent_origin": PAGE, "shares_lifetime": True, **named}
        assert backend.post(TICKETS, body).status == 200
    both = {**body, "session_token": token, "session_jwt": jwt}
    assert error_of(backend.post(TICKETS, both)) == (400, "too_many_session_arguments")
    assert error_of(backend.post(TICKETS, {**body, "session_jwt": "a.b.c"})) == (404, "session_not_found")


def test_the_api_accepts_no_token_of_a_frame(backend: Caller, project: Any, admin: models.MemberRow) -> None:
    ticket = backend.post(TICKETS, asked(admin)).fields["ticket"]
    signed_in = EmbeddedDirectory(Scope("acme", Origin())).embedding.enter(ticket, parent_origin=PAGE)
    token = signed_in.session_token

    for path in ("sessions/authenticate", "sessions/revoke"):
        assert backend.post(path, {"session_token": token}).status == 404
    exchange = {"session_token": token, "organization_id": "acme"}
    assert backend.post("sessions/exchange", exchange).status == 404
    session = {"X-Stytch-Member-Session": token}
    assert backend.get("organizations/acme", **session).status == 404
    browser = Caller(project.public_token, token, "/sdk/v1/", {})
    assert browser.get("b2b/organizations/members/me").status == 404
    assert backend.post(TICKETS, {"areas": ["scim"], "parent_origin": PAGE, "session_token": token}).status == 404

    listed = backend.get(f"sessions?organization_id=acme&member_id={signed_in.member.member_id}").fields
    assert [one["member_session_id"] for one in listed["member_sessions"]] == [signed_in.session.member_session_id]
    assert backend.post("sessions/revoke", {"member_session_id": signed_in.session.member_session_id}).status == 200


def test_only_the_backend_itself_makes_tickets(backend: Caller, admin: models.MemberRow) -> None:
    session = {"X-Stytch-Member-Session": factories.product_session_token(admin)}
    answer = backend.post(TICKETS, asked(admin), **session)

    assert error_of(answer) == (403, "embed_tickets_for_backends_only")


@pytest.mark.parametrize(
    ("change", "field", "fix"),
    [
        ({"areas": []}, "areas", "home, members, scim, settings, activity"),
        ({"areas": ["account"]}, "areas", "Use home, members, scim, settings, activity"),
        ({"areas": ["scim", "scim"]}, "areas", "once"),
        ({"parent_origin": "https://app.example.com/"}, "parent_origin", "https://app.example.com"),
        ({"parent_origin": "https://*.example.com"}, "parent_origin", "Register each origin on its own"),
        ({"permissions": ["stytch.scim:fly"]}, "permissions", "rbac.policy"),
        ({"theme": "blue"}, "theme", "auto, light, dark"),
        ({"locale": "tlh"}, "locale", "de-DE"),
        ({"path": "settings/"}, "path", '"scim/"'),
        ({"member_id": None}, "member_id", "exactly one"),
        ({"shares_lifetime": True}, "shares_lifetime", "session_token"),
    ],
)
def test_a_mistake_is_named_with_its_fix(
    backend: Caller, admin: models.MemberRow, change: dict[str, Any], field: str, fix: str
) -> None:
    answer = backend.post(TICKETS, asked(admin, **change))

    assert answer.status == 400
    assert answer.fields["error_type"] in {"invalid_embed_ticket", "invalid_embed_origin"}
    assert field in answer.fields["error_message"]
    assert fix in answer.fields["error_message"]


def test_other_mistakes_have_types_of_their_own(backend: Caller, admin: models.MemberRow, settings: Settings) -> None:
    other = asked(admin, parent_origin="https://other.example.com")
    assert error_of(backend.post(TICKETS, other)) == (400, "embed_origin_not_registered")
    unknown = asked(admin, member_id="member-live-01900000-0000-7000-8000-000000000001")
    assert error_of(backend.post(TICKETS, unknown)) == (404, "member_not_found")
    assert error_of(backend.post(TICKETS, {"areas": ["scim"]})) == (400, "invalid_argument")
    assert error_of(backend.delete(f"{TICKETS}/none")) == (404, "embed_ticket_not_found")
    settings.EMBED_URL = ""
    assert error_of(backend.post(TICKETS, asked(admin))) == (400, "embedding_not_configured")


def test_origins_are_added_and_removed(backend: Caller) -> None:
    other = "https://other.example.com:8443"
    assert backend.post(ORIGINS, {"origin": other}).fields["own_origins"] == [PAGE, other]
    assert error_of(backend.post(ORIGINS, {"origin": other})) == (400, "embed_origin_already_registered")
    assert error_of(backend.post(ORIGINS, {"origin": "https://x.example/"})) == (400, "invalid_embed_origin")
    found = backend.get(ORIGINS).fields
    assert (found["own_origins"], found["project_origins"]) == ([PAGE, other], [])

    assert backend.delete(f"{ORIGINS}?origin={other}").fields["own_origins"] == [PAGE]
    assert error_of(backend.delete(f"{ORIGINS}?origin={other}")) == (404, "embed_origin_not_found")


def test_tickets_are_paged(backend: Caller, admin: models.MemberRow) -> None:
    created = {backend.post(TICKETS, asked(admin)).fields["ticket_id"] for _ in range(3)}
    first = backend.get(f"{TICKETS}?limit=2").fields
    rest = backend.get(f"{TICKETS}?limit=2&cursor={first['next_cursor']}").fields

    assert {one["ticket_id"] for one in [*first["tickets"], *rest["tickets"]]} == created
    assert rest["next_cursor"] is None
    assert backend.get(f"{TICKETS}?cursor=x").status == 400
    assert backend.get(f"{TICKETS}?limit=1001").status == 400


def test_pages_in_browsers_make_no_tickets(page_of: Any, admin: models.MemberRow) -> None:
    answer = page_of(admin).post("b2b/organizations/acme/embed/tickets", asked(admin))

    assert answer.status == 404
    assert models.EmbedTicketRow.objects.count() == 0
