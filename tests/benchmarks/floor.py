"""The floor: what Django costs here for one keyset query and nothing else, not even a session."""

import os
from uuid import UUID

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
django.setup(set_prefix=False)

from portal.directory.embedded.models import ScimGroup  # noqa: E402 -- after setup


def groups(request: HttpRequest) -> JsonResponse:
    """Answer with a page of groups."""
    rows = ScimGroup.objects.filter(
        organization_id=UUID(request.GET["organization"]),
        connection_id=UUID(request.GET["connection"]),
        display_name_folded__gt=request.GET.get("after", ""),
    ).order_by("display_name_folded")
    limit = int(request.GET["limit"])
    return JsonResponse({"groups": list(rows.values_list("pk", "display_name", "member_count")[:limit])})


urlpatterns = [path("groups", groups)]
application = WSGIHandler()
