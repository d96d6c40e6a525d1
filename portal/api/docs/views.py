"""The API reference: the list of methods, the OpenAPI document, and a page for each error type."""

from django.http import Http404, HttpResponse

from portal.api.docs.reference import nouns
from portal.api.errors.types import ERROR_TYPES
from portal.api.openapi import openapi_document
from portal.api.sdk_methods import missing_methods
from portal.web.pages import private, render_page
from portal.web.request import PortalRequest


def methods(request: PortalRequest) -> HttpResponse:
    """List all methods by noun."""
    return render_page(request, "api/methods.html", {"nouns": nouns(), "missing": missing_methods()})


def error_type(request: PortalRequest, error_type: str) -> HttpResponse:
    """Explain an error type and how to fix it."""
    if error_type not in ERROR_TYPES:
        raise Http404
    return render_page(request, "api/error_type.html", {"name": error_type, "error_type": ERROR_TYPES[error_type]})


def openapi(_request: PortalRequest) -> HttpResponse:
    """Return the OpenAPI document."""
    return private(HttpResponse(openapi_document(), content_type="application/json"))
