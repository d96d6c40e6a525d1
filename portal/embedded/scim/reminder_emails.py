"""The emails to a connection's contacts. Contacts don't have to be members, so these emails name no person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import models
from portal.embedded.scim.safeguard import Counts, HeldCounts, held_counts
from portal.embedded.scim.safeguard_limits import is_off, share
from portal.embedded.scope import rows_of
from portal.mail.catalog import texts
from portal.mail.content import Block, Button, Email, Facts, FooterLink, Steps, paragraph, strong
from portal.mail.languages import ENGLISH
from portal.mail.names import name_in_subject, shown_name

# These emails are in English: a contact is an address without a language.
_SIGN_IN = texts(ENGLISH)("frame.sign_in_first")


@dataclass(frozen=True, slots=True)
class Reminded:
    """The connection that an email is about, and where its recipient stops these emails."""

    connection: models.ScimConnectionRow
    stop_url: str

    @property
    def name(self) -> str:
        """The connection's name."""
        return shown_name(self.connection.display_name)

    @property
    def organization(self) -> str:
        """The organization's name."""
        return shown_name(self.connection.organization.name)

    @property
    def provider(self) -> str:
        """The identity provider, within a sentence."""
        return ScimIdentityProvider(self.connection.identity_provider).in_text

    @property
    def provider_first(self) -> str:
        """The identity provider, at the beginning of a sentence."""
        return self.provider[:1].upper() + self.provider[1:]

    def url(self, view: str) -> str:
        """Return the URL of a page of the organization."""
        return f"{settings.PUBLIC_URL}{reverse(view, args=[self.connection.organization.slug])}"


def token_email(about: Reminded, token: models.ScimTokenRow, next_reminders: Sequence[int]) -> Email:
    """Return the email that a token expires soon. `next_reminders` are the days before it of the reminders to come."""
    expires = f"expires {_when(token.expires_at)}"
    rows = [
        ("Connection", about.name),
        ("Token", f"Ends in {token.last_four}"),
        ("Expires", _time(token.expires_at)),
        *([("Last used", _time(token.last_used_at))] if token.last_used_at else []),
    ]
    later = _enumerated([_number(days, "day") for days in next_reminders])
    repeated = f"If the token isn’t rotated, we remind you {later} before it expires."
    return _email(
        about,
        subject=f"The SCIM token for {name_in_subject(about.connection.display_name)} {expires}",
        preheader=f"On {token.expires_at:%-d %b %Y}. Rotate it before then, and provisioning continues without downtime.",
        title=f"The SCIM token {expires}",
        blocks=(
            paragraph(
                f"{about.provider_first} uses this token to provision people in {about.organization}. After it expires, "
                f"{about.provider}’s requests fail: new people don’t get access, and people who leave keep theirs."
            ),
            Facts(tuple(rows)),
            Steps(
                (
                    "Create a new token.",
                    f"Enter it in {about.provider}.",
                    "Finish the rotation. Both tokens work until then.",
                )
            ),
            Button("Rotate token", about.url("scim:rotate"), _SIGN_IN),
            *([paragraph(repeated, is_last=True)] if later else []),
        ),
    )


def hold_email(about: Reminded, started_at: datetime, *, is_repeated: bool) -> Email:
    """Return the email that deactivations are on hold, `is_repeated` if the contact got one about this hold before."""
    held, counts = held_counts(about.connection), _counts(about.connection)
    what, still = _held_changes(held), " still" if is_repeated else ""
    is_one = sum(held) == 1
    return _email(
        about,
        subject=f"{what} in {name_in_subject(about.connection.organization.name)}{still} {'needs' if is_one else 'need'} approval",
        preheader=f"{_done(about, counts)} {_kept(held, 'other')}",
        title=f"{what} {'is' if is_one else 'are'}{still} on hold",
        blocks=(
            paragraph(f"{_done(about, counts)} {_why(about.connection, held)}"),
            paragraph(_kept(held, "these")),
            Facts(
                (
                    ("Already deactivated", _users(counts.deactivated_count)),
                    *([("Taken out of groups", _users(counts.removed_count))] if counts.removed_count else []),
                    *([("On hold", _on_hold(held))] if sum(held) else []),
                    ("On hold since", _time(started_at)),
                    ("Not affected", "New people and other changes"),
                )
            ),
            paragraph(
                strong("If these people have left" if held.users and not held.removals else "If this is right"),
                ", approve the deactivations. ",
                strong("If it was a mistake"),
                f", fix it in {about.provider} first, then clear the hold.",
            ),
            Button("Review deactivations", about.url("scim:safeguard"), _SIGN_IN),
        ),
    )


def _email(about: Reminded, *, subject: str, preheader: str, title: str, blocks: tuple[Block, ...]) -> Email:
    return Email(
        subject=subject,
        preheader=preheader,
        title=title,
        blocks=blocks,
        organization_name=about.organization,
        context=f"SCIM · {about.name}",
        reason=f"it’s a contact of the connection {about.name}",
        links=(
            FooterLink("Change contacts", f"{about.url('scim:settings')}#contacts"),
            FooterLink("Stop these emails to this address", about.stop_url, text="Stop these emails to this address"),
        ),
        stop_url=about.stop_url,
    )


def _counts(connection: models.ScimConnectionRow) -> Counts:
    row = rows_of(connection.organization_id, models.ScimSafeguardRow).filter(connection=connection).first()
    return Counts(row.deactivated_count, row.removed_count, row.user_count) if row else Counts(0, 0, 0)


def _done(about: Reminded, counts: Counts) -> str:
    """Say what the identity provider did before the hold."""
    if not counts.deactivated_count and not counts.removed_count:
        return f"{about.provider_first} asked to take many of {_users(counts.user_count)} out of a group that grants roles."
    removed = f" and took {counts.removed_count:,} out of groups that grant roles" if counts.removed_count else ""
    return f"{about.provider_first} deactivated {counts.deactivated_count:,} of {_users(counts.user_count)}{removed} within an hour."


def _why(connection: models.ScimConnectionRow, held: HeldCounts) -> str:
    rest = f"the remaining {sum(held):,}" if sum(held) else "the rest"
    limit = "The" if is_off() else f"More would exceed your limit of {share(connection)}%, so the"
    return f"{limit} deactivation safeguard is holding {rest}."


def _held_changes(held: HeldCounts) -> str:
    match held:
        case HeldCounts(0, 0):
            return "Deactivations"
        case HeldCounts(users, 0):
            return _number(users, "deactivation")
        case HeldCounts(0, removals):
            return _number(removals, "group change")
        case HeldCounts(users, removals):
            return f"{_number(users, 'deactivation')} and {_number(removals, 'group change')}"


def _kept(held: HeldCounts, which: str) -> str:
    """Say what people keep: "these 7 people", or the "other 7"."""
    what = "their access" if not held.removals else "their roles" if not held.users else "their access and their roles"
    until = "until an admin decides."
    match sum(held), which:
        case 0, _:
            return f"People keep {what} {until}"
        case 1, "other":
            return f"The other one keeps {what} {until}"
        case 1, _:
            return f"This person keeps {what} {until}"
        case number, "other":
            return f"The other {number:,} keep {what} {until}"
        case number, _:
            return f"These {number:,} people keep {what} {until}"


def _on_hold(held: HeldCounts) -> str:
    in_groups = f"{_users(held.removals)} in groups that grant roles" if held.removals else ""
    return ", and ".join(filter(None, [_users(held.users) if held.users else "", in_groups]))


def _when(at: datetime) -> str:
    """Return "today", "tomorrow" or "in 14 days"."""
    now = timezone.now()
    if at - now > timedelta(days=1.5):
        return f"in {round((at - now) / timedelta(days=1))} days"
    return "today" if at.date() == now.date() else "tomorrow"


def _enumerated(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _users(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _number(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _time(at: datetime) -> str:
    return f"{at:%-d %b %Y, %H:%M} UTC"
