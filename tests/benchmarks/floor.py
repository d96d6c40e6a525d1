"""The floor: a Django view that runs one query and does nothing else, without authentication."""

from uuid import UUID

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

from portal.embedded.models import MemberSessionRow, ScimGroupRow


def groups(request: HttpRequest) -> JsonResponse:
    """Return a page of groups."""
    rows = ScimGroupRow.objects.filter(
        organization_id=UUID(request.GET["organization"]),
        connection_id=UUID(request.GET["connection"]),
        display_name_folded__gt=request.GET.get("after", ""),
    ).order_by("display_name_folded")
    limit = int(request.GET["limit"])
    return JsonResponse({"groups": list(rows.values_list("pk", "display_name", "member_count")[:limit])})


def session(request: HttpRequest) -> JsonResponse:
    """Return a session with its member and organization, by the hash of its token."""
    fields = ("pk", "expires_at", "member__email_address", "organization__slug")
    found = MemberSessionRow.objects.filter(token_hash=bytes.fromhex(request.GET["hash"])).values_list(*fields)
    return JsonResponse({"session": found[0]})


urlpatterns = [path("groups", groups), path("session", session)]
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
application = WSGIHandler()
