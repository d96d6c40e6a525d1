"""Every form of every page, sent by members with one single permission: what is rejected has changed nothing."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.permissions import Permission
from portal.embedded import models
from tests import factories
from tests.meta.test_rights import Changes, dump, only_one_each, undone

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class Page(HTMLParser):
    """The links of a page, and the forms that it sends, with a value for each field."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._fields: dict[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and values.get("href", "").startswith("/o/acme/"):
            self.links.add(values["href"].partition("#")[0])
        elif tag == "form" and values.get("method") == "post":
            self._fields = {}
            self.forms.append((values.get("action", ""), self._fields))
        elif tag in {"input", "button", "select", "textarea"} and self._fields is not None and "name" in values:
            self._fields[values["name"]] = values.get("value") or "x"

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None


@pytest.fixture
def admin_client(acme: models.OrganizationRow, settings: Settings) -> Client:
    """An admin of an organization in which every page has something to show."""
    settings.RBAC_POLICY = only_one_each()
    scim = factories.scim_connection(acme)
    factories.scim_token(scim, "scim_next", is_next=True)
    group, user = factories.scim_group(scim, "Engineering"), factories.provisioned(scim, "pia@acme.example")
    factories.put_in_group(group, [user])
    factories.group_role(group, "stytch_admin")
    factories.scim_conflict(scim, factories.member(acme, "max@acme.example"))
    factories.scim_request(scim)
    return factories.signed_in(factories.member(acme, "ada@acme.example", roles=["stytch_admin"]))


def forms_of(client: Client, *, each: int = 1) -> dict[str, tuple[str, dict[str, str]]]:
    """Return a form for each kind of address that is sent one, found by following links from the home page.

    `each` is how many pages of a kind are followed: the member's own page has other links than one of someone else.
    """
    found: dict[str, tuple[str, dict[str, str]]] = {}
    seen, waiting = Counter[str](), ["/o/acme/"]
    visited = set()
    while waiting:
        url = waiting.pop()
        kind = _ID.sub("*", url.partition("?")[0])
        if seen[kind] >= each or url in visited:
            continue
        visited.add(url)
        seen[kind] += 1
        answer = client.get(url)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            page = Page(answer.content.decode())
            waiting += page.links
            found |= {_ID.sub("*", action or url): (action or url, fields) for action, fields in page.forms}
    return found


# Once is enough: the rights are decided before the database is asked.
@pytest.mark.sqlite
@time_machine.travel(timezone.now(), tick=False)
def test_a_form_that_is_rejected_changes_nothing(acme: models.OrganizationRow, admin_client: Client) -> None:
    caller = factories.member(acme, "cara@acme.example")
    client, forms = factories.signed_in(caller), forms_of(admin_client)
    # Members need no permission for what is theirs.
    own = ("/o/acme/sign-out/", "/o/acme/account/")
    forms = {url: form for url, form in forms.items() if not url.startswith(own)}
    before, rejected = dump(), 0
    for url, fields in forms.values():
        for permission in Permission:
            with undone():
                models.MemberRow.objects.filter(pk=caller.pk).update(direct_roles=[str(permission)])
                changes = Changes()
                with connection.execute_wrapper(changes):
                    status = client.post(url, fields).status_code
                if status == 403 and changes.is_possible:
                    models.MemberRow.objects.filter(pk=caller.pk).update(direct_roles=[])
                    assert dump() == before, (url, permission)
                rejected += status == 403

    assert len(forms) >= 8
    assert rejected > len(forms)


@pytest.mark.sqlite
@time_machine.travel(timezone.now(), tick=False)
def test_another_organizations_admin_changes_nothing_by_naming_what_is_here(
    acme: models.OrganizationRow, admin_client: Client, other_admin_client: Client
) -> None:
    """Their own pages are sent the IDs of this organization's members, groups, domains and tokens."""
    forms = forms_of(admin_client, each=3)
    named = {url: form for url, form in forms.items() if "*" in url or any(map(_ID.search, form[1].values()))}
    before, changed = _rows_of(acme), []
    for url, fields in named.values():
        with undone():
            answer = other_admin_client.post(url.replace("/o/acme/", "/o/globex/"), fields)
            assert answer.status_code < 500, url
            changed += [url] * (_rows_of(acme) != before)

    assert changed == []
    assert len(named) >= 8


def _rows_of(organization: models.OrganizationRow) -> dict[str, list[str]]:
    """Return the rows that name an organization. Some names of the other one's rows are IDs of this one's, and stay out."""
    own = repr(organization.pk)
    return {model: [one for one in rows if own in one] for model, rows in dump().items()}
