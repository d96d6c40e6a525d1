"""The floor: what Django costs here for one query and nothing else, not even knowing who asks."""

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

from portal.embedded.models import MemberSessionRow, ScimGroupRow  # noqa: E402 -- after setup


def groups(request: HttpRequest) -> JsonResponse:
    """Answer with a page of groups."""
    rows = ScimGroupRow.objects.filter(
        organization_id=UUID(request.GET["organization"]),
        connection_id=UUID(request.GET["connection"]),
        display_name_folded__gt=request.GET.get("after", ""),
    ).order_by("display_name_folded")
    limit = int(request.GET["limit"])
    return JsonResponse({"groups": list(rows.values_list("pk", "display_name", "member_count")[:limit])})


def session(request: HttpRequest) -> JsonResponse:
    """Answer with a session, its member and organization, by the token's hash."""
    fields = ("pk", "expires_at", "member__email_address", "organization__slug")
    found = MemberSessionRow.objects.filter(token_hash=bytes.fromhex(request.GET["hash"])).values_list(*fields)
    return JsonResponse({"session": found[0]})


urlpatterns = [path("groups", groups), path("session", session)]
application = WSGIHandler()
