"""The forms of the settings."""

from typing import Any, Self, cast

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.html import format_html

from portal.directory.logos import MAX_BYTES
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


class LogoForm(forms.Form):
    """An image, or the URL of one."""

    logo = forms.FileField(
        label="Image", required=False, widget=forms.FileInput(attrs={"accept": "image/png,image/webp"})
    )
    url = forms.CharField(
        label="Or the URL of an image",
        required=False,
        max_length=2048,
        help_text="The image is copied. Later changes at the URL have no effect.",
        widget=forms.TextInput(attrs={"type": "url", "placeholder": "https://…"}),
    )

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError unless there is an image of an accepted size, or a URL."""
        data = super().clean() or self.cleaned_data
        image = data.get("logo")
        if image and image.size > MAX_BYTES:
            self.add_error("logo", f"The image is larger than {MAX_BYTES // 1024} KB.")
        elif not image and not data.get("url") and not self.errors:
            self.add_error("url" if "url" in self.data else "logo", "Choose an image, or enter its URL.")
        return data


class DeleteOrganizationForm(forms.Form):
    """The name of the organization to delete, typed."""

    name = forms.CharField(label="Name", max_length=_MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, data: QueryDict | None = None, *, name: str) -> None:
        super().__init__(data)
        self._name = name
        self.fields["name"].label = f"Type “{name}” to confirm"

    def clean_name(self) -> str:
        """Raise ValidationError unless it is the organization's name."""
        typed = str(self.cleaned_data["name"])
        if typed.casefold() != self._name.strip().casefold():
            raise forms.ValidationError("This isn’t the organization’s name. Nothing was deleted.")
        return typed


def _old_links() -> str:
    days = settings.ORGANIZATION_SLUG_DAYS
    if settings.DIRECTORY == "stytch" or not days:
        return "Changing it breaks saved links."
    return f"After a change, saved links keep working for {days} {'day' if days == 1 else 'days'}."
