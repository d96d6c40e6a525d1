"""Discovery finds the organizations that an address may join without reading all of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.sessions.intermediate import start_intermediate_session
from portal.embedded.sign_in.email_discovery import EmbeddedEmailDiscovery
from tests.plans import analyze


@pytest.mark.postgresql
def test_no_list_of_all_domains_is_read(db: None) -> None:
    organizations = [
        models.OrganizationRow(
            slug=f"organization-{number}",
            name=f"Organization {number}",
            email_allowed_domains=[f"domain-{number}.example"],
            settings={"email_jit_provisioning": "RESTRICTED"},
        )
        for number in range(3000)
    ]
    models.OrganizationRow.objects.bulk_create(organizations)
    models.EmailDomainRow.objects.bulk_create(
        models.EmailDomainRow(organization=one, domain=one.email_allowed_domains[0], is_trusted=True)
        for one in organizations
    )
    analyze()
    _, token = start_intermediate_session("eve@domain-7.example", (), proves_address=True)

    with CaptureQueriesContext(connection) as queries:
        found = EmbeddedEmailDiscovery(Origin()).organizations(token)

    assert [one.organization.organization_slug for one in found.organizations] == ["organization-7"]
    (statement,) = [one["sql"] for one in queries if "email_jit_provisioning" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement.replace("%", "%%"), [])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan on directory_organization" not in plan
    assert "Seq Scan on directory_emaildomain" not in plan
