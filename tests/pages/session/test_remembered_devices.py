"""Remembering a device on the page that asks for the second factor, and ending it on the account page."""

import pytest
from django.test import Client
from pytest_django import Settings

from portal.directory.ids import public_id, uuid7
from portal.embedded import models
from tests.pages.session.test_mfa import ADA, CHALLENGE, at, code, enter_password, give_app, is_signed_in, require

LABEL = "Don’t ask on this device for 14 days"


@pytest.fixture
def app(admin: models.MemberRow) -> models.MemberRow:
    require(remembered_device_days=14)
    give_app(admin)
    return admin


def enter_code(client: Client, seconds: float = 0, **more: str) -> None:
    enter_password(client)
    with at(seconds):
        assert client.post(CHALLENGE, {"code": code(), **more}).status_code == 303


def test_a_device_is_remembered_and_listed_and_ended(
    app: models.MemberRow, visitor: Client, settings: Settings
) -> None:
    settings.COOKIE_PREFIX, settings.IS_HTTPS = "__Host-", True
    enter_password(visitor)
    assert LABEL in visitor.get(CHALLENGE).content.decode()
    # Someone without the factor doesn't get the cookie, and what was ticked stays ticked.
    wrong = visitor.post(CHALLENGE, {"code": "x", "remember_device": "on"}).content.decode()
    assert "checked" in wrong
    name = f"__Host-device-{public_id('organization', app.organization_id)}"
    assert name not in visitor.cookies
    enter_code(visitor, remember_device="on")
    cookie = visitor.cookies[name]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")

    visitor.post("/o/acme/sign-out/")
    entered = enter_password(visitor, next="/o/acme/account/")
    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/account/")
    assert "Remembered devices" in visitor.get("/o/acme/account/").content.decode()

    # Discovery signs in at the same portal.
    visitor.post("/o/acme/sign-out/")
    assert (
        visitor.post("/sign-in/", {"email_address": ADA, "password": "correct horse battery staple"}).status_code == 303
    )
    assert is_signed_in(visitor)


def test_ending_a_device_takes_the_second_factor(app: models.MemberRow, visitor: Client) -> None:
    enter_code(visitor, remember_device="on")
    visitor.post("/o/acme/sign-out/")
    enter_password(visitor)
    row = models.RememberedDeviceRow.objects.get()
    form = {"device_id": public_id("remembered-device", row.pk)}
    asked = visitor.post("/o/acme/account/devices/end/", form)
    assert asked["Location"].startswith("/o/acme/confirm/")
    with at(30):
        assert visitor.post("/o/acme/confirm/second-factor/", {"code": code()}).status_code == 303
        assert visitor.post("/o/acme/account/devices/end/", form).status_code == 303
    visitor.post("/o/acme/sign-out/")
    assert enter_password(visitor)["Location"] == CHALLENGE


def test_without_the_tick_or_the_permission_nothing_is_remembered(app: models.MemberRow, visitor: Client) -> None:
    enter_code(visitor)
    assert not models.RememberedDeviceRow.objects.exists()
    assert LABEL not in visitor.get(f"{CHALLENGE}?factor=recovery").content.decode()

    require()
    other = Client()
    enter_password(other)
    assert LABEL not in other.get(CHALLENGE).content.decode()
    # An admin forbade it while the page was open: the member gets in, and the device isn't remembered.
    with at(30):
        assert other.post(CHALLENGE, {"code": code(), "remember_device": "on"}).status_code == 303
    assert not models.RememberedDeviceRow.objects.exists()
    assert is_signed_in(other)


def test_a_browser_keeps_twenty_cookies(app: models.MemberRow, visitor: Client) -> None:
    for _ in range(30):
        visitor.cookies[f"device-{public_id('organization', uuid7())}"] = "A" * 43
    enter_code(visitor, remember_device="on")
    kept = [one for one in visitor.cookies.values() if one.key.startswith("device-") and one.value]
    assert len(kept) == 20
    visitor.post("/o/acme/sign-out/")
    assert enter_password(visitor)["Location"] == "/o/acme/"


def test_an_expired_one_is_asked_for_again(app: models.MemberRow, visitor: Client) -> None:
    enter_code(visitor, remember_device="on")
    visitor.post("/o/acme/sign-out/")
    models.RememberedDeviceRow.objects.update(expires_at=models.RememberedDeviceRow.objects.get().created_at)
    assert enter_password(visitor)["Location"] == CHALLENGE
