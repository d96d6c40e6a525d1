"""Messages for the next page, stored in a cookie of this host only."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class HostCookieStorage(CookieStorage):
    """Django's signed cookie storage under the `__Host-` prefix."""

    def __init__(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        place = getattr(request, "place", None)
        # Frames of two organizations in one page don't show each other's messages.
        self.cookie_name = (
            f"__Host-messages-{place.slug}-{place.area}" if place else f"{settings.COOKIE_PREFIX}messages"
        )
