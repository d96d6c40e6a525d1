"""A project with two organizations, as the JSON API opens it."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from portal.directories import project
from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.sessions import SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.project import EmbeddedProject
from portal.embedded.sessions.lifecycle import start_session

ORIGIN = Origin("192.0.2.1", "a product", "request-id-live-1")
BACKEND = Actor(ActorType.PROJECT, "secret-live-1", "secret …abcd")

Opened = Callable[[str], EmbeddedDirectory]


@pytest.fixture
def known(db: None) -> EmbeddedProject:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    return project(ORIGIN)  # type: ignore[return-value]  # -- the only kind


@pytest.fixture
def opened(known: EmbeddedProject) -> Opened:
    """Open an organization as the project itself."""
    return lambda slug: known.open(slug, BACKEND)


@pytest.fixture
def ada(known: EmbeddedProject, admin: models.MemberRow) -> SignedIn:
    """An admin of Acme, signed in through a product."""
    return api_session(admin)


@pytest.fixture
def max_(known: EmbeddedProject, member: models.MemberRow) -> SignedIn:
    """A member of Acme without permissions, signed in through a product."""
    return api_session(member)


def api_session(member: models.MemberRow, terms: SessionTerms | None = None) -> SignedIn:
    return start_session(member, ORIGIN, password_entered_at=timezone.now(), terms=terms or SessionTerms())


def row_of(signed_in: SignedIn) -> models.MemberSessionRow:
    return models.MemberSessionRow.objects.get(
        pk=signed_in.session.member_session_id.removeprefix("member-session-live-")
    )
