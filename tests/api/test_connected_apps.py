"""Stytch's methods of connected apps and of members' OIDC connections: there are none yet, and permissions count all the same."""

from collections.abc import Callable
from typing import Any

import pytest
from stytch import B2BClient
from stytch.core.response_base import StytchError

from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.api.conftest import Caller

PageOf = Callable[[models.MemberRow | None], Caller]


def error_of(call: Callable[[], object]) -> tuple[int, str | None]:
    with pytest.raises(StytchError) as caught:
        call()
    return caught.value.details.status_code, caught.value.details.error_type


def test_the_sdk_reads_that_no_app_is_connected(sdk: B2BClient, member: models.MemberRow) -> None:
    organizations, member_id = sdk.organizations, public_id("member", member.pk)

    assert organizations.connected_apps("acme").connected_apps == []
    assert organizations.members.get_connected_apps("acme", member_id).connected_apps == []
    assert organizations.members.oidc_providers("acme", member_id).registrations == []
    no_app = (404, "connected_app_not_found")
    assert error_of(lambda: organizations.get_connected_app("acme", "connected-app-1")) == no_app
    assert error_of(lambda: organizations.members.connected_apps.revoke("acme", member_id, "connected-app-1")) == no_app


def test_a_member_or_organization_that_is_not_there_is_named_first(
    backend: Caller, acme: models.OrganizationRow
) -> None:
    unknown = "organizations/acme/members/member-live-x"

    assert backend.get(f"{unknown}/connected_apps").error_type == "member_not_found"
    assert backend.get(f"{unknown}/oidc_providers").error_type == "member_not_found"
    assert backend.post(f"{unknown}/connected_apps/a/revoke").error_type == "member_not_found"
    assert backend.get("organizations/none/connected_apps").error_type == "organization_not_found"
    assert backend.get("organizations/none/connected_apps/a").error_type == "organization_not_found"


def test_each_method_needs_its_permission(
    backend: Caller, page_of: PageOf, admin: models.MemberRow, member: models.MemberRow
) -> None:
    me, theirs = public_id("member", member.pk), public_id("member", admin.pk)

    def statuses(caller: Caller, organization: str, members: str, whose: str, **headers: Any) -> list[int]:
        return [
            caller.get(f"{organization}/connected_apps", **headers).status,
            caller.get(f"{organization}/connected_apps/a", **headers).status,
            caller.get(f"{members}/{whose}/connected_apps", **headers).status,
            caller.post(f"{members}/{whose}/connected_apps/a/revoke", **headers).status,
        ]

    own, all_ = [403, 403, 200, 404], [200, 404, 200, 404]
    paths = ("organizations/acme", "organizations/acme/members")
    for_members = {"X-Stytch-Member-Session": factories.product_session_token(member)}
    for_admins = {"X-Stytch-Member-Session": factories.product_session_token(admin)}
    assert statuses(backend, *paths, theirs, **for_members) == [403] * 4
    assert statuses(backend, *paths, me, **for_members) == own
    assert statuses(backend, *paths, me, **for_admins) == all_
    assert backend.get(f"organizations/acme/members/{me}/oidc_providers", **for_admins).status == 403
    of_pages = ("b2b/organizations", "b2b/organizations/members")
    assert statuses(page_of(member), *of_pages, theirs) == [403] * 4
    assert statuses(page_of(member), *of_pages, me) == own
    assert statuses(page_of(admin), *of_pages, me) == all_
    assert page_of(member).get("b2b/organizations/members/connected_apps")["connected_apps"] == []
    revoked = page_of(member).post("b2b/organizations/members/connected_apps/a/revoke")
    assert revoked.error_type == "connected_app_not_found"
