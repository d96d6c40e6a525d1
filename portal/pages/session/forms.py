"""The forms of signing in."""

from django import forms

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
        help_text="At least 12 characters. A few unrelated words are easy to remember and hard to guess.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )


class ChooseOrganizationForm(forms.Form):
    """One of the organizations that were discovered."""

    organization_id = forms.CharField(max_length=100)


class CreateOrganizationForm(forms.Form):
    """The name of a new organization."""

    organization_name = forms.CharField(
        label="Name of the organization", max_length=128, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
