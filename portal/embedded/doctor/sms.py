"""Text messages: whether they are set up, and whether someone needs them. Nothing is sent."""

from collections.abc import Iterator

from django.conf import settings

from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.doctor.findings import Finding, ok, warning
from portal.embedded.scope import across_organizations

_FIX = "Set SMS_URL, for the worker too. Or have an admin remove their numbers, and allow authenticator apps."


def check() -> Iterator[Finding]:
    """Report members who confirm with a code by text message although none can be sent."""
    if settings.SMS_SERVICE is not None:
        yield ok(f"Text messages are sent by: {settings.SMS_SERVICE.kind}.")
        return
    members = across_organizations(models.MemberRow).filter(mfa_phone_number_verified=True)
    if members.exclude(mfa_phone_number="").exclude(status=MemberStatus.DELETED).exists():
        yield warning("Members have a phone number for codes, but text messages aren't set up.", _FIX)
    else:
        yield ok("Text messages aren't set up, and no member needs them.")
