"""How long sessions last and devices are remembered, and what a change means for the sessions of now."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import Organization, OrganizationChanges, organization_version
from portal.directory.permissions import Permission
from portal.directory.session_limits import LimitBounds
from portal.pages.settings.sign_in import sign_in_url, stored
from portal.web.availability import available
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up
from portal.web.times import duration_text

_LIMITS = ("session_idle_minutes", "session_duration_minutes")
_DAYS = "remembered_device_days"


def _number(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=0, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )


class SessionLimitsForm(forms.Form):
    """The limits, in minutes, and the days. An empty field sets no limit, or remembers no device."""

    session_idle_minutes = _number("Minutes without use")
    session_duration_minutes = _number("Minutes after signing in")
    remembered_device_days = _number("Days that a device is remembered")
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, data: QueryDict | None = None, *, organization: Organization, bounds: LimitBounds, may_remember: bool
    ) -> None:
        """`may_remember` says whether the member may choose the days."""
        self.names = (*_LIMITS, *([_DAYS] if may_remember and bounds.remembered_device_days else []))
        values = {name: getattr(organization.settings, name) or None for name in self.names}
        super().__init__(data, initial={**values, "version": organization_version(organization, *self.names)})
        if _DAYS not in self.names:
            del self.fields[_DAYS]
        else:
            self.fields[
                _DAYS
            ].help_text = f"1 to {bounds.remembered_device_days}. If it’s empty, members give their second factor at every sign-in."
        for name, portal in zip(_LIMITS, (bounds.portal_idle, bounds.portal_duration), strict=True):
            self.fields[name].help_text = (
                f"{bounds.shortest:,} to {bounds.longest:,}. Empty sets no limit. "
                f"The portal itself ends its sessions after {duration_text(portal)} in any case."
            )

    @property
    def changes(self) -> OrganizationChanges:
        """What a valid form changes."""
        chosen: dict[str, Any] = {name: self.cleaned_data[name] or 0 for name in self.names}
        return OrganizationChanges(**chosen)

    def renewed(self, organization: Organization) -> None:
        """Take the version of now, so that sending the form again replaces what is stored."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = organization_version(organization, *self.names)


def session_limits(request: PortalRequest) -> HttpResponse:
    """Choose the limits. A change that ends sessions says how many, and is sent again to confirm it."""
    gateway = available(request.directory.session_limits, "session limits")
    if needs_step_up(request):
        return step_up(request, request.path)
    organization = request.directory.organization.get()
    form = SessionLimitsForm(
        request.POST if request.method == "POST" else None,
        organization=organization,
        bounds=gateway.bounds,
        may_remember=request.allows(Permission.MFA_POLICY),
    )
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form, status=422)
    idle, duration = (form.cleaned_data[name] or 0 for name in _LIMITS)
    if "confirmed" not in request.POST:
        ending = gateway.ending(idle_minutes=idle, duration_minutes=duration)
        if ending.number:
            return _page(request, form, ending=ending)
    try:
        request.directory.organization.update(form.changes, version=form.cleaned_data["version"] or "none")
    except (Conflict, Forbidden, Invalid) as error:
        detail = error.detail
        if error.field == "version":
            form.renewed(stored(request))
            detail += " Save again to replace them."
        form.add_error(error.field if error.field in form.names else None, detail)
        return _page(request, form, status=error.status)
    messages.success(request, "Sessions saved.")
    return see_other(sign_in_url(request))


def _page(request: PortalRequest, form: SessionLimitsForm, *, status: int = 200, **more: object) -> HttpResponse:
    context = {"form": form, "settings_url": sign_in_url(request), **more}
    return render_page(request, "settings/session_limits.html", context, status=status)
