"""The color of the emails to an organization's members."""

from portal.embedded import models
from portal.embedded.scope import settings_value


def color_of(organization: models.OrganizationRow) -> str:
    """Return the color of an organization's theme, "" for the project's."""
    return settings_value(organization).theme.color
