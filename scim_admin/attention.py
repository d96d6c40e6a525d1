"""What needs attention: the kinds of items, how many there are of each, and the filter above every list of them."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from portal.directory.scim.connection import ScimConnection
from portal.web.request import PortalRequest
from portal.web.scim.attention import ScimAttention

# How many items of each kind the page of all kinds shows.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the filter. With `is_more`, `number` is only what was found so far."""

    label: str
    url: str
    is_current: bool
    number: int = 0
    is_more: bool = False


class Attention(ScimAttention):
    """The items of the inbox with its filter. `current` is the URL name of the page."""

    def __init__(self, request: PortalRequest, connection: ScimConnection | None, current: str) -> None:
        super().__init__(request, connection)
        self._request, self._current = request, current

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The entries of the filter; a kind that the directory lacks is left out."""
        scim, is_more = self._scim, self.has_more_differences
        kinds = [
            self._kind("All", "attention", self.number, is_more=is_more),
            self._kind("Deactivations", "safeguard", self.deactivations) if scim.safeguard else None,
            self._kind("Existing members", "conflicts", self.existing_members) if scim.conflicts else None,
            self._kind("Differences", "drift", self.differences, is_more=is_more) if scim.drift else None,
            self._kind("Resolved", "attention-resolved", 0),
        ]
        return tuple(kind for kind in kinds if kind is not None)

    def _kind(self, label: str, name: str, number: int, *, is_more: bool = False) -> Kind:
        url = reverse(f"scim:{name}", args=[self._request.signed_in.organization.organization_slug])
        return Kind(label, url, name == self._current, number, is_more)


def attention_context(request: PortalRequest, connection: ScimConnection | None, current: str) -> dict[str, Any]:
    """Return what a page about items needs for the filter, and for the count in the navigation."""
    attention = Attention(request, connection, current)
    return {"attention": attention, "attention_count": attention.number}


def after_decision(request: PortalRequest, name: str) -> str:
    """Return the URL name of the page to show after a decision: the page `name`, or the page of all kinds it was taken on."""
    return "attention" if request.POST.get("from") == "attention" else name
