"""Creating the connection. Its first token is shown once, in the response."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid, StepUpRequired
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up
from scim_admin.forms.connection import ConnectionForm
from scim_admin.sections import render_section
from scim_admin.views.set_up import render_first_token

_TEMPLATE = "scim_admin/create.html"


def create(request: PortalRequest) -> HttpResponse:
    """Ask for the identity provider and a name, and create the connection."""
    form = ConnectionForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    connection = request.directory.scim.connection.get()
    if connection is not None:
        return render_section(request, _TEMPLATE, {"connection": connection}, status=409 if form.is_bound else 200)
    if form.is_bound and form.is_valid():
        return _create(request, form)
    if needs_step_up(request) and not form.is_bound:
        return step_up(request, _url(request, request.GET.dict()))
    return _form_page(request, form)


def _create(request: PortalRequest, form: ConnectionForm) -> HttpResponse:
    try:
        created = request.directory.scim.connection.create(
            identity_provider=form.product.identity_provider, display_name=form.cleaned_data["display_name"]
        )
    except StepUpRequired:
        # The form is filled in again afterwards.
        return step_up(request, _url(request, form.cleaned_data))
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, error.detail)
        return _form_page(request, form)
    except Conflict:
        # Someone else was faster.
        connection = request.directory.scim.connection.get()
        return render_section(request, _TEMPLATE, {"connection": connection}, status=409)
    return render_first_token(request, created, form.product.guide)


def _form_page(request: PortalRequest, form: ConnectionForm) -> HttpResponse:
    context: dict[str, Any] = {"connection": None, "form": form}
    return render_section(request, _TEMPLATE, context, status=422 if form.errors else 200)


def _url(request: PortalRequest, typed: dict[str, Any]) -> str:
    url = reverse("scim:create", args=[request.signed_in.organization.organization_slug])
    given = {name: str(value) for name, value in typed.items() if name in ConnectionForm.base_fields and value}
    return f"{url}?{urlencode(given)}" if given else url
