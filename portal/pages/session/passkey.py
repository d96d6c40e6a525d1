"""Adding a passkey during sign-in, where an organization requires a second factor and doesn't restrict the methods."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound
from portal.directory.organizations import Organization
from portal.directory.passkeys import AddedPasskey
from portal.directory.second_factors import WrongCode
from portal.pages.session.views import enter
from portal.web.authenticator_apps import new_recovery_codes
from portal.web.pages import render_page
from portal.web.passkeys import NewPasskeyForm, add_error, asks_for_options, options, passkeys_of
from portal.web.pending_sign_in import WaitingSignIn, forget_waiting, keep_waiting
from portal.web.request import PortalRequest
from portal.web.second_factors import Way
from portal.web.session_cookie import keep_session
from portal.web.sms_codes import form_status


def set_up(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, *, others: Sequence[Way]
) -> HttpResponse:
    """Have the member create a passkey. Raise Unauthenticated, Invalid if the sign-in has ended."""
    member_id, passkeys = waiting.pending.member_id, passkeys_of(request)
    if asks_for_options(request):
        return options(lambda: passkeys.creation_options(member_id, before=waiting.before))
    form = NewPasskeyForm(request.POST if "code" in request.POST else None)
    if form.is_valid():
        try:
            added = passkeys.add(
                member_id, form.cleaned_data["code"], name=form.cleaned_data["name"], before=waiting.before
            )
        except (WrongCode, Conflict, Forbidden, NotFound) as error:
            add_error(form, error)
        except Invalid as error:
            if error.field != "name":
                raise
            form.add_error("name", error.detail)
        else:
            response = (
                _recovery_codes(request, added, waiting)
                if added.recovery_codes
                else enter(added.signed_in, waiting.onward)
            )
            forget_waiting(response)
            return response
    context = {
        "form": form,
        "others": others,
        "organization": organization,
        "sign_in_url": reverse("session:sign-in", args=[organization.organization_slug]),
        "email_address": waiting.pending.email_address,
    }
    response = render_page(request, "session/mfa_passkey.html", context, status=form_status(form))
    keep_waiting(response, waiting)
    return response


def _recovery_codes(request: PortalRequest, added: AddedPasskey, waiting: WaitingSignIn) -> HttpResponse:
    """Return the page with the codes that came with the first passkey. This is the only time that they are shown."""
    organization = added.signed_in.organization
    context = {
        "organization": organization,
        "next": waiting.onward,
        "first_step": "Passkey",
        **new_recovery_codes(
            added.recovery_codes,
            email_address=added.signed_in.member.email_address,
            organization_name=organization.organization_name,
        ),
    }
    response = render_page(request, "session/mfa_recovery_codes.html", context)
    keep_session(response, added.signed_in)
    return response
