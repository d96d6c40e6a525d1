"""The page of components."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone

from portal.directory.counts import Count
from portal.directory.scim.log import ScimHour
from portal.web.listing import Listing
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.rights import Right
from portal.web.scim.traffic import Traffic


class _SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", help_text="How the connection is shown here.")
    email_address = forms.EmailField(label="Email address")
    provider = forms.ChoiceField(label="Identity provider", choices=[("okta", "Okta"), ("entra", "Microsoft Entra ID")])
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    is_wanted = forms.BooleanField(label="Email me when it is done", required=False)


class _SampleFilters(forms.Form):
    """A search, and a filter that applies at once."""

    q = forms.CharField(label="Name", widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name"}))
    role = forms.ChoiceField(label="Role", choices=[("", "All roles"), ("editor", "Editor")])


def styleguide(request: PortalRequest) -> HttpResponse:
    """Show each component in each state."""
    form = _SampleForm({"name": "Okta production", "email_address": "nobody", "provider": "okta"})
    form.add_error(None, "Incorrect email or password.")
    for add, text in (
        (messages.success, "Roles of “Engineering” saved."),
        (messages.info, "The export is being prepared."),
        (messages.warning, "3 of 4 groups were changed."),
        (messages.error, "The token wasn’t rotated."),
    ):
        add(request, text)
    now = timezone.now()
    context = {
        "form": form,
        "filters": _SampleFilters(),
        "moments": [now - timedelta(minutes=2), now - timedelta(hours=5), now - timedelta(days=12)],
        "groups": Listing(("Engineering", "Sales"), "next", 1, 2, has_restarted=True, is_appended=False),
        "role_ids": ("stytch_admin", "editor"),
        "count": Count(1024, trend=(980, 984, 984, 990, 1001, 1024)),
        "counted_at": now - timedelta(minutes=4),
        "traffic": Traffic(
            tuple(
                ScimHour(
                    now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=back), 40 + back * 9 % 70, failed
                )
                for back, failed in zip(range(23, -1, -1), [0] * 22 + [16, 0], strict=True)
            ),
            "/",
            "/",
        ),
        "locked": Right(
            is_granted=False, reason="You can view groups but not change their roles.", who_can_help=("stytch_admin",)
        ),
    }
    return render_page(request, "styleguide/styleguide.html", context)
