"""What the pages share that send a code by text message and ask for it."""

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS

from portal.directory.errors import Forbidden, Invalid, NotFound, TooManyRequests
from portal.directory.sessions import Continuation
from portal.web.code_form import rejected
from portal.web.request import PortalRequest

_CODE_INPUT = {
    "class": "code-input",
    "inputmode": "numeric",
    "autocomplete": "one-time-code",
    "spellcheck": "false",
    "autofocus": True,
}


class PhoneNumberForm(forms.Form):
    """The number of a mobile phone. The directory says whether it's one, and whether its country is allowed."""

    phone_number = forms.CharField(
        label="Mobile phone number",
        max_length=40,
        help_text="With the country code, such as +1 202 555 0123. Your phone plan may charge for messages.",
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel", "autofocus": True}),
    )


class SmsCodeForm(forms.Form):
    """A code by text message. Spaces and hyphens in it don't matter, so it has no maximum of six characters."""

    code = forms.CharField(
        label="Code from the message",
        max_length=100,
        help_text="Use the newest message. A new code replaces the one before.",
        widget=forms.TextInput(attrs=_CODE_INPUT),
    )


def send_code(request: PortalRequest, member_id: str, before: Continuation) -> tuple[forms.Form, str]:
    """Send a code to the submitted number, or another one to the number that was submitted before.

    Return the form to show next, and the last two digits of the number, "" if nothing was sent. Raise Unauthenticated, and
    Invalid if `before` has ended.
    """
    is_again = "phone_number" not in request.POST
    form: forms.Form = PhoneNumberForm(request.POST)
    if not (is_again or form.is_valid()):
        return form, ""
    number = "" if is_again else str(form.cleaned_data["phone_number"])
    try:
        member = request.directory.sms_otps.send(member_id, before=before, phone_number=number)
    except TooManyRequests as error:
        if is_again:
            return rejected(error.detail, "too-many", SmsCodeForm), ""
        form.add_error(None, forms.ValidationError(error.detail, code="too-many"))
    except (Invalid, Forbidden, NotFound) as error:
        if error.field == "intermediate_session_token":
            raise
        if is_again:
            return rejected(error.detail, "not-sent", PhoneNumberForm), ""
        form.add_error("phone_number", error.detail)
    else:
        return SmsCodeForm(), member.phone_ending
    return form, ""


def form_status(form: forms.Form) -> int:
    """Return the status of a page with a form."""
    if not (form.is_bound and form.errors):
        return 200
    return 429 if form.has_error(NON_FIELD_ERRORS, code="too-many") else 422
