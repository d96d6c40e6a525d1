"""The form of the organization's theme."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.http import QueryDict

from portal.directory.brands import COLOR, readable, takes_white_text
from portal.directory.frames import ColorScheme
from portal.directory.organizations import Organization, organization_version
from portal.directory.themes import FONTS, INHERITED, RADII, Theme, problems
from portal.web.themes import whole_theme

# The value of a choice that leaves a part to the project.
_DEFAULT = "default"
_LABELS = {ColorScheme.AUTO: "Same as the system"}


class AppearanceForm(forms.Form):
    """A theme. The color is typed, or picked with the browser's own control, which can't be empty."""

    color = forms.CharField(
        label="Color",
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )
    picker = forms.CharField(label="Pick", max_length=20, widget=forms.TextInput(attrs={"type": "color"}))
    # What the picker had when the page was loaded: another one was picked.
    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    radius = forms.ChoiceField(label="Corners")
    font = forms.ChoiceField(label="Font")
    color_scheme = forms.ChoiceField(
        label="Light or dark", help_text="Members can choose another one on their account page."
    )
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: QueryDict | None = None, *, organization: Organization) -> None:
        self._default = whole_theme(INHERITED)
        own = organization.settings.theme
        shown = whole_theme(own).color
        chosen = {name: getattr(own, name) or _DEFAULT for name in ("radius", "font", "color_scheme")}
        version = organization_version(organization, "theme")
        super().__init__(
            data, initial={**chosen, "color": own.color, "picker": shown, "shown": shown, "version": version}
        )
        self.fields["color"].help_text = f"Such as #0f6b47. If it’s empty, the portal’s default: {self._default.color}."
        for name, values in (("radius", RADII), ("font", FONTS), ("color_scheme", ColorScheme)):
            cast("forms.ChoiceField", self.fields[name]).choices = self._choices(name, values)

    @property
    def theme(self) -> Theme:
        """The theme of a valid form."""
        parts = {name: self.cleaned_data[name] for name in ("radius", "font", "color_scheme")}
        chosen = {name: "" if value == _DEFAULT else value for name, value in parts.items()}
        return Theme(color=self.cleaned_data["color"], **chosen)

    @property
    def nearest_color(self) -> str:
        """The nearest color that can be read, "" if the one that was sent can be read, or isn't a color."""
        color = str(self["color"].value() or "")
        return readable(color) if COLOR.fullmatch(color) and not takes_white_text(color) else ""

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError for a color that can't be read. From here on, both controls have the color that was chosen."""
        data = super().clean() or self.cleaned_data
        typed, picked, shown = (
            str(self.data.get(name, "")).strip().lower()[:20] for name in ("color", "picker", "shown")
        )
        color = picked if picked != shown and typed in {"", shown} else typed
        data["color"] = color
        for sentence in problems(Theme(color=color)).values():
            self.add_error("color", sentence)
        in_picker = color if COLOR.fullmatch(color) else self._default.color
        self.data = cast("QueryDict", self.data).copy()
        self.data["color"], self.data["picker"], self.data["shown"] = color, in_picker, in_picker
        return data

    def renewed(self, organization: Organization) -> None:
        """Take the version of now, so that sending the form again replaces what is stored."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = organization_version(organization, "theme")

    def _choices(self, name: str, values: Iterable[str]) -> list[tuple[str, str]]:
        labels = {value: _LABELS.get(cast("ColorScheme", value), value.capitalize()) for value in values}
        return [(_DEFAULT, f"Default: {labels[getattr(self._default, name)]}"), *labels.items()]
