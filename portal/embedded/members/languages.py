"""Which language an email to a member is in."""

from portal.embedded import models
from portal.mail.languages import ENGLISH, locale_of


def language_of(member: models.MemberRow | None, organization: models.OrganizationRow | None, asked: str = "") -> str:
    """Return the locale that a request asked for, else the member's, else the organization's, else English.

    The member's is the one they chose, or else the one that their identity provider sends.
    """
    chosen = member.locale or _provisioned(member) if member else ""
    return asked or chosen or (organization.locale if organization else "") or ENGLISH


def language_for(row: models.EmailTokenRow, member: models.MemberRow | None) -> str:
    """Return the locale of the email that a row asks for, to a member or, with None, to someone who joins."""
    if member is not None:
        return language_of(member, member.organization, row.locale)
    return language_of(None, models.OrganizationRow.objects.filter(pk=row.organization_id).first(), row.locale)


def _provisioned(member: models.MemberRow) -> str:
    """Return what the identity provider says (RFC 7643, 4.1.1: preferredLanguage, locale)."""
    user: models.ScimUserRow | None = member.scim_user if hasattr(member, "scim_user") else None
    document = user.document if user and user.active else {}
    tags = (document.get("preferredLanguage"), document.get("locale"))
    return next((found for tag in tags if isinstance(tag, str) and (found := locale_of(tag))), "")
