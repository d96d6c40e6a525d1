"""The emails to a connection's contacts. Contacts don't have to be members, so these emails name no person.

They are in the organization's language: a contact is an address, without a language of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import models
from portal.embedded.members.languages import language_of
from portal.embedded.scim.safeguard import Counts, HeldCounts, held_counts
from portal.embedded.scim.safeguard_limits import is_off, share
from portal.embedded.scope import rows_of
from portal.mail.catalog import Texts, texts
from portal.mail.content import Block, Button, Email, Facts, FooterLink, Steps
from portal.mail.names import name_in_subject, shown_name


@dataclass(frozen=True, slots=True)
class Reminded:
    """The connection that an email is about, and where its recipient stops these emails."""

    connection: models.ScimConnectionRow
    stop_url: str

    @property
    def said(self) -> Texts:
        """The texts in the organization's language."""
        return texts(language_of(None, self.connection.organization))

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
        kind = ScimIdentityProvider(self.connection.identity_provider)
        return self.said("reminder.provider") if kind is ScimIdentityProvider.GENERIC else kind.label

    @property
    def provider_first(self) -> str:
        """The identity provider, at the beginning of a sentence."""
        return self.provider[:1].upper() + self.provider[1:]

    def url(self, view: str) -> str:
        """Return the URL of a page of the organization."""
        return f"{settings.PUBLIC_URL}{reverse(view, args=[self.connection.organization.slug])}"


def token_email(about: Reminded, token: models.ScimTokenRow, next_reminders: Sequence[int]) -> Email:
    """Return the email that a token expires soon. `next_reminders` are the days before it of the reminders to come."""
    said = about.said
    rows = [
        (said("reminder.connection"), about.name),
        (said("token-expires.token"), said("token-expires.ends_in", last_four=token.last_four)),
        (said("token-expires.expires"), said.time(token.expires_at)),
        *([(said("token-expires.last_used"), said.time(token.last_used_at))] if token.last_used_at else []),
    ]
    times = _enumerated(said, [said.counted("frame.days", days) for days in next_reminders])
    steps = (
        said("token-expires.step_create"),
        said("token-expires.step_enter", provider=about.provider),
        said("token-expires.step_finish"),
    )
    return _email(
        about,
        subject=_expiring(about, "subject", token.expires_at),
        preheader=said("token-expires.preheader", date=said.date(token.expires_at)),
        title=_expiring(about, "title", token.expires_at),
        blocks=(
            said.paragraph("token-expires.said", provider=about.provider_first, organization=about.organization),
            Facts(tuple(rows)),
            Steps(steps),
            Button(said("token-expires.button"), about.url("scim:rotate"), said("frame.sign_in_first")),
            *([said.last_paragraph("token-expires.repeated", times=times)] if times else []),
        ),
    )


def hold_email(about: Reminded, started_at: datetime, *, is_repeated: bool) -> Email:
    """Return the email that deactivations are on hold, `is_repeated` if the contact got one about this hold before."""
    said, held, counts = about.said, held_counts(about.connection), _counts(about.connection)
    changes, still, number = _changes(said, held), "_still" if is_repeated else "", sum(held)
    organization = name_in_subject(about.connection.organization.name)
    done = _done(about, counts)
    kept = said.counted("on-hold.others_keep", number) if number else said("on-hold.keep_access_all")
    rows = (
        (said("on-hold.deactivated"), _users(said, counts.deactivated_count)),
        *([(said("on-hold.removed"), _users(said, counts.removed_count))] if counts.removed_count else []),
        *([(said("on-hold.held"), _on_hold(said, held))] if number else []),
        (said("on-hold.since"), said.time(started_at)),
        (said("on-hold.not_affected"), said("on-hold.not_affected_text")),
    )
    have_left = held.users and not held.removals
    return _email(
        about,
        subject=said.counted(f"on-hold.subject{still}", number, changes=changes, organization=organization),
        preheader=said.sentences(done, kept),
        title=said.counted(f"on-hold.title{still}", number, changes=changes),
        blocks=(
            said.plain(said.sentences(done, _why(about, number))),
            said.plain(_kept(said, held)),
            Facts(rows),
            said.paragraph("on-hold.decide" if have_left else "on-hold.decide_right", provider=about.provider),
            Button(said("on-hold.button"), about.url("scim:safeguard"), said("frame.sign_in_first")),
        ),
    )


def _email(about: Reminded, *, subject: str, preheader: str, title: str, blocks: tuple[Block, ...]) -> Email:
    said = about.said
    return Email(
        subject=subject,
        preheader=preheader,
        title=title,
        blocks=blocks,
        organization_name=about.organization,
        context=f"SCIM · {about.name}",
        reason=said("reminder.reason", connection=about.name),
        links=(
            FooterLink(said("reminder.change_contacts"), f"{about.url('scim:settings')}#contacts"),
            FooterLink(said("reminder.stop"), about.stop_url, text=said("reminder.stop")),
        ),
        stop_url=about.stop_url,
        locale=said.locale,
    )


def _expiring(about: Reminded, place: str, at: datetime) -> str:
    """Say that a token expires today, tomorrow, or in some days."""
    said, now = about.said, timezone.now()
    connection = name_in_subject(about.connection.display_name)
    if at - now > timedelta(days=1.5):
        return said.counted(f"token-expires.{place}", round((at - now) / timedelta(days=1)), connection=connection)
    which = "today" if at.date() == now.date() else "tomorrow"
    return said(f"token-expires.{place}_{which}", connection=connection)


def _counts(connection: models.ScimConnectionRow) -> Counts:
    row = rows_of(connection.organization_id, models.ScimSafeguardRow).filter(connection=connection).first()
    return Counts(row.deactivated_count, row.removed_count, row.user_count) if row else Counts(0, 0, 0)


def _done(about: Reminded, counts: Counts) -> str:
    """Say what the identity provider did before the hold."""
    said, total = about.said, _users(about.said, counts.user_count)
    if not counts.deactivated_count and not counts.removed_count:
        return said("on-hold.asked", provider=about.provider_first, people=total)
    return said(
        "on-hold.done_and_removed" if counts.removed_count else "on-hold.done",
        provider=about.provider_first,
        number=said.number(counts.deactivated_count),
        people=total,
        removed=said.number(counts.removed_count),
    )


def _why(about: Reminded, number: int) -> str:
    key = f"on-hold.why{'_off' if is_off() else ''}{'' if number else '_rest'}"
    limit = "" if is_off() else str(share(about.connection))
    return about.said(key, share=limit, number=about.said.number(number))


def _changes(said: Texts, held: HeldCounts) -> str:
    match held:
        case HeldCounts(0, 0):
            return said("on-hold.changes")
        case HeldCounts(users, 0):
            return said.counted("on-hold.deactivations", users)
        case HeldCounts(0, removals):
            return said.counted("on-hold.group_changes", removals)
        case HeldCounts(users, removals):
            both = (("deactivations", users), ("group_changes", removals))
            return _enumerated(said, [said.counted(f"on-hold.{name}", number) for name, number in both])


def _kept(said: Texts, held: HeldCounts) -> str:
    """Say what people keep."""
    if not sum(held):
        return said("on-hold.keep_access_all")
    what = "access" if not held.removals else "roles" if not held.users else "both"
    return said.counted(f"on-hold.keep_{what}", sum(held))


def _on_hold(said: Texts, held: HeldCounts) -> str:
    in_groups = said("on-hold.in_groups", people=_users(said, held.removals)) if held.removals else ""
    return _enumerated(said, [one for one in (_users(said, held.users) if held.users else "", in_groups) if one])


def _enumerated(said: Texts, parts: Sequence[str]) -> str:
    """Return "14 days, 7 days and 1 day"."""
    if len(parts) <= 1:
        return "".join(parts)
    return said("reminder.and", first=said.listed(*parts[:-1]), last=parts[-1])


def _users(said: Texts, number: int) -> str:
    return said.counted("reminder.people", number)
