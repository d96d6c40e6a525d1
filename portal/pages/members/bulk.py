"""One action on several members that were chosen in the list: a page that asks, then what happened to each."""

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import (
    Conflict,
    DirectoryError,
    Forbidden,
    Invalid,
    NotFound,
    StepUpRequired,
    Unauthenticated,
)
from portal.directory.members import Member, MemberStatus
from portal.directory.permissions import Permission
from portal.pages.members.dialogs import is_own, managed_by, name_of
from portal.pages.members.roles import RoleForm
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.rights import lacking
from portal.web.step_up import needs_step_up, step_up

MAX_CHOSEN = 200
_SHOWN = 10
# Of the IDs together, which a URL holds compressed.
_MAX_BYTES = 200 * 100


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done with several members at once."""

    label: str
    permission: Permission
    title: str
    about: str
    done: str
    takes_role: bool = False
    is_danger: bool = False


ACTIONS: Mapping[str, Action] = {
    "deactivate": Action(
        "Deactivate",
        Permission.MEMBER_DELETE,
        "Deactivate {number}?",
        "Their sessions end. Roles, passwords and second factors are deleted, and don’t come back.",
        "{number} deactivated.",
        is_danger=True,
    ),
    "reactivate": Action(
        "Reactivate",
        Permission.MEMBER_CREATE,
        "Reactivate {number}?",
        "They can sign in again, with the roles that groups and the email domain grant.",
        "{number} reactivated.",
    ),
    "resend-invitation": Action(
        "Resend invitations",
        Permission.MEMBER_CREATE,
        "Send {number} another invitation?",
        "They get another email. The links before it stop working.",
        "{number} will get another invitation.",
    ),
    "add-role": Action(
        "Add a role",
        Permission.MEMBER_ROLES,
        "Add a role to {number}",
        "It applies immediately. Members who have the role keep it.",
        "The role was added to {number}.",
        takes_role=True,
    ),
    "remove-role": Action(
        "Remove a role",
        Permission.MEMBER_ROLES,
        "Remove a role from {number}",
        "Only roles that were assigned manually are removed. Groups and email domains keep granting theirs.",
        "The role was removed from {number}.",
        takes_role=True,
        is_danger=True,
    ),
    "end-sessions": Action(
        "End sessions",
        Permission.MEMBER_SESSIONS,
        "End the sessions of {number}?",
        "They have to sign in again.",
        "The sessions of {number} have ended.",
        is_danger=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A member who stays as they were, and why."""

    name: str
    url: str
    reason: str


def choose(request: PortalRequest) -> HttpResponse:
    """Ask before an action on the chosen members, and do it once that is confirmed. A GET, after a step-up, only asks."""
    name, members = (
        (request.POST.get("action", ""), request.POST.getlist("member"))
        if request.method == "POST"
        else (request.GET.get("action", ""), _unpacked(request.GET.get("chosen", "")))
    )
    action, chosen = ACTIONS.get(name), list(dict.fromkeys(members))
    list_url = reverse("members:members", args=[_slug(request)])
    if action is None:
        raise Invalid("Choose what to do with the members.")
    if not request.allows(action.permission):
        raise Forbidden(lacking(action.permission))
    if not chosen:
        messages.info(request, "Choose members in the list first.")
        return see_other(list_url)
    if len(chosen) > MAX_CHOSEN:
        raise Invalid(f"Choose {MAX_CHOSEN} members at most.")
    if needs_step_up(request):
        # The proof must not cost the selection.
        return step_up(request, f"{request.path}?{urlencode({'action': name, 'chosen': _packed(chosen)})}")
    form = RoleForm(request.POST if "confirmed" in request.POST else None, role_ids=_roles(request, name))
    if "confirmed" not in request.POST or (action.takes_role and not form.is_valid()):
        return _ask(request, name, action, chosen, form)
    role_id = form.cleaned_data["role"] if action.takes_role else ""
    failures, done = _do_all(request, name, chosen, role_id)
    sentence = action.done.format(number=_people(done))
    if not failures:
        messages.success(request, sentence)
        return see_other(list_url)
    context = {"action": action, "failures": failures, "sentence": sentence, "done": done, "list_url": list_url}
    return render_page(request, "members/bulk_result.html", context)


def _ask(request: PortalRequest, name: str, action: Action, chosen: list[str], form: RoleForm) -> HttpResponse:
    # Each one shown is read. The others are only counted.
    shown = [one for one in (_read(request, member_id) for member_id in chosen[:_SHOWN]) if one]
    context = {
        "name": name,
        "action": action,
        "title": action.title.format(number=_people(len(chosen))),
        "chosen": chosen,
        "shown": shown,
        "further": max(len(chosen) - _SHOWN, 0),
        "form": form,
        "list_url": reverse("members:members", args=[_slug(request)]),
        "includes_self": request.signed_in.member.member_id in chosen,
    }
    return render_page(request, "members/bulk.html", context, status=422 if form.errors else 200)


def _do_all(request: PortalRequest, name: str, chosen: list[str], role_id: str) -> tuple[list[Failure], int]:
    """Do it member by member, each in a transaction of its own, and return what failed and how many succeeded."""
    failures: list[Failure] = []
    for member_id in chosen:
        member = _read(request, member_id)
        if member is None:
            failures.append(Failure(member_id, "", "This member doesn’t exist."))
            continue
        try:
            _do(request, name, member, role_id)
        except (StepUpRequired, Unauthenticated):
            # Nothing more can succeed in this session.
            raise
        except DirectoryError as error:
            url = reverse("members:member", args=[_slug(request), member_id])
            failures.append(Failure(name_of(member), url, error.detail))
    return failures, len(chosen) - len(failures)


def _do(request: PortalRequest, name: str, member: Member, role_id: str) -> None:
    directory, member_id = request.directory, member.member_id
    if is_own(request, member_id) and name != "add-role":
        raise Conflict("This is your own account.")
    steps: Mapping[str, Callable[[], object]] = {
        "deactivate": lambda: _deactivate(request, member),
        "reactivate": lambda: _reactivate(request, member),
        "resend-invitation": lambda: directory.invitations.resend(member_id),
        "add-role": lambda: directory.member_roles.add(member_id, role_id),
        "remove-role": lambda: directory.member_roles.remove(member_id, role_id),
        "end-sessions": lambda: directory.sessions.revoke_for_member(member_id),
    }
    steps[name]()


def _deactivate(request: PortalRequest, member: Member) -> None:
    if member.status == MemberStatus.DELETED:
        return
    manager = managed_by(request.directory.members.details(member.member_id))
    if manager:
        raise Conflict(f"{manager} manages this member. Remove them from the application there.")
    request.directory.members.delete(member.member_id)


def _reactivate(request: PortalRequest, member: Member) -> None:
    if member.status != MemberStatus.DELETED:
        return
    manager = managed_by(request.directory.members.details(member.member_id))
    if manager:
        raise Conflict(f"{manager} manages this member. Activate them there.")
    request.directory.members.reactivate(member.member_id)


def _read(request: PortalRequest, member_id: str) -> Member | None:
    try:
        return request.directory.members.details(member_id).listed.member
    except NotFound:
        return None


def _packed(chosen: Sequence[str]) -> str:
    """Return IDs for a URL: 200 of them take 5 kB, and 8 kB is what proxies accept."""
    return urlsafe_b64encode(zlib.compress("\n".join(chosen).encode())).decode().rstrip("=")


def _unpacked(packed: str) -> list[str]:
    """Return the IDs that `_packed` put into a URL, none if it is damaged."""
    try:
        compressed = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        text = zlib.decompressobj().decompress(compressed, _MAX_BYTES).decode()
    except (binascii.Error, ValueError, zlib.error):
        return []
    return text.split("\n") if text else []


def _roles(request: PortalRequest, name: str) -> list[str]:
    roles = [one for one in request.policy.roles if one != "stytch_member"]
    return [one for one in roles if name != "add-role" or request.authority.may_grant([one])]


def _people(number: int) -> str:
    return "1 member" if number == 1 else f"{number:,} members"


def _slug(request: PortalRequest) -> str:
    return request.signed_in.organization.organization_slug
