"""What security notices say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from portal.directory.actor import ActorType
from portal.directory.second_factors import PASSKEY, TOTP
from portal.embedded import models
from portal.embedded.members.languages import language_of
from portal.embedded.second_factors.policy import set_up
from portal.mail.catalog import Texts, texts
from portal.mail.content import Button, Email, Facts
from portal.mail.names import name_in_subject, shown_name

_Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notified:
    """A change of a member, as the activity log has it. `by` is the member who changed it, if it was another one."""

    entry: models.ActivityEntryRow
    member: models.MemberRow
    by: models.MemberRow | None

    @property
    def said(self) -> Texts:
        """The texts in the member's language."""
        return texts(language_of(self.member, self.member.organization))

    @property
    def organization(self) -> str:
        """The organization's name."""
        return shown_name(self.member.organization.name)

    @property
    def time(self) -> str:
        """When the member was changed."""
        return self.said.time(self.entry.at)

    @property
    def device(self) -> str:
        """The member's browser and system, "" if they aren't known."""
        return self.said.device(self.entry.user_agent) if self.is_own else ""

    @property
    def ip_address(self) -> str:
        """The member's IP address, "" if their device isn't known."""
        return self.entry.ip_address if self.device else ""

    @property
    def is_own(self) -> bool:
        """Whether the member did it."""
        return self.by is None and self.entry.actor_type == ActorType.MEMBER

    @property
    def changed_by(self) -> str:
        """Who changed the member, "" if they did it themselves."""
        if self.is_own:
            return ""
        if self.by is None:
            return self.said("frame.team")
        name, address = shown_name(self.by.name), self.by.email_address
        return self.said.listed(*filter(None, (name, address)))

    def url(self, view: str) -> str:
        """Return the URL of a page of the organization."""
        return f"{settings.PUBLIC_URL}{reverse(view, args=[self.member.organization.slug])}"


def password_changed(found: Notified, *, is_first: bool) -> Email:
    """Return the email that a password was changed, or that a member who had none has one."""
    return _notice(
        found,
        "password-changed",
        which="_first" if is_first else "",
        facts=_change(found, "changed"),
        values={"changed_at": found.time, "changed_by": found.changed_by},
        url=found.url("session:email-organization-link"),
        note="frame.no_sign_in",
    )


def second_factor_added(found: Notified, method: str) -> Email:
    """Return the email that a second factor was added."""
    return _second_factor(found, "added", method)


def second_factor_removed(found: Notified, method: str) -> Email:
    """Return the email that a second factor was removed."""
    return _second_factor(found, "removed", method)


def recovery_codes_replaced(found: Notified) -> Email:
    """Return the email that the recovery codes were replaced."""
    return _notice(
        found,
        "recovery-codes",
        which="",
        facts=((found.said("labels.account"), found.entry.target_name), *_change(found, "changed")),
        values={"changed_at": found.time, "changed_by": found.changed_by},
        url=found.url("account:account"),
    )


def new_sign_in(found: Notified) -> Email:
    """Return the email that a member signed in on a new device."""
    return _sign_in(found, "new-sign-in", which="" if found.device else "_unknown")


def more_new_sign_ins(found: Notified) -> Email:
    """Return the last email of a day about new devices."""
    return _sign_in(found, "new-sign-ins")


def _second_factor(found: Notified, what: str, method: str) -> Email:
    said = found.said
    name = said(f"methods.{method}")
    remaining = said.listed(*_remaining(found)) if what == "removed" else ""
    facts = (
        (said("labels.account"), found.entry.target_name),
        (said(f"labels.method_{what}"), name),
        *_change(found, what, (said("labels.remaining"), remaining)),
    )
    values = {
        "method": name,
        "changed_at": found.time,
        "changed_by": found.changed_by,
        "remaining_methods": remaining,
    }
    # A passkey keeps the recovery codes.
    keeps_codes = what == "removed" and method == TOTP and found.member.passkey_count
    return _notice(
        found,
        f"mfa-{what}",
        which=f"_{method}",
        said_which="_totp_only" if keeps_codes else "",
        facts=facts,
        values=values,
        url=found.url("account:account"),
    )


def _sign_in(found: Notified, table: str, which: str = "") -> Email:
    said = found.said
    facts = ((said("labels.account"), found.entry.target_name), (said("labels.signed_in"), found.time), *_place(found))
    values = {"signed_in_at": found.time}
    return _notice(found, table, which=which, facts=facts, values=values, url=found.url("account:account"))


def _notice(  # noqa: PLR0913 -- the parts of an email
    found: Notified,
    table: str,
    *,
    which: str,
    facts: _Rows,
    values: Mapping[str, str],
    url: str,
    note: str = "frame.sign_in_first",
    said_which: str = "",
) -> Email:
    """Return a notice from the texts of a table, in the variant `which` where there is one."""
    said = found.said
    words = {
        "organization": found.organization,
        "address": found.entry.target_name,
        "time": found.time,
        "device": found.device,
    }
    subject = {"organization": name_in_subject(found.member.organization.name)}
    return Email(
        subject=said(said.variant(table, "subject", which), **subject),
        preheader=said(said.variant(table, "preheader", which), **words),
        organization_name=found.organization,
        title=said(said.variant(table, "title", which)),
        blocks=(
            said.paragraph(said.variant(table, "said", said_which or which), **words),
            Facts(tuple((label, value) for label, value in facts if value)),
            said.paragraph(said.variant(table, "expected", which)),
            said.paragraph(f"{table}.unexpected", **words),
            Button(said(f"{table}.button"), url, said(note), is_quiet=True),
        ),
        reason=said("notice.reason", organization=found.organization),
        is_security=True,
        locale=said.locale,
        template=table,
        values={
            **values,
            "device": found.device,
            "location": found.said.location(found.ip_address),
            "ip_address": found.ip_address,
        },
    )


def _change(found: Notified, what: str, *more: tuple[str, str]) -> _Rows:
    """Return when a change was made, and by which other person or on which device."""
    said = found.said
    rows = ((said(f"labels.{what}"), found.time), (said(f"labels.{what}_by"), found.changed_by), *more)
    # Where another person works is nothing that the member has to know.
    return (*rows, *_place(found)) if found.is_own else rows


def _place(found: Notified) -> _Rows:
    """Return the member's device, place and IP address. Without a browser, these may be those of a product's backend."""
    said = found.said
    return (
        (said("labels.device"), found.device),
        (said("labels.location"), said.location(found.ip_address)),
        (said("labels.ip_address"), found.ip_address),
    )


def _remaining(found: Notified) -> Iterator[str]:
    """Return the names of the methods that the member can still sign in with."""
    said = found.said
    if found.member.password:
        yield said("methods.password")
    for method in set_up(found.member):
        yield said(f"methods.{method}")
    if found.member.passkey_count:
        yield said(f"methods.{PASSKEY}")
