"""All methods of the API: importing this declares them."""

from portal.api import scim
from portal.api.endpoints import ENDPOINTS

__all__ = ["ENDPOINTS", "scim"]
