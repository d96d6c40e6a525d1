"""A form that was sent after its session had ended: its values go through sign-in in hidden fields, and are sent again.

They are in the browser's page alone; the server stores nothing. A form only comes this far with a valid CSRF token.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest

from portal.web.session_cookie import is_page_of

_LEFT_OUT = ("csrfmiddlewaretoken", "password")


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where the form was sent, and what it held."""

    path: str
    fields: tuple[tuple[str, str], ...]

    @property
    def encoded(self) -> str:
        """The fields as one value (application/x-www-form-urlencoded)."""
        return urlencode(self.fields)


def sent_form(request: HttpRequest) -> KeptForm | None:
    """Return the form that the request carries, without passwords; None where it has nothing to keep."""
    fields = tuple(
        (name, str(value))
        for name, values in request.POST.lists()
        if not any(word in name for word in _LEFT_OUT)
        for value in values
    )
    return KeptForm(request.get_full_path(), fields) if fields else None


def kept_form(request: HttpRequest, organization_slug: str) -> KeptForm | None:
    """Return the form that `ui/kept_form.html` put into the request; None without one for a page of the organization."""
    path = request.POST.get("kept_path", "")
    fields = tuple(parse_qsl(request.POST.get("kept", ""), keep_blank_values=True))
    return KeptForm(path, fields) if fields and is_page_of(path, organization_slug) else None
