"""The emails about domains: a code to an address in one, and the warning that its record is missing."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.directory.domains import GRACE
from portal.embedded import models
from portal.embedded.members.languages import language_of
from portal.embedded.organizations.domain_values import record_name
from portal.mail.catalog import texts
from portal.mail.content import Button, Code, Email, Facts
from portal.mail.names import name_for_strangers, name_in_subject, shown_name


def code(row: models.EmailTokenRow, organization: models.OrganizationRow, domain: str, value: str) -> Email:
    """Return the email with a code. Its reader may be a stranger to the organization."""
    said, name = (
        texts(language_of(None, organization, row.locale)),
        name_for_strangers(organization.name, organization.slug),
    )
    times = {"duration": said.duration(row.expires_at - timezone.now()), "time": said.time(row.expires_at)}
    return Email(
        subject=said("domain-code.subject", domain=name_in_subject(domain)),
        preheader=said("one-time-code.preheader", duration=times["duration"]),
        organization_name=name,
        title=said("domain-code.title", domain=domain),
        blocks=(
            said.paragraph("domain-code.said", organization=name, domain=domain),
            said.paragraph("email-change-proof.enter", **times),
            Code(value),
            said.last_paragraph("domain-code.unexpected"),
        ),
        reason=said("domain-code.reason", organization=name),
        locale=said.locale,
    )


def record_missing(row: models.EmailDomainRow, member: models.MemberRow) -> Email:
    """Return the email to a member who can put the record back."""
    organization = row.organization
    said, name = texts(language_of(member, organization)), shown_name(organization.name)
    since = row.missing_since or timezone.now()
    until = said.date(since + GRACE)
    url = settings.PUBLIC_URL + reverse("settings:domains", args=[organization.slug])
    return Email(
        subject=said("domain-missing.subject", domain=name_in_subject(row.domain)),
        preheader=said("domain-missing.preheader", date=until),
        organization_name=name,
        title=said("domain-missing.subject", domain=row.domain),
        blocks=(
            said.paragraph("domain-missing.said", domain=row.domain, organization=name),
            said.paragraph("domain-missing.until", date=until, domain=row.domain, organization=name),
            Facts(
                (
                    (said("domain-missing.name"), record_name(row.domain)),
                    (said("domain-missing.value"), row.record_value),
                    (said("domain-missing.since"), said.time(since)),
                )
            ),
            Button(said("domain-missing.button"), url, said("frame.sign_in_first")),
        ),
        reason=said("domain-missing.reason", organization=name),
        locale=said.locale,
    )
