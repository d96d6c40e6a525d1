"""Settings › General: name, slug and IDs."""

from django.test import Client

from portal.embedded import models
from portal.embedded.scope import organization_value

PAGE = "/o/acme/settings/"


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def test_every_member_sees_the_settings(acme: models.OrganizationRow, member_client: Client) -> None:
    html = page(member_client)

    assert "How Acme is shown, and who can join and sign in." in html
    assert organization_value(acme).organization_id in html
    assert f'<a href="{PAGE}" aria-current="page"> General </a>' in html
