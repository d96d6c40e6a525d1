"""Next steps on the home page: what a new organization still has to do, of what exists."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from portal.directory.counts import ScimCounts
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Step:
    """A step. Without `url` it can't be taken yet. `is_next` is the first one that isn't done."""

    title: str
    text: str
    is_done: bool
    url: str = ""
    is_next: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps in their order."""

    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def are_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.done == len(self.steps)


_GROUPS = "Give groups their roles"
_CONTACT = "Add a contact"
_CONTACT_TEXT = "They get an email before the token expires, and when deactivations are on hold."


def first_steps(request: PortalRequest) -> Steps:
    """Return the steps of an organization without a connection."""
    member, slug = request.signed_in.member, request.signed_in.organization.organization_slug
    steps = [
        Step("Create your account", f"You’re signed in as {member.email_address}.", is_done=True),
        Step(
            "Connect your identity provider",
            "People get access when they join and lose it when they leave. About 15 minutes.",
            is_done=False,
            url=reverse("scim:create", args=[slug]) if request.allows(Permission.SCIM_CREATE) else "",
        ),
        Step(_GROUPS, "Decide which roles each group grants.", is_done=False),
    ]
    if request.directory.scim.contacts is not None:
        steps.append(Step(_CONTACT, _CONTACT_TEXT, is_done=False))
    return _numbered(steps)


def next_steps(request: PortalRequest, connection: ScimConnection, counts: ScimCounts | None) -> Steps:
    """Return the steps of an organization with a connection, with one query."""
    return _numbered(list(_steps(request, connection, counts)))


def _steps(request: PortalRequest, connection: ScimConnection, counts: ScimCounts | None) -> Iterator[Step]:
    slug, scim = request.signed_in.organization.organization_slug, request.directory.scim
    provider = connection.identity_provider.in_text
    yield Step("Connect SCIM", "", is_done=True)
    if counts:
        users = counts.active_users.number + counts.deactivated_users.number
        yield Step(
            "Send people",
            f"Follow the guide. The live check shows what {provider} has sent.",
            is_done=users > 0,
            url=reverse("scim:set-up", args=[slug]),
        )
        yield Step(
            _GROUPS,
            "Decide which roles each group grants.",
            is_done=counts.granting_groups.number > 0,
            url=reverse("scim:groups", args=[slug]) if counts.groups.number else "",
        )
    if scim.contacts is not None:
        yield Step(
            _CONTACT,
            _CONTACT_TEXT,
            is_done=bool(scim.contacts.get(connection.connection_id).addresses),
            url=f"{reverse('scim:settings', args=[slug])}#contacts",
        )


def _numbered(steps: list[Step]) -> Steps:
    first = next((place for place, step in enumerate(steps) if not step.is_done), None)
    return Steps(
        tuple(
            Step(step.title, step.text, step.is_done, step.url, is_next=place == first)
            for place, step in enumerate(steps)
        )
    )
