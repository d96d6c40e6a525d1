"""Allowed email domains: their form, and an organization's list of them.

The identity provider may link existing members whose addresses are in them, proved or not: an admin decides that about
people who are members already. Who may join by them is decided in domain_rows.py.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name

from portal.directory.email_addresses import fold_domain, is_domain
from portal.directory.errors import Invalid
from portal.directory.ids import public_id
from portal.embedded import audit, models
from portal.embedded.organizations import domain_rows
from portal.embedded.organizations.domain_values import record_name

# Of a name in DNS with its dots (RFC 1035, 2.3.4).
_MAX_NAME = 253
# Anyone can get an address in these domains. Stytch rejects them too (organization_email_allowed_domains).
_PUBLIC_DOMAINS = frozenset(
    (
        "aol.com aol.de fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com "
        "hotmail.co.uk hotmail.com hotmail.fr icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru me.com "
        "msn.com naver.com orange.fr outlook.com outlook.de pm.me posteo.de proton.me protonmail.com qq.com t-online.de "
        "tuta.com tutanota.com wanadoo.fr web.de yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.com "
        "yandex.ru zoho.com 126.com 163.com"
    ).split()
)


class DomainErrors(NamedTuple):
    """Stytch's names of the errors of a domain."""

    invalid: str = ""
    too_common: str = ""


def read_domain(text: str, *, field: str = "domain", errors: DomainErrors = DomainErrors()) -> str:  # noqa: B008 -- immutable
    """Return a domain that someone entered, with or without "@" or a dot at the end. Raise Invalid."""
    domain = fold_domain(text.strip().removeprefix("@").removesuffix("."))
    if domain.startswith("*."):
        raise Invalid(
            "Each domain counts for itself, so there are no wildcards. Add each subdomain.",
            field=field,
            error_type=errors.invalid,
        )
    try:
        validate_domain_name(domain)
    except ValidationError:
        raise Invalid("Enter a domain such as example.com.", field=field, error_type=errors.invalid) from None
    if "." not in domain or not is_domain(domain) or not 0 < len(record_name(domain)) <= _MAX_NAME:
        raise Invalid("Enter a domain such as example.com.", field=field, error_type=errors.invalid)
    if domain in _PUBLIC_DOMAINS:
        raise Invalid(
            f"Anyone can get an address at {domain}. Decide for each person instead.",
            field=field,
            error_type=errors.too_common,
        )
    return domain


def allow(organization_id: UUID, domain: str, caller: audit.Caller) -> None:
    """Add an allowed domain, unless it is there. The caller opens the transaction."""
    _change(organization_id, lambda before: before if _has(before, domain) else sorted([*before, domain]), caller)


def disallow(organization_id: UUID, domain: str, caller: audit.Caller) -> None:
    """Remove a folded allowed domain, if it is there. The caller opens the transaction."""
    _change(organization_id, lambda before: [one for one in before if fold_domain(one) != domain], caller)


def _has(domains: Sequence[str], domain: str) -> bool:
    return domain in {fold_domain(one) for one in domains}


def _change(organization_id: UUID, change: Callable[[list[str]], list[str]], caller: audit.Caller) -> None:
    row = models.OrganizationRow.objects.select_for_update(no_key=True).get(pk=organization_id)
    before = list(row.email_allowed_domains)
    row.email_allowed_domains = change(before)
    if row.email_allowed_domains == before:
        return
    row.save(update_fields=["email_allowed_domains", "updated_at"])
    domain_rows.follow(row, before, caller)
    audit.record(
        caller,
        "organization.update",
        organization_id=row.pk,
        target_id=public_id("organization", row.pk),
        target_name=row.name,
        before={"email_allowed_domains": before},
        after={"email_allowed_domains": row.email_allowed_domains},
    )
