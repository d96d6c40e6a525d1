"""Check the Host header."""

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest


def is_allowed_host(request: HttpRequest) -> bool:
    """Say whether the request names a host of ALLOWED_HOSTS."""
    # Fast path: most requests name the public host.
    if request.META.get("HTTP_HOST") == settings.PUBLIC_URL.partition("//")[2]:
        return True
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True
