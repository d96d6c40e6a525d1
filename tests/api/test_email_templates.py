"""Stytch's template IDs in the requests that send an email: the operator's own email, or an error."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core import mail
from pytest_django import Settings
from stytch import B2BClient
from stytch.core.response_base import StytchError

from portal.embedded import models
from portal.mail.own_templates import REPLACEABLE, read
from portal.mail.own_texts import TEMPLATES
from tests.api.conftest import Caller
from tests.api.test_email_languages import NEW, REQUESTS, _project, ada
from tests.api.test_email_sign_in import let_join
from tests.tasks import run_tasks

__all__ = ["_project", "ada"]

# The parameter of each request.
PARAMETERS = {
    "link": "login_template_id",
    "invite": "invite_template_id",
    "code": "login_template_id",
    "reset": "reset_password_template_id",
    "update": "login_template_id",
    "discovery link": "login_template_id",
    "discovery code": "login_template_id",
    "discovery reset": "reset_password_template_id",
}


@pytest.fixture(autouse=True)
def _templates(settings: Settings, tmp_path: Path) -> None:
    for template in ("acme", "other"):
        (tmp_path / template).mkdir()
        for name in REPLACEABLE:
            secret = "{code}" if "{code}" in {f"{{{one}}}" for one in TEMPLATES[name].required} else "{link}"
            shown = "{code}" if secret == "{code}" else '<a href="{link}">{link}</a>'
            html = f"<html><title>{template} {name} {{locale}}</title><body>{shown}</body></html>"
            (tmp_path / template / f"{name}.en.html").write_text(html)
            (tmp_path / template / f"{name}.en.txt").write_text(f"{secret}\n")
    read.cache_clear()
    of_mail = msgspec.structs.replace(settings.PROJECT.mail, templates=str(tmp_path))
    settings.PROJECT = msgspec.structs.replace(settings.PROJECT, mail=of_mail)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_request_chooses_a_template(sdk: B2BClient, ada: models.MemberRow, name: str) -> None:
    ask, email, _ = REQUESTS[name]
    with pytest.raises(StytchError) as error:
        ask(sdk, ada, **{PARAMETERS[name]: "nowhere"})

    assert (error.value.details.error_type, error.value.details.status_code) == ("email_template_not_found", 404)
    assert run_tasks() == 0
    assert not models.EmailTokenRow.objects.exists()

    ask(sdk, ada, **{PARAMETERS[name]: "other"})
    run_tasks()
    assert mail.outbox[0].subject == f"other {email} en"


def test_people_who_join_get_the_email_that_is_for_them(backend: Caller, ada: models.MemberRow) -> None:
    let_join(ada.organization)
    asked = {
        "organization_id": "acme",
        "email_address": NEW,
        "login_template_id": "acme",
        "signup_template_id": "other",
    }
    assert backend.post("magic_links/email/login_or_signup", asked).status == 200
    run_tasks()

    assert [one.subject for one in mail.outbox] == ["other sign-in-link en"]


def test_the_projects_template_is_for_requests_that_choose_none(
    sdk: B2BClient, ada: models.MemberRow, settings: Settings
) -> None:
    of_mail = msgspec.structs.replace(settings.PROJECT.mail, template="acme")
    settings.PROJECT = msgspec.structs.replace(settings.PROJECT, mail=of_mail)
    sdk.otps.email.login_or_signup("acme", ada.email_address, login_template_id="")
    run_tasks()

    assert mail.outbox[0].subject == "acme one-time-code en"


def test_a_first_password_has_an_email_of_its_own(sdk: B2BClient, ada: models.MemberRow) -> None:
    chosen: dict[str, Any] = {"reset_password_template_id": "acme", "verify_email_template_id": "other"}
    models.MemberRow.objects.filter(pk=ada.pk).update(password="")
    sdk.passwords.email.reset_start("acme", ada.email_address, **chosen)
    sdk.passwords.discovery.email.reset_start(ada.email_address, **chosen)
    run_tasks()

    assert [one.subject for one in mail.outbox] == ["other password-reset en"] * 2
