"""What a change of the sign-in settings means, and what Stytch can't be asked for."""

import pytest

from portal.directory.counts import Count
from portal.directory.directory import Directory
from portal.directory.errors import Conflict, Forbidden, Invalid, Unauthenticated
from portal.directory.organizations import OrganizationChanges, organization_version
from portal.directory.sign_in_settings import SignInSettingsGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened


def of(directory: Directory) -> SignInSettingsGateway:
    assert directory.sign_in_settings
    return directory.sign_in_settings


@STYTCH_ONLY
def test_stytch_has_no_numbers_and_requires_second_factors_of_all_or_none(world: World) -> None:
    directory = acting(world)
    assert directory.sign_in_settings is None
    for ours in (OrganizationChanges(mfa_required_for_admins=True), OrganizationChanges(passkeys="NOT_ALLOWED")):
        with pytest.raises(Invalid):
            directory.organization.update(ours)
    changed = directory.organization.update(OrganizationChanges(mfa_policy="REQUIRED_FOR_ALL"))
    assert changed.settings.mfa_policy == "REQUIRED_FOR_ALL"


@EMBEDDED_ONLY
def test_only_permissions_open_it(world: World) -> None:
    for directory, error in (
        (acting(world, "max@acme.example"), Forbidden),
        (acting(world, "ada@acme.example", "globex"), Forbidden),
        (opened(world), Unauthenticated),
    ):
        gateway = of(directory)
        for ask in (gateway.numbers, gateway.attention, lambda: gateway.review(["password"])):  # noqa: B023 -- run at once
            with pytest.raises(error):
                ask()
        with pytest.raises(error):
            gateway.save_methods(["password"], version="")
    assert acting(world).organization.get().settings.auth_methods == "ALL_ALLOWED"


@EMBEDDED_ONLY
def test_a_review_changes_nothing_and_saving_does(world: World) -> None:
    seen = organization_version(acting(world).organization.get(), "auth_methods", "allowed_auth_methods")
    found = of(acting(world)).review(["password"])
    assert (found.locked_out, found.sessions, found.refusal) == ((), Count(0), "")
    assert acting(world).organization.get().settings.auth_methods == "ALL_ALLOWED"

    saved = of(acting(world)).save_methods(["password"], version=seen)
    assert saved.settings.allowed_auth_methods == ("password",)
    with pytest.raises(Conflict):
        of(acting(world)).save_methods(["password", "email_otp"], version=seen)
