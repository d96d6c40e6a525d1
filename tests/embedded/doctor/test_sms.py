"""The doctor says if members need text messages that can't be sent."""

import pytest
from pytest_django import Settings

from portal.embedded import models
from portal.embedded.doctor import sms
from portal.sms.url import parse_sms_url


def said() -> tuple[str, str]:
    (finding,) = sms.check()
    return finding.severity, finding.text


@pytest.mark.django_db
def test_members_with_numbers_need_text_messages(member: models.MemberRow, settings: Settings) -> None:
    assert said()[0] == "ok"
    models.MemberRow.objects.update(mfa_phone_number="+12025550123", mfa_phone_number_verified=True)
    severity, text = said()
    assert (severity, text) == ("warning", "Members have a phone number for codes, but text messages aren't set up.")

    settings.SMS_SERVICE = parse_sms_url("webhook+https://:hunter2@sms.example.com/")

    assert said() == ("ok", "Text messages are sent by: webhook.")
