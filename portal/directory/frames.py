"""What a frame of the portal in a product's page shows and allows (portal.directory.embedding)."""

from dataclasses import dataclass
from enum import StrEnum

from portal.directory.locales import Locale
from portal.directory.permissions import READ_ACTIONS


class EmbedArea(StrEnum):
    """An area of the portal that a ticket can open. The values are the namespaces of the areas' URLs."""

    HOME = "home"
    MEMBERS = "members"
    SCIM = "scim"
    SETTINGS = "settings"
    ACTIVITY = "activity"


class ColorScheme(StrEnum):
    """Whether a frame is light or dark. AUTO follows the system."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a ticket allows in its frame, and how the frame looks.

    The permissions of a session are those that the member's roles grant and that `allows` accepts, at each request.
    """

    ticket_id: str
    areas: tuple[EmbedArea, ...]
    parent_origin: str
    read_only: bool = False
    # `resource:action`; None for all that the member has.
    permissions: frozenset[str] | None = None
    color_scheme: ColorScheme = ColorScheme.AUTO
    locale: Locale = "en"
    # Where the frame starts, below /o/<slug>/, such as "scim/groups/?q=Eng". "" for the first of the areas.
    path: str = ""

    @property
    def parent_host(self) -> str:
        """The host of the page around the frame, with its port if it has one."""
        return self.parent_origin.partition("://")[2]

    def allows(self, permission: str) -> bool:
        """Say whether a frame may use `resource:action` if the member's roles grant it."""
        is_reading = permission.partition(":")[2].split(".")[0] in READ_ACTIONS
        return (is_reading or not self.read_only) and (self.permissions is None or permission in self.permissions)
