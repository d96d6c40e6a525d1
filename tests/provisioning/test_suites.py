"""What the public conformance suites say."""

from collections import Counter
from typing import Any, cast

import pytest
from django.core.wsgi import get_wsgi_application
from pytest_django.live_server_helper import LiveServer
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from scim_sanity.probe.runner import run_probe_api

from portal.directory.embedded import models
from tests import factories
from tests.provisioning.conftest import Idp


@pytest.mark.usefixtures("connection_stays")
def test_scim2_tester_finds_nothing(idp: Idp) -> None:
    client = WSGISCIMClient(
        get_wsgi_application(),
        base_url=f"http://testserver{idp.base}",
        headers={"Authorization": f"Bearer {idp.token}"},
    )

    results = check_server(client)

    good = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
    assert [(one.title, one.resource_type, one.reason) for one in results if one.status not in good] == []
    # A suite that stops early has found nothing either: 135, less what it does to `password`, which we do not offer.
    assert len(results) == 133, Counter(one.title for one in results)


@pytest.mark.django_db(transaction=True)
def test_scim_sanity_finds_nothing(live_server: LiveServer) -> None:
    token = "scim_token-of-the-suite"
    organization = factories.organization("suite")
    connection = factories.scim_connection(organization, bearer_token=token)
    # The suite adds a member that is not there, and wants it accepted.
    connection.skips_unknown_members = True
    connection.save()
    base = Idp(connection, token).base

    report = cast("dict[str, Any]", run_probe_api(f"{live_server.url}{base}", token=token, strict=True))

    assert [one for one in report["results"] if one["status"] in {"FAIL", "ERROR", "fail", "error", "WARN"}] == []
    assert report["summary"]["passed"] >= 28, report["summary"]
    assert not models.ScimUser.objects.exists()
