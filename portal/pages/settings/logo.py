"""The logo: showing it to anyone, and changing it."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Invalid, NotFound
from portal.pages.settings.forms import LogoForm
from portal.pages.settings.general import render_general
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest

_YEAR = 365 * 24 * 60 * 60


def show(request: PortalRequest, organization_id: str, digest: str) -> HttpResponse:
    """Send the image of an organization. Its URL changes with it, so browsers keep it."""
    logo = request.directories.logo(organization_id, digest)
    if logo is None:
        raise NotFound("This logo doesn’t exist.")
    response = HttpResponse(logo.content, content_type=logo.content_type)
    response["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def change(request: PortalRequest) -> HttpResponse:
    """Store an uploaded logo or one at a URL, or remove it. On GET, show the settings."""
    general_url = reverse("settings:general", args=[request.signed_in.organization.organization_slug])
    if request.method == "GET":
        return see_other(general_url)
    gateway = available(request.directory.logo, "logo")
    if "remove" in request.POST:
        gateway.delete()
        messages.success(request, "Logo removed.")
        return see_other(general_url)
    form = LogoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            if form.cleaned_data["logo"]:
                gateway.upload(form.cleaned_data["logo"].read())
            else:
                gateway.fetch(form.cleaned_data["url"])
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
        else:
            messages.success(request, "Logo saved.")
            return see_other(general_url)
    return render_general(request, logo_form=form, status=422)
