"""Saving a setting takes at most twelve statements, whichever form it is in."""

import re
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portal.access.routing import iter_routes
from portal.embedded import models
from tests import factories

S = "/o/acme/settings/"
RULE = {"domain": "acme.example", "role_id": "billing"}
ROLE = {"role_id": "billing", "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}]}
ORIGIN = "https://app.example.com"
MAX_STATEMENTS = 12
# By the name of the URL: where the form is, and what is typed into it. Hidden fields are those of the page.
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "invites": (f"{S}joining/", {"email_invites": "RESTRICTED"}),
    "join": (f"{S}joining/", {"editable": ["email_jit_provisioning"], "email_jit_provisioning": "on"}),
    "add-domain": (f"{S}domains/add/", {"domain": "new.example"}),
    "new-role": (f"{S}roles/new/", {"name": "New", "permissions": ["stytch.scim:get"], "save": "1"}),
    "edit-role": (f"{S}roles/of/billing/edit/", {"permissions": ["stytch.scim:update"], "save": "1"}),
    "new-role-rule": (f"{S}roles/automatic/new/", {"domain": "b.example", "role_id": "billing", "save": "1"}),
    "remove-role-rule": (f"{S}roles/automatic/remove/?domain=acme.example&role=billing", {}),
    "delete-role": (f"{S}roles/of/billing/delete/", {}),
    "sign-in": (f"{S}sign-in/", {"policy": "optional", "factors": ["totp"], "with_factors": "1"}),
    "review-methods": (f"{S}sign-in/", {"methods": ["password"]}),
    "session-limits": (f"{S}sign-in/sessions/", {"session_idle_minutes": "30", "confirmed": "1"}),
    "appearance": (
        f"{S}appearance/",
        {"color": "", "picker": "#0f6b47", "radius": "large", "font": "serif", "color_scheme": "dark"},
    ),
    "add-origin": (f"{S}embedding/origins/add/", {"origin": ORIGIN}),
    "remove-origin": (f"{S}embedding/origins/remove/?origin={ORIGIN}", {}),
    "general": (S, {"organization_name": "New", "organization_slug": "acme"}),
}
# They store no setting, or a file, or exist only where domains need no proof.
OTHERS = {
    *("allowed-domains", "check-domain", "domain-code", "enter-domain-code", "remove-domain"),
    *("logo", "sign-everyone-out", "delete", "revoke-ticket"),
}


def hidden(client: Client, shown: str, url: str) -> dict[str, str]:
    """Return the hidden fields of the form on a page that is sent to a URL."""
    html = client.get(shown).content.decode()
    forms = [one for one in re.findall(r"<form.*?</form>", html, re.DOTALL) if f'action="{url}"' in one]
    (form,) = forms or re.findall(r'<form class="panel" method="post" aria.*?</form>', html, re.DOTALL)
    fields = re.findall(r'<input type="hidden" name="(\w+)"(?: id="\w+")? value="([^"]*)"', form)
    fields += [(name, value) for value, name in re.findall(r'type="hidden"[^>]*value="([^"]*)"[^>]*name="(\w+)"', form)]
    return {name: unescape(value) for name, value in fields}


def test_saving_takes_few_statements(admin_client: Client, acme: models.OrganizationRow, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    stored = {"rbac_email_implicit_role_assignments": [RULE]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[ROLE], settings=stored)
    for number in range(3):
        factories.signed_in(factories.member(acme, f"m{number}@acme.example", roles=["billing"]))
    paths = {one.name: f"/{one.path}".replace("<str:organization_slug>", "acme") for one in iter_routes()}

    for name, (shown, typed) in FORMS.items():
        url = paths[f"settings:{name}"].replace("<str:key>", "billing")
        sent = {**hidden(admin_client, shown, url), **typed}
        with CaptureQueriesContext(connection) as queries:
            answer = admin_client.post(url, sent)
        statements = [one["sql"] for one in queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))]
        assert answer.status_code == 303, (name, answer.content.decode())
        assert len(statements) <= MAX_STATEMENTS, (name, statements)


def test_every_form_of_the_settings_is_counted() -> None:
    sent = {
        one.name.removeprefix("settings:")
        for one in iter_routes()
        if one.name.startswith("settings:") and one.access and "POST" in one.access.methods
    }

    assert sent == FORMS.keys() | OTHERS
