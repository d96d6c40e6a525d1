"""The forms of signing in."""

from typing import Any

from django import forms
from django.conf import settings

_MAX_PASSWORD = 1024


class SignInForm(forms.Form):
    """Email address and password."""

    email_address = forms.EmailField(
        label="Email address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        max_length=_MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class EmailForm(forms.Form):
    """The address that a link or code is requested for."""

    email_address = forms.EmailField(
        label="Email address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )


class ConfirmPasswordForm(forms.Form):
    """The password of the signed-in member."""

    password = forms.CharField(
        label="Password",
        max_length=_MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class ChoosePasswordForm(forms.Form):
    """A new password."""

    password = forms.CharField(
        label="New password",
        max_length=_MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = settings.PROJECT.passwords.hint


class ChooseOrganizationForm(forms.Form):
    """One of the organizations that were discovered."""

    organization_id = forms.CharField(max_length=100)


class CreateOrganizationForm(forms.Form):
    """The name of a new organization."""

    organization_name = forms.CharField(
        label="Name of the organization", max_length=128, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )


class RecoveryCodeForm(forms.Form):
    """A recovery code. Case, spaces and hyphens don't matter."""

    code = forms.CharField(
        label="Recovery code",
        max_length=100,
        help_text="Each code works once.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )


class RememberDeviceForm(forms.Form):
    """Whether to ask for the second factor in this browser again before the days are over."""

    remember_device = forms.BooleanField(required=False, help_text="Not on a computer that others use.")

    def __init__(self, data: Any = None, *, days: int) -> None:
        super().__init__(data)
        duration = "1 day" if days == 1 else f"{days} days"
        self.fields["remember_device"].label = f"Don’t ask on this device for {duration}"
