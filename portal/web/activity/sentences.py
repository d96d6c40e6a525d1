"""What an entry of the activity log says: who did what to what, in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from portal.directory.activity import ActivityEntry
from portal.directory.actor import ActorType
from portal.directory.members import MemberStatus
from portal.directory.policy import role_name
from portal.web.activity.changes import field_name


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in parts, in this order. `target` is "" if the rest says it all; `note` is a second line."""

    icon: str
    verb: str
    target: str = ""
    tail: str = ""
    note: str = ""
    tone: str = ""
    actor: str = ""

    @property
    def text(self) -> str:
        """The whole sentence."""
        return " ".join(part for part in (self.actor, self.verb, self.target, self.tail) if part)


# Icon, and the words between the actor and the target.
_VERBS: Mapping[str, tuple[str, str]] = {
    "activity_log.export": ("download", "exported the activity log"),
    "embed_ticket.create": ("ticket", "created an embed ticket for"),
    "embed_ticket.revoke": ("ticket-x", "revoked an embed ticket of"),
    "invitation_job.cancel": ("mail", "stopped inviting people"),
    "invitation_job.start": ("mail", "started to invite people"),
    "member.accept_invitation": ("user-check", "accepted the invitation"),
    "member.add_mfa_phone_number": ("shield-check", "added a phone number for"),
    "member.add_passkey": ("fingerprint-pattern", "added a passkey for"),
    "member.add_totp": ("shield-check", "added an authenticator app for"),
    "member.approve_scim_link": ("link", "let the identity provider manage"),
    "member.create": ("user-plus", "added the member"),
    "member.deactivate": ("user-minus", "deactivated"),
    "member.delete": ("user-minus", "deactivated"),
    "member.delete_mfa_phone_number": ("key-round", "deleted the phone number of"),
    "member.delete_passkey": ("shield-off", "removed a passkey of"),
    "member.delete_password": ("key-round", "deleted the password of"),
    "member.delete_totp": ("shield-off", "deleted the authenticator app of"),
    "member.dismiss_scim_link": ("link", "kept the identity provider from managing"),
    "member.link_scim_user": ("link", "started to manage"),
    "member.reactivate": ("user-check", "reactivated"),
    "member.require_password_reset": ("key-round", "required a new password of"),
    "member.forget_device": ("monitor-off", "ended a remembered device of"),
    "member.remember_device": ("monitor-check", "remembered a device of"),
    "member.rename_passkey": ("pencil", "renamed a passkey of"),
    "member.rotate_recovery_codes": ("life-buoy", "replaced the recovery codes of"),
    "member.resend_invitation": ("mail", "sent another invitation to"),
    "member.send_sign_in_link": ("mail", "emailed a sign-in link to"),
    "member.set_password": ("key-round", "set a password for"),
    "member.export": ("download", "exported the list of members"),
    "member.export_data": ("download", "downloaded the data of"),
    "member.start_email_update": ("mail", "asked to confirm the new address"),
    "member.unlink_retired_email": ("mail", "released a former address of"),
    "member.unlock": ("lock-open", "unlocked"),
    "member.update": ("user-pen", "changed the member"),
    "member.update_email": ("mail", "confirmed the new address"),
    "member.update_preferences": ("settings", "changed the time zone or theme of"),
    "member.use_recovery_code": ("life-buoy", "used a recovery code of"),
    "member_session.confirm_code": ("mail", "confirmed a code of"),
    "member_session.confirm_password": ("key-round", "confirmed the password of"),
    "member_session.confirm_second_factor": ("shield-check", "confirmed a second factor of"),
    "member_session.create": ("log-in", "started a session of"),
    "member_session.embed": ("app-window", "opened the portal as"),
    "member_session.renew": ("app-window", "kept the portal open as"),
    "member_session.revoke": ("log-out", "ended a session of"),
    "organization.add_embed_origin": ("app-window", "allowed embedding the portal of"),
    "organization.affiliate_domain": ("globe", "confirmed by a code the domain"),
    "organization.create": ("building-2", "created the organization"),
    "organization.delete": ("building-2", "deleted the organization"),
    "organization.lose_domain": ("globe", "no longer finds the record of"),
    "organization.own_domain": ("globe", "found the record of"),
    "organization.send_domain_code": ("mail", "had a code emailed to an address in"),
    "organization.purge": ("trash-2", "permanently deleted the data of"),
    "organization.remove_embed_origin": ("app-window", "stopped embedding the portal of"),
    "organization.restore": ("undo-2", "restored the organization"),
    "organization.revoke_sessions": ("log-out", "signed everyone out of"),
    "organization.set_roles": ("tags", "changed the custom roles of"),
    "organization.update": ("settings", "changed the settings of"),
    "role.create": ("tags", "created the role"),
    "role.delete": ("tags", "deleted the role"),
    "role.update": ("tags", "changed the role"),
    "scim_connection.create": ("plug", "created the connection"),
    "scim_connection.delete": ("trash-2", "deleted the connection"),
    "scim_connection.pause": ("pause", "paused the connection"),
    "scim_connection.purge": ("trash-2", "permanently deleted the connection"),
    "scim_connection.restore": ("undo-2", "restored the connection"),
    "scim_connection.resume": ("play", "resumed the connection"),
    "scim_connection.rotate_cancel": ("rotate-cw", "discarded the new token of"),
    "scim_connection.rotate_complete": ("rotate-cw", "finished the token rotation of"),
    "scim_connection.rotate_start": ("rotate-cw", "created a new token for"),
    "scim_connection.safeguard": ("shield-alert", "put deactivations on hold for"),
    "scim_connection.safeguard_keep": ("shield-alert", "kept deactivations on hold for"),
    "scim_connection.safeguard_rearm": ("shield-alert", "cleared the hold on deactivations for"),
    "scim_connection.safeguard_release": ("shield-alert", "approved deactivations for"),
    "scim_connection.stop_emails": ("mail", "stopped the emails about"),
    "scim_connection.update": ("settings", "changed the connection"),
    "scim_connection.update_contacts": ("mail", "changed the contacts of"),
    "scim_connection.update_safeguard": ("shield-alert", "changed the deactivation safeguard of"),
    "scim_group.create": ("users-round", "created the group"),
    "scim_group.delete": ("users-round", "deleted the group"),
    "scim_group.update": ("users-round", "changed the group"),
    "scim_group.update_roles": ("tag", "changed the roles of"),
    "scim_group.export": ("download", "exported the groups of"),
    "scim_request.export": ("download", "exported the log of"),
    "scim_user.create": ("user-plus", "created the person"),
    "scim_user.delete": ("user-minus", "deleted the person"),
    "scim_user.export": ("download", "exported the people of"),
    "scim_user.update": ("user-pen", "changed the person"),
}
KNOWN_ACTIONS = frozenset(_VERBS)
# What actors without a name are called.
_ACTORS: Mapping[ActorType, str] = {
    ActorType.MEMBER: "A member",
    ActorType.SCIM: "The identity provider",
    ActorType.OPERATOR: "The operator",
    ActorType.PROJECT: "The product",
    ActorType.VISITOR: "Someone who wasn’t signed in",
}
# Actions that a member mostly does to their own account. The sentence then doesn't repeat who it is.
_OWN: Mapping[str, str] = {
    "member.accept_invitation": "accepted the invitation",
    "member.add_mfa_phone_number": "added a phone number",
    "member.add_passkey": "added a passkey",
    "member.add_totp": "added an authenticator app",
    "member.delete_mfa_phone_number": "deleted their phone number",
    "member.delete_passkey": "removed a passkey",
    "member.delete_password": "deleted their password",
    "member.export_data": "downloaded their data",
    "member.delete_totp": "deleted their authenticator app",
    "member.forget_device": "ended a remembered device",
    "member.remember_device": "had a device remembered",
    "member.rename_passkey": "renamed a passkey",
    "member.rotate_recovery_codes": "replaced their recovery codes",
    "member.set_password": "set a new password",
    "member.update_preferences": "changed their time zone or theme",
    "member.use_recovery_code": "used a recovery code",
    "member_session.confirm_code": "confirmed a code by email",
    "member_session.confirm_password": "confirmed their password",
    "member_session.confirm_second_factor": "confirmed a second factor",
    "member_session.create": "signed in",
    "member_session.embed": "opened the portal",
    "member_session.renew": "kept the portal open",
    "member_session.revoke": "ended a session",
}
_OF_OWN_SESSION = frozenset(
    {
        "member_session.create",
        "member_session.confirm_code",
        "member_session.confirm_password",
        "member_session.embed",
        "member_session.renew",
    }
)
_MAX_FIELDS = 4


def sentence(entry: ActivityEntry) -> Sentence:
    """Return an entry in words. An unknown action is shown by its name."""
    known = _VERBS.get(entry.action)
    actor = _actor(entry)
    if known is None:
        noun, _, verb = entry.action.partition(".")
        said = f"performed “{field_name(noun)}: {verb.replace('_', ' ')}” on"
        return Sentence("activity", said, entry.target_name or entry.target_id, actor=actor)
    icon, verb = known
    plain = Sentence(icon, verb, entry.target_name, note=_changed_fields(entry), actor=actor)
    if entry.action in _OWN and _is_own(entry):
        plain = replace(plain, verb=_OWN[entry.action], target="", note=entry.target_name)
    special = _SPECIAL.get(entry.action)
    return special(entry, plain) if special else plain


def _actor(entry: ActivityEntry) -> str:
    actor = entry.actor
    if entry.action == "scim_connection.safeguard":
        return "The deactivation safeguard"
    if entry.action in {"organization.own_domain", "organization.lose_domain"}:
        return "The DNS check"
    if entry.action == "scim_connection.stop_emails":
        return actor.name  # the contact's address
    # The operator's own names are those of programs.
    is_named = actor.name and actor.type in {ActorType.MEMBER, ActorType.SCIM}
    return actor.name if is_named else _ACTORS[actor.type]


def _is_own(entry: ActivityEntry) -> bool:
    """Say whether members do it to themselves. The target of a session's entry is the session, not the member."""
    is_member = entry.actor.type is ActorType.MEMBER
    if entry.action in _OF_OWN_SESSION:
        return is_member
    return is_member and entry.target_id == entry.actor.id


def _changed_fields(entry: ActivityEntry) -> str:
    """Return the names of the changed fields of a change; "" if something was created, deleted or decided."""
    if not entry.action.endswith(".update"):
        return ""
    names = [field_name(name) for name in dict.fromkeys([*entry.before, *entry.after]) if name not in _MEMBERS]
    more = len(names) - _MAX_FIELDS
    return ", ".join(names[:_MAX_FIELDS]) + (f" and {more} more" if more > 0 else "")


_MEMBERS = ("members_joined", "members_left")


def _roles(entry: ActivityEntry, plain: Sentence) -> Sentence:
    before, after = (_texts(state.get("roles")) for state in (entry.before, entry.after))
    gained = [role_name(role) for role in after if role not in before]
    lost = [role_name(role) for role in before if role not in after]
    if gained and not lost:
        return replace(plain, icon="tag", verb="gave", tail=_named_roles(gained), note="")
    if lost and not gained:
        return replace(plain, icon="tag", verb=f"took {_named_roles(lost)} from", note="")
    note = f"Added: {', '.join(gained)}. Removed: {', '.join(lost)}." if gained else ""
    return replace(plain, icon="tag", verb="changed the roles of", note=note)


def _named_roles(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the role {names[0]}"
    return f"the roles {', '.join(names[:-1])} and {names[-1]}"


def _member_update(entry: ActivityEntry, plain: Sentence) -> Sentence:
    if {*entry.before, *entry.after} == {"roles"}:
        return _roles(entry, plain)
    return plain


def _group_update(entry: ActivityEntry, plain: Sentence) -> Sentence:
    joined, left = _number(entry.after.get("members_joined")), _number(entry.before.get("members_left"))
    parts = [plain.note] if plain.note else []
    if joined:
        parts.append(f"{_people(joined)} joined")
    if left:
        parts.append(f"{_people(left)} left")
    return replace(plain, note=", ".join(parts))


def _safeguard(entry: ActivityEntry, plain: Sentence) -> Sentence:
    deactivated, people = _number(entry.after.get("deactivated")), _number(entry.after.get("people"))
    note = f"{deactivated:,} of {_people(people)} deactivated within an hour" if deactivated and people else ""
    return replace(plain, note=note, tone="warning")


def _link(entry: ActivityEntry, plain: Sentence) -> Sentence:
    if entry.after.get("is_emailed") is False:
        return replace(plain, icon="link", verb="created a sign-in link for")
    return plain


def _created(entry: ActivityEntry, plain: Sentence) -> Sentence:
    is_invited = entry.after.get("status") == MemberStatus.INVITED
    return replace(plain, icon="mail", verb="invited") if is_invited else plain


def _deleted(entry: ActivityEntry, plain: Sentence) -> Sentence:
    was_invited = entry.before.get("status") == MemberStatus.INVITED
    return replace(plain, verb="revoked the invitation of") if was_invited else plain


def _invitation_job(entry: ActivityEntry, plain: Sentence) -> Sentence:
    people = _number(entry.after.get("people"))
    verb = "started to invite" if entry.action.endswith("start") else "stopped inviting"
    return replace(plain, target="", verb=f"{verb} {_people(people)}")


def _in_pages(entry: ActivityEntry, plain: Sentence) -> Sentence:
    origin = entry.after.get("parent_origin") or entry.before.get("parent_origin")
    return replace(plain, tail=f"in pages of {origin}") if isinstance(origin, str) else plain


def _without_target(entry: ActivityEntry, plain: Sentence) -> Sentence:  # noqa: ARG001 -- as the others
    return replace(plain, target="")


_SPECIAL: Mapping[str, Callable[[ActivityEntry, Sentence], Sentence]] = {
    "activity_log.export": _without_target,
    "embed_ticket.create": _in_pages,
    "invitation_job.cancel": _invitation_job,
    "invitation_job.start": _invitation_job,
    "member.create": _created,
    "member.delete": _deleted,
    "member.export": _without_target,
    "member.send_sign_in_link": _link,
    "member.update": _member_update,
    "member_session.embed": _in_pages,
    "member_session.renew": _in_pages,
    "organization.add_embed_origin": _in_pages,
    "organization.remove_embed_origin": _in_pages,
    "scim_connection.safeguard": _safeguard,
    "scim_group.update": _group_update,
    "scim_group.update_roles": _roles,
}


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _number(value: Any) -> int:
    number = value.get("number") if isinstance(value, Mapping) else value
    return number if isinstance(number, int) else 0


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"
