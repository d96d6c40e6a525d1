"""The forms of the settings."""

from typing import Self, cast

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.html import format_html

from portal.directory.organizations import Organization, OrganizationChanges, organization_version
from portal.web.rights import Right

_MAX_NAME, _MAX_SLUG = 128, 128
_FIELDS = ("organization_name", "organization_slug")


class OrganizationForm(forms.Form):
    """The organization's name and slug, of which a member may be able to change only one."""

    organization_name = forms.CharField(label="Name", max_length=_MAX_NAME)
    organization_slug = forms.CharField(
        label="Slug",
        max_length=_MAX_SLUG,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: QueryDict | None = None, *, organization: Organization, rights: dict[str, Right]) -> None:
        initial = {name: getattr(organization, name) for name in _FIELDS}
        super().__init__(data, initial=initial | {"version": organization_version(organization, *_FIELDS)})
        self.fields["organization_slug"].help_text = format_html(
            "Part of your sign-in address: {}/o/<b>{}</b>/. {}",
            settings.PUBLIC_URL,
            organization.organization_slug,
            _old_links(),
        )
        for name in _FIELDS:
            # A browser doesn't send a disabled field. One that is sent is checked by the directory.
            is_sent = data is not None and name in data
            self.fields[name].disabled = not is_sent and (data is not None or not rights[name].is_granted)
            if not rights[name].is_granted:
                self.fields[name].widget.attrs["aria-describedby"] = f"{name}-reason"

    @property
    def changes(self) -> OrganizationChanges:
        """The fields of a valid form that were sent."""
        return OrganizationChanges(**{name: self.cleaned_data[name] for name in _FIELDS if name in self.data})

    def renewed(self, organization: Organization) -> Self:
        """Return the form as it was sent, with the version of now, so that sending it again replaces what is stored."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = organization_version(organization, *_FIELDS)
        return self


def _old_links() -> str:
    days = settings.ORGANIZATION_SLUG_DAYS
    if settings.DIRECTORY == "stytch" or not days:
        return "Changing it breaks saved links."
    return f"After a change, saved links keep working for {days} {'day' if days == 1 else 'days'}."
