"""The theme of an organization."""

from portal.directory.organizations import OrganizationChanges
from portal.directory.themes import Theme
from portal.embedded.organizations.organizations import EmbeddedOrganization


class EmbeddedTheme:
    """Implements portal.directory.themes.ThemeGateway."""

    def __init__(self, organization: EmbeddedOrganization) -> None:
        self._organization = organization

    def change(self, theme: Theme, *, version: str = "") -> None:
        """Replace the theme. Raise Invalid with the name of the part, Conflict, Forbidden."""
        self._organization.update(OrganizationChanges(theme=theme), version=version)
