"""A browser's frame on the host of frames, opened by a ticket."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.embedding import NewTicket
from portal.directory.frames import EmbedArea
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project import EmbeddedProject

EMBED = "embed.example.com"
PARENT = "https://app.example.com"


def ticket(member: models.MemberRow, *areas: EmbedArea, **more: Any) -> str:
    """Create a ticket for a member in a page of PARENT."""
    project = EmbeddedProject(Origin())
    organization = public_id("organization", member.organization_id)
    embedding = project.open(organization, Actor(ActorType.PROJECT, name="test")).embedding
    asked = {"member_id": public_id("member", member.pk), "areas": areas or (EmbedArea.SCIM,), "parent_origin": PARENT}
    return embedding.create_ticket(NewTicket(**{**asked, **more})).ticket


class Frame(Client):
    """A frame of a page of PARENT."""

    def __init__(self, **more: Any) -> None:
        super().__init__(headers={"host": EMBED, "sec-fetch-dest": "iframe"}, **more)

    def generic(self, *arguments: Any, **more: Any) -> Any:
        """Send every request over https."""
        return super().generic(*arguments, **{**more, "secure": True})

    def enter(self, ticket: str, *, slug: str = "acme", origin: str = PARENT, **headers: str) -> Any:
        """Submit a ticket as the page around the frame does, and go where it leads."""
        response: Any = self.submit(ticket, slug=slug, origin=origin, **headers)
        while response.status_code in {303, 307}:
            url = urlsplit(response["Location"])
            target = f"{url.path}?{url.query}"
            if response.status_code == 307:
                response = self.post(target, {"ticket": ticket}, headers={"origin": origin})
            else:
                response = self.get(target)
        return response

    def submit(self, ticket: str, *, slug: str = "acme", origin: str = PARENT, **headers: str) -> Any:
        """Submit a ticket, and return the first response."""
        sent = {"origin": origin, **headers}
        return self.post(f"/o/{slug}/embed/", {"ticket": ticket}, headers={k: v for k, v in sent.items() if v})


@pytest.fixture(autouse=True)
def _embed_url(settings: Settings) -> None:
    settings.EMBED_URL = f"https://{EMBED}"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, EMBED]


@pytest.fixture(autouse=True)
def _origins(acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    for organization in (acme, globex):
        organization.embed_origins = [PARENT]
        organization.save(update_fields=["embed_origins"])


@pytest.fixture
def opened(admin: models.MemberRow) -> Callable[..., Frame]:
    """Open a frame of Acme's admin."""

    def open_frame(*areas: EmbedArea, **more: Any) -> Frame:
        frame = Frame(enforce_csrf_checks=True)
        assert frame.enter(ticket(admin, *areas, **more)).status_code == 200
        return frame

    return open_frame
