"""What SMS_URL may say, and that no error repeats it."""

import pytest

from portal.sms.url import SmsKind, SmsService, parse_sms_url

SID = "AC" + "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("", None),
        ("console:", SmsService(SmsKind.CONSOLE)),
        ("filesms:///var/texts", SmsService(SmsKind.FILES, "/var/texts")),
        (
            "webhook+https://:s%40cret@sms.example.com:8443/send?project=a",
            SmsService(SmsKind.WEBHOOK, "https://sms.example.com:8443/send?project=a", secret="s@cret"),
        ),
        ("webhook+https://sms.example.com/", SmsService(SmsKind.WEBHOOK, "https://sms.example.com/")),
        (
            f"twilio://{SID}:t%2Fken@/+12025550100",
            SmsService(
                SmsKind.TWILIO,
                f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json",
                secret="t/ken",
                account=SID,
                sender="+12025550100",
            ),
        ),
        (
            f"twilio://{SID}:token@api.dublin.ie1.twilio.com/Acme",
            SmsService(
                SmsKind.TWILIO,
                f"https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/{SID}/Messages.json",
                secret="token",
                account=SID,
                sender="Acme",
            ),
        ),
    ],
)
def test_a_url_names_a_service(url: str, service: SmsService | None) -> None:
    assert parse_sms_url(url) == service


@pytest.mark.parametrize(
    "url",
    [
        "sms.example.com",
        "https://:hunter2@sms.example.com/",
        "webhook+http://:hunter2@sms.example.com/",
        "webhook+https://:hunter2@/send",
        "webhook+https://user:hunter2@sms.example.com/",
        "webhook+https://:hunter2@[::1/",
        "filesms://folder",
        "filesms:///",
        "console://hunter2",
        "twilio://SK123:hunter2@/+12025550100",
        f"twilio://{SID}@/+12025550100",
        f"twilio://{SID}:hunter2@/",
        f"twilio://{SID}:hunter2@/+0123",
    ],
)
def test_a_bad_url_is_an_error_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|isn't") as caught:
        parse_sms_url(url)

    assert "hunter2" not in str(caught.value)


def test_no_secret_is_shown() -> None:
    assert "hunter2" not in repr(parse_sms_url(f"twilio://{SID}:hunter2@/+12025550100"))
    assert "hunter2" not in repr(parse_sms_url("webhook+https://:hunter2@sms.example.com/"))
