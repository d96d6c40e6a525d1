"""Settings › Sign-in › Sessions: choosing limits, and what a change means before it is saved."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.embedded import models
from portal.embedded.scope import settings_value
from tests import factories
from tests.pages.settings.test_sign_in import PAGE, now, text

LIMITS = f"{PAGE}sessions/"


def version(client: Client) -> str:
    return client.get(LIMITS).content.decode().split('name="version" value="')[1].split('"')[0]


def test_limits_are_saved_and_shown(admin_client: Client, acme: models.OrganizationRow) -> None:
    assert f'href="{LIMITS}"' in text(admin_client.get(PAGE))
    form = {"session_idle_minutes": "30", "session_duration_minutes": "", "remembered_device_days": "14"}
    saved = admin_client.post(LIMITS, {**form, "version": version(admin_client)})

    assert (saved.status_code, saved["Location"]) == (303, PAGE)
    settings = now(acme)
    assert (settings.session_idle_minutes, settings.session_duration_minutes) == (30, 0)
    page = text(admin_client.get(PAGE))
    assert "<dd>30 minutes</dd>" in page
    assert "for 14 days" in page


def test_a_change_that_ends_sessions_is_confirmed(
    admin_client: Client, acme: models.OrganizationRow, member: models.MemberRow
) -> None:
    factories.signed_in(member)
    rows = models.MemberSessionRow.objects.filter(member=member)
    rows.update(last_accessed_at=timezone.now() - timedelta(minutes=40))
    form = {"session_idle_minutes": "30", "version": version(admin_client)}

    asked = admin_client.post(LIMITS, form)

    assert "One session ends immediately" in text(asked)
    assert now(acme).session_idle_minutes == 0
    assert admin_client.post(LIMITS, {**form, "confirmed": "1"}).status_code == 303
    assert rows.get().revoked_because == "limits"


def test_mistakes_and_another_admins_change(admin_client: Client, acme: models.OrganizationRow) -> None:
    seen = version(admin_client)
    for values in ({"session_idle_minutes": "5"}, {"session_idle_minutes": "x"}, {"remembered_device_days": "31"}):
        assert admin_client.post(LIMITS, {**values, "version": seen}).status_code == 422
    models.OrganizationRow.objects.filter(pk=acme.pk).update(settings={"session_idle_minutes": 45})
    stale = admin_client.post(LIMITS, {"session_idle_minutes": "30", "version": seen})
    assert stale.status_code == 409
    assert 'value="30"' in stale.content.decode()
    acme.refresh_from_db()
    assert settings_value(acme).session_idle_minutes == 45


@pytest.mark.parametrize("method", ["get", "post"])
def test_members_without_the_right_are_kept_out(member_client: Client, method: str) -> None:
    assert getattr(member_client, method)(LIMITS).status_code == 403
    assert "Change sessions" not in text(member_client.get(PAGE))
