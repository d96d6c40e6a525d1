"""How long sessions last: what the operator, and the organization for its own members, decided."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from portal.directory.embedding import SESSION_IDLE
from portal.directory.organizations import OrganizationSettings
from portal.embedded import models
from portal.embedded.scope import rows_of


@dataclass(frozen=True, slots=True)
class Limits:
    """The minutes without use, and after the start, at which a session ends; 0 for no limit."""

    idle: int
    duration: int

    def idle_end(self, last_accessed_at: datetime) -> datetime | None:
        """Return when a session ends if it isn't used again."""
        return last_accessed_at + timedelta(minutes=self.idle) if self.idle else None

    def latest_end(self, started_at: datetime) -> datetime | None:
        """Return when a session ends although it is used."""
        return started_at + timedelta(minutes=self.duration) if self.duration else None

    def within(self, now: datetime) -> Q:
        """Return the condition of sessions that are within the limits."""
        found = Q(last_accessed_at__gt=now - timedelta(minutes=self.idle)) if self.idle else Q()
        return found & Q(started_at__gt=now - timedelta(minutes=self.duration)) if self.duration else found


def of_organization(organization: models.OrganizationRow) -> Limits:
    """Return the limits that an organization chose, which hold for every session of its members."""
    chosen = organization.settings or {}
    return Limits(chosen.get("session_idle_minutes", 0), chosen.get("session_duration_minutes", 0))


def of_portal(organization: models.OrganizationRow) -> Limits:
    """Return the limits of the portal's pages there: the organization's, but never more than the operator's."""
    return _on_pages(of_organization(organization))


def of_frame(organization: models.OrganizationRow) -> Limits:
    """Return the limits of a frame in a product's page: those of the portal's pages, and an earlier end without use."""
    return _in_frame(of_portal(organization))


def of_frames(chosen: OrganizationSettings) -> Limits:
    """Return the same by the settings of an organization."""
    return _in_frame(_on_pages(_own(chosen)))


def live(chosen: OrganizationSettings, now: datetime) -> Q:
    """Return the condition of an organization's sessions that are within the limits that apply to them."""
    own = _own(chosen)
    pages, is_framed = _on_pages(own), Q(embedding__isnull=False)
    of_products = Q(ends_when_idle=False) & own.within(now)
    product = rows_of(OuterRef("organization_id"), models.MemberSessionRow).filter(
        of_products, pk=OuterRef("shared_with"), revoked_at=None, expires_at__gt=now
    )
    of_frames = is_framed & _in_frame(pages).within(now) & (Q(shared_with=None) | Q(Exists(product)))
    return of_products | (Q(ends_when_idle=True) & ~is_framed & pages.within(now)) | of_frames


def earliest(*ends: datetime | None) -> datetime:
    """Return the first of several ends, of which one at least is known."""
    return min(one for one in ends if one is not None)


def _own(chosen: OrganizationSettings) -> Limits:
    return Limits(chosen.session_idle_minutes, chosen.session_duration_minutes)


def _in_frame(pages: Limits) -> Limits:
    return Limits(min(pages.idle, SESSION_IDLE // timedelta(minutes=1)), pages.duration)


def _on_pages(own: Limits) -> Limits:
    return Limits(
        min(own.idle or settings.SESSION_IDLE_MINUTES, settings.SESSION_IDLE_MINUTES),
        min(own.duration or settings.SESSION_DURATION_MINUTES, settings.SESSION_DURATION_MINUTES),
    )
