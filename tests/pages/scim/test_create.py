"""Creating the connection: the password is asked for first, the token is shown once, and no input is lost."""

from unittest.mock import patch

import pytest
from django.test import Client
from pytest_django import Settings

from portal.directory.errors import Conflict
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.scim.connection import EmbeddedScimConnection
from tests import factories
from tests.conftest import PASSWORD
from tests.pages.scim.test_conflicts import as_reader

OVERVIEW = "/o/acme/scim/"
PAGE = f"{OVERVIEW}create/"
OKTA = {"identity_provider": "okta", "display_name": "Okta production"}


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def shown_token(html: str) -> str:
    return html.partition('id="bearer-token"')[2].partition(">")[2].partition("<")[0]


def test_the_overview_links_to_the_form_and_the_token_is_shown_once(admin_client: Client) -> None:
    """Defect 3: a token in a collapsed section. It has the focus, and the name of the field at that provider."""
    assert f'href="{PAGE}"' in page(admin_client, OVERVIEW)

    response = admin_client.post(PAGE, OKTA)

    html = " ".join(response.content.decode().split())
    token = shown_token(html)
    assert response.status_code == 200
    assert token.startswith("scim_")
    assert "no-store" in response["Cache-Control"]
    assert "readonly" in html
    assert " autofocus" in html
    assert "<details" not in html
    # The token is in the step that needs it, next to the live check, and a reload leads to the guide.
    step = html.partition('id="step-3"')[2].partition("</li>")[0]
    assert "HTTP Header › Authorization" in step
    assert token in step
    assert 'id="live-check"' in html
    assert 'data-address="/o/acme/scim/set-up/"' in html
    row = models.ScimConnectionRow.objects.get()
    assert (row.identity_provider, row.display_name) == ("okta", "Okta production")
    assert token not in page(admin_client, OVERVIEW) + page(admin_client, f"{OVERVIEW}token/") + page(admin_client)


def test_google_workspace_has_a_card_and_its_own_guide(admin_client: Client) -> None:
    assert 'value="google-workspace"' in page(admin_client)

    html = admin_client.post(PAGE, OKTA | {"identity_provider": "google-workspace"}).content.decode()

    assert "<h1>Set up Google Workspace</h1>" in html
    assert shown_token(" ".join(html.split())).startswith("scim_")
    assert 'data-address="/o/acme/scim/set-up/?guide=google-workspace"' in html
    assert models.ScimConnectionRow.objects.get().identity_provider == "generic"


def test_the_guide_offers_another_token_to_members_who_can_create_one(
    admin_client: Client, settings: Settings, acme: models.OrganizationRow
) -> None:
    token = shown_token(" ".join(admin_client.post(PAGE, OKTA).content.decode().split()))

    html = page(admin_client, f"{OVERVIEW}set-up/")
    assert token not in html
    assert f'href="{OVERVIEW}token/rotate/"' in html
    assert f'href="{OVERVIEW}token/rotate/"' not in page(as_reader(settings, acme), f"{OVERVIEW}set-up/")


def test_the_token_is_valid_immediately_and_not_stored(admin_client: Client, caplog: pytest.LogCaptureFixture) -> None:
    token = shown_token(" ".join(admin_client.post(PAGE, OKTA).content.decode().split()))

    url = f"/v1/b2b/scim/scim-connection-live-{models.ScimConnectionRow.objects.get().pk}/Users"
    assert Client().get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    written = [str(row) for row in models.ActivityEntryRow.objects.values("before", "after", "target_name")]
    assert token not in "".join([*written, caplog.text])
    assert models.ScimTokenRow.objects.get().last_four == token[-4:]


def test_a_reload_explains_that_the_token_is_not_shown_again(admin_client: Client) -> None:
    """Defect 4: a reload loses the token without an explanation."""
    admin_client.post(PAGE, OKTA)

    for html in (page(admin_client), " ".join(admin_client.post(PAGE, OKTA).content.decode().split())):
        assert "isn’t shown again" in html
        assert f'href="{OVERVIEW}settings/#token"' in html
    assert models.ScimConnectionRow.objects.count() == 1


def test_the_password_is_asked_for_before_anything_is_typed(admin_client: Client) -> None:
    factories.forget_password_entry()

    response = admin_client.get(PAGE)

    assert (response.status_code, response["Location"]) == (303, "/o/acme/confirm/?next=%2Fo%2Facme%2Fscim%2Fcreate%2F")


def test_the_form_is_kept_if_the_password_must_be_entered_again(admin_client: Client) -> None:
    """Defect 11: the input is lost."""
    factories.forget_password_entry()

    response = admin_client.post(PAGE, OKTA)
    assert response.status_code == 303
    assert not models.ScimConnectionRow.objects.exists()
    form = admin_client.get(response["Location"]).content.decode()
    onward = form.partition('name="next" value="')[2].partition('"')[0].replace("&amp;", "&")
    back = admin_client.post("/o/acme/confirm/", {"password": PASSWORD, "next": onward})

    html = page(admin_client, back["Location"])
    assert 'value="Okta production"' in html
    assert 'value="okta" required checked' in html


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"identity_provider": ""}, "Choose your identity provider"),
        ({"identity_provider": "zebra"}, "zebra is not one of the available choices"),
        ({"display_name": " "}, "This field is required"),
        ({"display_name": "x" * 257}, "at most 256 characters"),
    ],
)
def test_an_error_is_shown_at_its_field_and_nothing_is_created(
    admin_client: Client, changes: dict[str, str], said: str
) -> None:
    """Defect 5: a failed creation shows nothing."""
    response = admin_client.post(PAGE, OKTA | changes)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not models.ScimConnectionRow.objects.exists()


def test_the_second_of_two_admins_sees_the_existing_connection(
    admin_client: Client, acme: models.OrganizationRow
) -> None:
    def faster(*_: object, **__: object) -> None:
        factories.scim_connection(acme)
        raise Conflict("taken")

    with patch.object(EmbeddedScimConnection, "create", side_effect=faster):
        response = admin_client.post(PAGE, OKTA)

    assert response.status_code == 409
    assert "There is a connection already" in response.content.decode()


def test_another_connection_can_be_created_after_a_deletion(admin_client: Client, acme: models.OrganizationRow) -> None:
    models.ScimConnectionRow.objects.filter(pk=factories.scim_connection(acme).pk).update(
        status=ScimConnectionStatus.DELETED
    )

    assert shown_token(" ".join(admin_client.post(PAGE, OKTA).content.decode().split()))


def test_a_member_without_the_permission_sees_why_and_who_can_create(
    settings: Settings, acme: models.OrganizationRow
) -> None:
    """Defect 6: it is offered to members who may not create one."""
    reader = as_reader(settings, acme)

    html = page(reader, OVERVIEW)
    assert f'href="{PAGE}"' not in html
    assert "let you create a SCIM connection" in html
    assert reader.post(PAGE, OKTA).status_code == 403
