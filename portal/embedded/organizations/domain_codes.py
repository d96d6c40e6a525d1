"""Codes to an address in a domain. People who enter one can read mail there, which proves affiliation."""

from uuid import UUID

from django.db import transaction
from django_tasks import task

from portal.directory.domains import CODE_MINUTES
from portal.directory.email_addresses import domain_of
from portal.embedded import models
from portal.embedded.members.changes import check_address
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.organizations.colors import color_of
from portal.embedded.organizations.domain_emails import code as code_email
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sign_in import email_tokens
from portal.embedded.tasks.queue import URGENT, GiveUp
from portal.mail.delivery import UndeliverableError, send_email


def ask(scope: Scope, email_address: str) -> None:
    """Have a worker email a code. It replaces the one before. Raise Invalid, NotFound without email, TooManyRequests."""
    row = models.EmailTokenRow(
        organization_id=scope.organization_id,
        email_address=check_address(email_address),
        purpose=EmailPurpose.DOMAIN_CODE,
        login_minutes=CODE_MINUTES,
        signup_minutes=CODE_MINUTES,
        **email_tokens.asked_from(scope),
    )
    email_tokens.ask(row, email_domain_code)


def found(scope: Scope, email_address: str, code: str) -> models.EmailTokenRow:
    """Return the row of a right code, to use it. Must run outside a transaction. Raise Unauthenticated."""
    return email_tokens.code_row(
        scope.of(models.EmailTokenRow), email_address, code, purposes=(EmailPurpose.DOMAIN_CODE,)
    )


def use(scope: Scope, row: models.EmailTokenRow) -> None:
    """Use a code up, in the transaction of what it does. Raise Unauthenticated if another request was faster."""
    email_tokens.use(row, scope.of(models.EmailTokenRow), email_tokens.wrong_code())


@task(priority=URGENT)
def email_domain_code(organization_id: str, token_id: str) -> None:
    """Email a code, unless the domain was removed in the meantime."""
    tokens = rows_of(UUID(organization_id), models.EmailTokenRow)
    row = email_tokens.waiting(tokens, token_id)
    organization = models.OrganizationRow.objects.filter(pk=organization_id, deleted_at=None).first()
    if row is None or organization is None:
        return
    domain = domain_of(row.email_address)
    if not rows_of(organization.pk, models.EmailDomainRow).filter(domain=domain).exists():
        tokens.filter(pk=row.pk).delete()
        return
    with transaction.atomic():
        value = email_tokens.issue_code(row, tokens, minutes=CODE_MINUTES)
    try:
        send_email(
            code_email(row, organization, domain, value),
            to=row.email_address,
            key=str(row.pk),
            color=color_of(organization),
        )
    except UndeliverableError as error:
        raise GiveUp from error
