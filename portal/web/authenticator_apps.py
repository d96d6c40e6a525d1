"""What the pages share that set up an authenticator app and show recovery codes."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from django import forms
from django.utils import timezone

from portal.directory.totps import app_url
from portal.web.qr_codes import svg_path


class AppCodeForm(forms.Form):
    """A code of an authenticator app. Spaces in it don't matter, so it has no maximum of six characters."""

    code = forms.CharField(
        label="Code from your app",
        max_length=100,
        widget=forms.TextInput(
            attrs={
                "class": "code-input",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class FirstCodeForm(AppCodeForm):
    """The first code of an app that is being set up. The QR code comes before it, so it doesn't take the focus."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # -- as the form's own
        code = self.fields["code"]
        code.label = "Code that the app shows"
        code.help_text = "The factor is added only when this code is correct."
        del code.widget.attrs["autofocus"]


def app_to_set_up(secret: str, *, email_address: str, organization_name: str) -> Mapping[str, object]:
    """Return the context of an app that is being set up (ui/authenticator_app.html)."""
    path, size = svg_path(app_url(secret, email_address=email_address, organization_name=organization_name))
    return {"qr_path": path, "qr_size": size, "setup_key": _grouped(secret), "email_address": email_address}


def new_recovery_codes(codes: Sequence[str], *, email_address: str, organization_name: str) -> Mapping[str, object]:
    """Return the context of codes that are shown this one time (ui/recovery_codes.html)."""
    download_url = _codes_url(codes, email_address, organization_name)
    return {"codes": codes, "download_url": download_url, "email_address": email_address}


def _grouped(secret: str) -> str:
    """Return a setup key in groups of four, as apps accept it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _codes_url(codes: Sequence[str], email_address: str, organization_name: str) -> str:
    """Return recovery codes as a text file in a URL: downloading it takes no other request, so nothing is stored."""
    created = f"{timezone.localdate():%-d %b %Y}"
    lines = [f"Recovery codes for {email_address} at {organization_name}"]
    lines += [f"Created on {created}. Each code works once.", "", *codes, ""]
    return f"data:text/plain;charset=utf-8,{quote(chr(10).join(lines))}"
