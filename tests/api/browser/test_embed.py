"""A page of a product with Stytch's headless SDK, which also embeds the portal: both have one lifetime."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FrameLocator, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.embedding import NewTicket
from portal.directory.frames import EmbedArea
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from tests.api.browser.conftest import ProductPage

pytestmark = pytest.mark.browser


@pytest.fixture
def embedding(ada: models.MemberRow, product: str, live_server: LiveServer, settings: Settings) -> Any:
    """The embedding of Ada's organization, whose frames are at localhost: another site than that of the product."""
    settings.EMBED_URL = f"http://localhost:{urlsplit(live_server.url).port}"
    settings.ALLOWED_HOSTS = ["*"]
    ada.organization.embed_origins = [product]
    ada.organization.save(update_fields=["embed_origins"])
    organization = public_id("organization", ada.organization_id)
    return EmbeddedProject(Origin()).open(organization, Actor(ActorType.PROJECT, name="backend")).embedding


def open_frame(product_page: ProductPage, embedding: Any, ada: models.MemberRow, settings: Settings) -> FrameLocator:
    """Open the page, signed in with the SDK, and in it a frame by a ticket that its backend creates from that session."""
    # The host of frames, which is the test server's usual name, serves nothing else.
    product_page.api = f"http://127.0.0.1:{urlsplit(settings.EMBED_URL).port}"
    product_page.open(ada)
    page = product_page.page
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "stytch_session")
    asked = NewTicket(
        session_token=token, areas=(EmbedArea.SCIM,), parent_origin=product_page.product, shares_lifetime=True
    )
    ticket = embedding.create_ticket(asked).ticket
    page.evaluate(
        """([url, ticket]) => {
            document.body.innerHTML += `<iframe name="portal" title="Portal" width="900" height="700"></iframe>
                <form method="post" target="portal" action="${url}"><input type="hidden" name="ticket" value="${ticket}"></form>`;
            document.querySelector("form:last-of-type").submit();
        }""",
        [f"{settings.EMBED_URL}/o/acme/embed/", ticket],
    )
    frame = page.frame_locator("iframe[name=portal]")
    expect(frame.get_by_role("heading", name="SCIM").first).to_be_visible()
    return frame


def test_signing_out_of_the_product_ends_the_frame(
    product_page: ProductPage, embedding: Any, ada: models.MemberRow, settings: Settings
) -> None:
    frame = open_frame(product_page, embedding, ada, settings)
    product_page.call("session.revoke")
    product_page.page.frames[1].goto(f"{settings.EMBED_URL}/o/acme/scim/")

    expect(frame.get_by_role("heading", name="Your session has ended")).to_be_visible()


def test_ending_the_frame_signs_out_of_the_product(
    product_page: ProductPage, embedding: Any, ada: models.MemberRow, settings: Settings
) -> None:
    open_frame(product_page, embedding, ada, settings)
    embedding.revoke_ticket(embedding.tickets().items[0].ticket_id)

    assert product_page.call("session.authenticate")["error_type"] == "session_not_found"
