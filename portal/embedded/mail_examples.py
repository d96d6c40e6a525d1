"""Each email with example values, to look at operators' own texts. No row is stored, and no link works."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.directory.actor import ActorType
from portal.directory.ids import uuid7
from portal.directory.members import MemberStatus
from portal.directory.second_factors import TOTP
from portal.embedded import models
from portal.embedded.members import notice_emails
from portal.embedded.members.notice_emails import Notified
from portal.embedded.members.sign_in_emails import invitation
from portal.embedded.members.values import member_id
from portal.embedded.sign_in import emails
from portal.mail.content import Email
from portal.mail.own_texts import TEMPLATES

RECIPIENT = "nora@northwind.example"
_NAME = "Northwind Traders"
_BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
_IP_ADDRESS = "198.51.100.7"


def example(template: str, locale: str) -> Email:
    """Return an email of portal.mail.own_texts.TEMPLATES in a language, with the built-in texts. Raise KeyError."""
    return _EXAMPLES[template](locale)


def _url() -> str:
    return f"{settings.PUBLIC_URL}/this-link-is-an-example-and-does-not-work"


def _member(locale: str, name: str = "Nora North", address: str = RECIPIENT) -> models.MemberRow:
    organization = models.OrganizationRow(name=_NAME, slug="northwind", locale=locale)
    return models.MemberRow(
        organization=organization,
        name=name,
        email_address=address,
        locale=locale,
        status=MemberStatus.ACTIVE,
        password="a hash",  # noqa: S106 -- of no password
    )


def _token(locale: str, address: str = RECIPIENT) -> models.EmailTokenRow:
    now = timezone.now()
    return models.EmailTokenRow(
        email_address=address,
        locale=locale,
        created_at=now,
        expires_at=now + timedelta(minutes=10),
        ip_address=_IP_ADDRESS,
        user_agent=_BROWSER,
    )


def _invitation(locale: str) -> Email:
    invited = _member(locale)
    invited.direct_roles = ["stytch_admin"]
    sender = _member(locale, "Priya Raman", "priya@northwind.example")
    return invitation(invited, _url(), sender=sender, expires_at=timezone.now() + timedelta(days=7))


def _notified(locale: str) -> Notified:
    member = _member(locale)
    entry = models.ActivityEntryRow(
        id=uuid7(),
        at=timezone.now(),
        actor_type=ActorType.MEMBER,
        actor_id=member_id(member),
        target_name=member.email_address,
        ip_address=_IP_ADDRESS,
        user_agent=_BROWSER,
    )
    return Notified(entry, member, None)


_EXAMPLES: Mapping[str, Callable[[str], Email]] = {
    "invitation": _invitation,
    "sign-in-link": lambda locale: emails.magic_link(_token(locale), _url(), _NAME, locale),
    "one-time-code": lambda locale: emails.code(_token(locale), "123456", _NAME, locale),
    "password-reset": lambda locale: emails.password_reset(_token(locale), _url(), _NAME, locale, has_password=True),
    "email-change-proof": lambda locale: emails.email_update_link(
        _token(locale, "nora.north@northwind.example"), _member(locale), _url()
    ),
    "email-change-notice": lambda locale: emails.email_update_notice(
        _token(locale, "nora.north@northwind.example"), _member(locale)
    ),
    "password-changed": lambda locale: notice_emails.password_changed(_notified(locale), is_first=False),
    "mfa-added": lambda locale: notice_emails.second_factor_added(_notified(locale), TOTP),
    "mfa-removed": lambda locale: notice_emails.second_factor_removed(_notified(locale), TOTP),
    "recovery-codes": lambda locale: notice_emails.recovery_codes_replaced(_notified(locale)),
    "new-sign-in": lambda locale: notice_emails.new_sign_in(_notified(locale)),
    "new-sign-ins": lambda locale: notice_emails.more_new_sign_ins(_notified(locale)),
}
if _EXAMPLES.keys() != TEMPLATES.keys():
    raise LookupError("An email with own texts has no example.")
