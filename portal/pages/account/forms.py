"""The forms of a member's own account."""

from collections.abc import Iterator, Mapping
from typing import Self

from django import forms
from django.conf import settings

from portal.directory.locales import LANGUAGE_NAMES, known_locale
from portal.directory.preferences import Preferences, Theme, zone_names
from portal.web.authenticator_apps import FirstCodeForm

_REGIONS = frozenset(
    ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
_MAX_PASSWORD = 1024
_MAX_NAME = 256
# What nothing chosen is called in the form: an empty choice would make a field optional.
_BROWSER, _SYSTEM, _ORGANIZATION = "browser", "system", "organization"
_THEMES = {_SYSTEM: "Same as the system", Theme.LIGHT: "Light", Theme.DARK: "Dark"}


class ChangePasswordForm(forms.Form):
    """The current password and a new one. The current one isn't needed after a recent proof."""

    existing_password = forms.CharField(
        label="Current password",
        max_length=_MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    new_password = forms.CharField(
        label="New password",
        max_length=_MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *arguments: object, asks_existing: bool, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # -- passed on as they are
        self.fields["new_password"].help_text = settings.PROJECT.passwords.hint
        if not asks_existing:
            del self.fields["existing_password"]
            self.fields["new_password"].widget.attrs["autofocus"] = True


class NewEmailForm(forms.Form):
    """A new email address."""

    email_address = forms.EmailField(
        label="New email address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class NameForm(forms.Form):
    """The name that others see."""

    name = forms.CharField(
        label="Name",
        required=False,
        max_length=_MAX_NAME,
        help_text="Other members see your name.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class NewAppForm(FirstCodeForm):
    """The first code of a new authenticator app, and the app's secret, which the page shows again after a wrong code."""

    secret = forms.RegexField(r"^[A-Z2-7]{16,64}$", widget=forms.HiddenInput)

    @property
    def shown_secret(self) -> str:
        """The secret that the page showed, "" if it came from elsewhere."""
        return str(self.cleaned_data.get("secret", "")) if self.is_bound and self.errors is not None else ""


class PreferencesForm(forms.Form):
    """A time zone, a theme and, if the directory stores it, the language of emails."""

    time_zone = forms.ChoiceField(
        label="Time zone", error_messages={"invalid_choice": "Choose a time zone from the list."}
    )
    theme = forms.ChoiceField(
        label="Theme",
        choices=list(_THEMES.items()),
        error_messages={"invalid_choice": "Choose a theme from the list."},
    )
    locale = forms.ChoiceField(
        label="Language of emails",
        required=False,
        choices=[(_ORGANIZATION, "The organization’s, or English"), *LANGUAGE_NAMES.items()],
        error_messages={"invalid_choice": "Choose a language from the list."},
    )

    def __init__(self, *arguments: object, browser_zone: str, chosen: str, is_stored: bool, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # -- passed on as they are
        if not is_stored:
            del self.fields["locale"]
        field = self.fields["time_zone"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(_BROWSER, _browser_label(browser_zone)), *_zones(chosen)]

    @classmethod
    def of(cls, preferences: Preferences, *, browser_zone: str, is_stored: bool) -> Self:
        """Return the form with what is stored."""
        initial = {
            "time_zone": preferences.time_zone or _BROWSER,
            "theme": preferences.theme or _SYSTEM,
            "locale": preferences.locale or _ORGANIZATION,
        }
        return cls(initial=initial, browser_zone=browser_zone, chosen=preferences.time_zone, is_stored=is_stored)

    @property
    def chosen(self) -> Preferences:
        """The preferences of a valid form."""
        time_zone, theme = self.cleaned_data["time_zone"], self.cleaned_data["theme"]
        return Preferences(
            "" if time_zone == _BROWSER else time_zone,
            Theme.SYSTEM if theme == _SYSTEM else Theme(theme),
            known_locale(self.cleaned_data.get("locale", "")),
        )


def _browser_label(browser_zone: str) -> str:
    return f"Same as this browser ({_city(browser_zone) if browser_zone else 'UTC until it tells its zone'})"


def _zones(chosen: str) -> Iterator[tuple[str, object]]:
    """Return the time zones by region. Other names of the database, such as "US/Pacific", are offered only if chosen."""
    by_region: Mapping[str, list[tuple[str, str]]] = {region: [] for region in sorted(_REGIONS)}
    for name in sorted(zone_names()):
        region, _, place = name.partition("/")
        if place and region in by_region:
            by_region[region].append((name, _city(place)))
    yield ("UTC", "UTC")
    if chosen and chosen != "UTC" and chosen.partition("/")[0] not in by_region:
        yield (chosen, chosen)
    yield from by_region.items()


def _city(name: str) -> str:
    return name.replace("_", " ")
