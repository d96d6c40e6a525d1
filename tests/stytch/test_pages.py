"""Every page in front of Stytch, and every form of it: what Stytch can't do is said there, and nothing is an error."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils.html import escape

from portal.web.availability import REASONS, Capability
from portal.web.session_cookie import cookie_name
from tests.fakes.stytch import DEMO_PASSWORD, FakeStytch
from tests.meta.test_forms import Page
from tests.stytch.test_portal import sign_in

pytestmark = pytest.mark.usefixtures("db", "stytch", "slept")
FIRST = ("/o/acme/", "/o/acme/members/?state=deactivated", "/o/acme/members/invitations/")
# They end what the others need: its admin, the connection, the organization.
LAST = ("/account/leave/", "/scim/delete/", "/settings/delete/", "/sign-out/")
_GROUP = re.compile(r"scim-group-test-[0-9a-f-]+")
IT = {
    "role_id": "it",
    "description": "Looks after SCIM",
    "permissions": [
        {"resource_id": "stytch.scim", "actions": ["get", "update"]},
        {"resource_id": "stytch.custom-org-roles", "actions": ["get"]},
    ],
}


@pytest.fixture(autouse=True)
def _acme(stytch: FakeStytch) -> None:
    """Give Acme something of everything: an own role, a rule for a domain, members of each status, a former address."""
    acme = stytch.project.organization("acme")
    acme.custom_roles = [IT]
    acme.changed["rbac_email_implicit_role_assignments"] = [{"domain": "acme.example", "role_id": "it"}]
    amy = stytch.project.add_member(acme, "amy@acme.example", name="Amy", password=DEMO_PASSWORD, roles=["it"])
    amy.retired.append({"email_id": "email-1", "email_address": "old@acme.example"})
    stytch.project.invite(acme, "nia@acme.example", "Nia", [])
    stytch.project.delete_member(stytch.project.add_member(acme, "del@acme.example", name="Del"))


def pages_of(client: Client) -> Iterator[tuple[str, int, Page]]:
    """Follow every link, and yield each page with its status."""
    seen, waiting = set(), list(FIRST)
    while waiting:
        url = waiting.pop(0)
        kind = _GROUP.sub("*", url.partition("cursor=")[0])
        if kind in seen:
            continue
        seen.add(kind)
        answer = client.get(url)
        if answer["Content-Type"].startswith("text/html"):
            page = Page(answer.content.decode())
            waiting += sorted(page.links)
            yield url, answer.status_code, page


def test_every_page_is_shown_and_every_form_answered(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    pages = list(pages_of(visitor))
    forms = {_GROUP.sub("*", action or url): fields for url, _, page in pages for action, fields in page.forms}
    ada = stytch.project.members[0]

    assert {url: status for url, status, _ in pages if status not in {200, 302}} == {}
    kinds = {re.sub(r"-test-[0-9a-f-]+", "", url) for url, _, _ in pages}
    assert kinds >= {"/o/acme/settings/roles/of/it/edit/", "/o/acme/members/member/roles/it/remove/"}
    wrong = {}
    for url, fields in sorted(forms.items(), key=lambda one: one[0].endswith(LAST)):
        visitor.cookies[cookie_name("acme")] = stytch.project.start_session(ada).token
        # What an earlier form ended is as it was.
        stytch.project.organization("acme").custom_roles = [IT]
        status = visitor.post(url, fields).status_code
        if status not in {200, 303, 409, 422}:
            wrong[url] = status
    assert len(forms) > 30
    assert wrong == {}


def test_a_role_of_the_organization_opens_its_pages(visitor: Client) -> None:
    sign_in(visitor, "amy@acme.example")

    assert visitor.get("/o/acme/scim/").status_code == 200
    role = visitor.get("/o/acme/settings/roles/of/it/").content.decode()
    assert "Looks after SCIM" in role
    assert visitor.get("/o/acme/members/").status_code == 403
    assert visitor.get("/o/acme/settings/roles/of/it/edit/").status_code == 403


def test_a_role_of_the_organization_is_created_changed_and_deleted(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    roles = "/o/acme/settings/roles/"
    new = {"name": "Help desk", "description": "Helps", "permissions": ["stytch.member:search"], "save": "1"}

    assert visitor.post(f"{roles}new/", new)["Location"] == f"{roles}of/help_desk/"
    assert "Helps" in visitor.get(f"{roles}of/help_desk/").content.decode()
    (fields,) = [
        one for _, one in Page(visitor.get(f"{roles}of/help_desk/edit/").content.decode()).forms if "version" in one
    ]
    more = {
        "version": fields["version"],
        "description": "Helps more",
        "permissions": ["stytch.member:search"],
        "save": "1",
    }
    assert visitor.post(f"{roles}of/help_desk/edit/", more).status_code == 303
    own = stytch.project.organization("acme").custom_roles
    assert [(one["role_id"], one["description"]) for one in own[1:]] == [("help_desk", "Helps more")]
    deleting = Page(visitor.get(f"{roles}of/help_desk/delete/").content.decode()).forms
    (fields,) = [one for _, one in deleting if "version" in one]
    assert visitor.post(f"{roles}of/help_desk/delete/", fields).status_code == 303
    assert visitor.get(f"{roles}of/help_desk/").status_code == 404


def test_what_stytch_cannot_do_is_said_with_the_reason(visitor: Client) -> None:
    sign_in(visitor)
    reasons: dict[str, tuple[Capability, ...]] = {
        "": ("all sessions", "logo"),
        "domains/": ("domain proofs",),
        "roles/": ("role review",),
    }
    posts: dict[str, Capability] = {
        "sign-everyone-out/": "all sessions",
        "logo/": "logo",
        "domains/add/": "domain proofs",
    }

    for path, names in reasons.items():
        page = visitor.get(f"/o/acme/settings/{path}").content.decode()
        for name in names:
            assert escape(REASONS[name]) in page
    for path, name in posts.items():
        answer = visitor.post(f"/o/acme/settings/{path}")
        assert answer.status_code == 501
        assert escape(REASONS[name]) in answer.content.decode()
