"""What pages share that create or ask for a passkey (static/js/passkeys.js)."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import JsonResponse

from portal.directory.errors import DirectoryError
from portal.directory.passkeys import MAX_NAME, PasskeyGateway
from portal.web.availability import available
from portal.web.request import PortalRequest

# A field of the form: the script asks for options with it, and sends the form afterwards.
_OPTIONS = "passkey_options"


class PasskeyForm(forms.Form):
    """What the browser returned, as JSON. The script fills it in."""

    code = forms.CharField(
        max_length=65_536,
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Your device didn’t confirm. Try again or use another way."},
    )


class PasskeyNameForm(forms.Form):
    """The name of a passkey."""

    name = forms.CharField(
        label="Name",
        max_length=MAX_NAME,
        help_text="Helps you find it under Your account. It isn’t sent to your device.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class NewPasskeyForm(PasskeyForm, PasskeyNameForm):
    """A new passkey, and its name."""

    field_order = ("name", "code")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # -- as the form's own
        self.fields["name"].required = False
        self.fields["name"].help_text = "Leave it empty to use the name of the device or app that keeps it."


def passkeys_of(request: PortalRequest) -> PasskeyGateway:
    """Return the passkeys of the directory. Raise NotAvailable if it has none."""
    return available(request.directory.passkeys, "passkeys")


def asks_for_options(request: PortalRequest) -> bool:
    """Say whether the script asks for the options of a passkey."""
    return _OPTIONS in request.POST


def options(read: Callable[[], Mapping[str, Any]]) -> JsonResponse:
    """Return the options, or the error, for the script."""
    try:
        return JsonResponse({"publicKey": read()})
    except DirectoryError as error:
        return JsonResponse({"error": error.detail}, status=error.status)


def add_error(form: forms.Form, error: DirectoryError) -> None:
    """Show an error above the form: its field is hidden."""
    form.add_error(None, ValidationError(error.detail))
