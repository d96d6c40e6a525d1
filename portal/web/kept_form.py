"""Keep the values of a form that was submitted after its session ended, and submit them again after sign-in.

They pass through the sign-in page in hidden fields; the server stores nothing. The form had a valid CSRF token.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest

from portal.web.session_cookie import is_page_of

_LEFT_OUT = ("csrfmiddlewaretoken", "password")


@dataclass(frozen=True, slots=True)
class KeptForm:
    """The path and the fields of a submitted form."""

    path: str
    fields: tuple[tuple[str, str], ...]

    @property
    def encoded(self) -> str:
        """The fields as one value (application/x-www-form-urlencoded)."""
        return urlencode(self.fields)


def sent_form(request: HttpRequest) -> KeptForm | None:
    """Return the submitted form without passwords, or None if there is nothing to keep."""
    fields = tuple(
        (name, str(value))
        for name, values in request.POST.lists()
        if not any(word in name for word in _LEFT_OUT)
        for value in values
    )
    return KeptForm(request.get_full_path(), fields) if fields else None


def kept_form(request: HttpRequest, organization_slug: str) -> KeptForm | None:
    """Return the form that `ui/kept_form.html` added to the request, or None if there is none for this organization."""
    path = request.POST.get("kept_path", "")
    fields = tuple(parse_qsl(request.POST.get("kept", ""), keep_blank_values=True))
    return KeptForm(path, fields) if fields and is_page_of(path, organization_slug) else None
