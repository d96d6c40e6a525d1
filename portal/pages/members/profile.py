"""A member's name, address, former addresses and metadata."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse

from portal.access.rate_limits import Attempt, admit_email
from portal.directory.email_updates import DeliveryMethod, EmailUpdateRequest
from portal.directory.errors import Conflict, DirectoryError, Forbidden, Invalid, NotFound, TooManyRequests
from portal.directory.members import Member, MemberChanges, MemberDetails, MemberStatus
from portal.pages.members.dialogs import Dialog, ask, is_own, managed_by, member_url, name_of
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up

_MAX_NAME, _MAX_METADATA = 256, 20_000


class NameForm(forms.Form):
    """The name that others see."""

    name = forms.CharField(label="Name", required=False, max_length=_MAX_NAME)


class AddressForm(forms.Form):
    """A new address of a member."""

    email_address = forms.EmailField(
        label="New email address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )


class MetadataForm(forms.Form):
    """Metadata as JSON."""

    metadata = forms.CharField(
        label="Metadata as JSON",
        required=False,
        max_length=_MAX_METADATA,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "mono"}),
        help_text="An object with your own names and values.",
    )

    def clean_metadata(self) -> dict[str, Any]:
        """Return the object. Raise ValidationError with the place of the mistake."""
        try:
            value = json.loads(self.cleaned_data["metadata"] or "{}")
        except ValueError as error:
            raise forms.ValidationError(f"This isn’t JSON: {error}.") from None
        except RecursionError:
            raise forms.ValidationError("This is nested too deeply.") from None
        if not isinstance(value, dict):
            raise forms.ValidationError('Enter an object, such as {"team": "Support"}.')
        return value


def save_name(request: PortalRequest, member_id: str, form: NameForm) -> int:
    """Save the name and return 0, or the status of the page that shows the form's errors."""
    if not form.is_valid():
        return 422
    changes = MemberChanges(name=form.cleaned_data["name"])
    try:
        request.directory.members.update(member_id, changes, version=request.POST.get("version", ""))
    except (Conflict, Invalid) as error:
        form.add_error("name", error.detail)
        return error.status
    messages.success(request, "The name was saved.")
    return 0


def change_email(request: PortalRequest, member_id: str) -> HttpResponse:
    """Ask for a new address, and email a code to it. The member enters the code in their account."""
    details = request.directory.members.details(member_id)
    locked_because = address_lock(request, details)
    if not locked_because and needs_step_up(request):
        return step_up(request, request.path)
    form = AddressForm(request.POST or None)
    if request.method != "POST" or locked_because or not form.is_valid():
        return _address_page(request, details, form, 409 if locked_because and request.method == "POST" else 0)
    address = form.cleaned_data["email_address"]
    slug = request.signed_in.organization.organization_slug
    if not admit_email(Attempt(request.origin.ip_address, slug, address)):
        form.add_error("email_address", "Too many emails. Try again in 15 minutes.")
        return _address_page(request, details, form, 429)
    try:
        asked = EmailUpdateRequest(email_address=address, delivery_method=DeliveryMethod.CODE)
        request.directory.email_updates.start(member_id, asked)
    except (Conflict, Forbidden, Invalid, NotFound, TooManyRequests) as error:
        form.add_error("email_address", error.detail)
        return _address_page(request, details, form, error.status)
    messages.success(request, f"{address} will get an email with a code.")
    return see_other(member_url(request, member_id))


def address_lock(request: PortalRequest, details: MemberDetails) -> str:
    """Return why a member's address can't be changed here, "" if it can."""
    member, manager = details.listed.member, managed_by(details)
    if manager:
        return f"{manager} manages the address. Change it there."
    if is_own(request, member.member_id):
        return "Change your own address in your account."
    if member.status != MemberStatus.ACTIVE or not member.email_address_verified:
        return "Only the address of an active member who has confirmed it can be changed."
    return ""


def _address_page(request: PortalRequest, details: MemberDetails, form: AddressForm, status: int) -> HttpResponse:
    member = details.listed.member
    context = {
        "form": form,
        "member": member,
        "name": name_of(member),
        "member_url": member_url(request, member.member_id),
        "locked_because": address_lock(request, details),
        "can_be_emailed": request.directory.email_otps.are_emailed,
    }
    return render_page(request, "members/change_email.html", context, status=status or (422 if form.errors else 200))


def change_metadata(request: PortalRequest, member_id: str) -> HttpResponse:
    """Show the metadata that products let members change, and save it."""
    member = request.directory.members.details(member_id).listed.member
    stored = dict(member.untrusted_metadata)
    if request.method != "POST":
        text = json.dumps(stored, indent=2, ensure_ascii=False)
        return _metadata_page(request, member, MetadataForm(initial={"metadata": text}))
    form = MetadataForm(request.POST)
    if not form.is_valid():
        return _metadata_page(request, member, form, 422)
    wanted = form.cleaned_data["metadata"]
    # What was removed from the text is removed.
    changes = MemberChanges(untrusted_metadata={**dict.fromkeys(stored.keys() - wanted.keys()), **wanted})
    try:
        request.directory.members.update(member_id, changes, version=request.POST.get("version", ""))
    except (Conflict, Invalid) as error:
        form.add_error("metadata", error.detail)
        return _metadata_page(request, member, form, error.status)
    messages.success(request, "The metadata was saved.")
    return see_other(member_url(request, member_id))


def _metadata_page(request: PortalRequest, member: Member, form: MetadataForm, status: int = 200) -> HttpResponse:
    stored = json.dumps(dict(member.untrusted_metadata), indent=2, ensure_ascii=False)
    context = {
        "form": form,
        "member": member,
        "name": name_of(member),
        "member_url": member_url(request, member.member_id),
        "version": member.version_of("untrusted_metadata"),
        "stored": stored if form.errors else "",
    }
    return render_page(request, "members/metadata.html", context, status=status)


def unlink_retired_email(request: PortalRequest, member_id: str, email_id: str) -> HttpResponse:
    """Say what releasing a former address means, and release it."""
    member = request.directory.members.details(member_id).listed.member
    address = {one.email_id: one.email_address for one in member.retired_email_addresses}.get(email_id)
    if address is None:
        return see_other(member_url(request, member_id))
    if needs_step_up(request):
        return step_up(request, request.path)
    dialog = Dialog(
        title=f"Release {address}?",
        about=f"{name_of(member)} had this address before.",
        changes=(
            ("Other members", "Another member can then have the address."),
            ("This member", f"They keep {member.email_address}."),
        ),
        button="Release address",
    )
    if request.method != "POST":
        return ask(request, member, dialog)
    try:
        request.directory.members.unlink_retired_email(member_id, email_id=email_id)
    except (Conflict, Forbidden, NotFound) as error:
        return _unless_released(request, member, dialog, error)
    messages.success(request, f"{address} is released.")
    return see_other(member_url(request, member_id))


def _unless_released(request: PortalRequest, member: Member, dialog: Dialog, error: DirectoryError) -> HttpResponse:
    if isinstance(error, NotFound):  # released in another tab
        return see_other(member_url(request, member.member_id))
    return ask(request, member, dialog, error)
