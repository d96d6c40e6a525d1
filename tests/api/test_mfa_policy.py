"""MFA is stored and not enforced, which the documentation of the methods says as long as it is so."""

import pytest

from portal.api.endpoints import ENDPOINTS
from portal.embedded import models
from tests.api.conftest import Caller
from tests.conftest import PASSWORD


def test_mfa_is_not_enforced(backend: Caller, admin: models.MemberRow) -> None:
    assert backend.put("organizations/acme", {"mfa_policy": "REQUIRED_FOR_ALL"}).status == 200

    body = {"organization_id": "acme", "email_address": admin.email_address, "password": PASSWORD}
    assert backend.post("passwords/authenticate", body)["member_authenticated"]


@pytest.mark.parametrize("name", ["organizations.create", "organizations.update"])
def test_the_methods_that_take_it_say_so(name: str) -> None:
    assert "not enforced" in ENDPOINTS[name].summary
