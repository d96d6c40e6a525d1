"""The emails with a magic link, a code or a password reset, each for a product or for the portal."""

from collections.abc import Mapping

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.embedded import models
from portal.embedded.members.languages import language_of
from portal.mail.catalog import Texts, texts
from portal.mail.content import Button, Code, Email, Facts, Paragraph
from portal.mail.names import name_for_strangers, name_in_subject, shown_name
from portal.mail.own_templates import language_with_template

Token = models.EmailTokenRow | models.DiscoveryTokenRow


def magic_link(row: Token, url: str, name: str, locale: str, template_id: str = "") -> Email:
    """Return the email with a link that signs a person in. `name` is as in `code`."""
    locale = language_with_template(template_id, "sign-in-link", locale)
    said, shown, times = texts(locale), shown_name(name), _times(row, locale)
    return Email(
        subject=said("sign-in-link.subject", organization=name_in_subject(name)),
        preheader=said("sign-in-link.preheader", duration=times["duration"]),
        organization_name=shown,
        title=said("sign-in-link.title", organization=shown),
        blocks=(
            said.paragraph("sign-in-link.said", address=row.email_address),
            Button(said("sign-in-link.button"), url, said("frame.link_works_for", **times), is_link=True),
            Facts(_request(row, said)),
            said.last_paragraph("sign-in-link.unexpected"),
        ),
        reason=said("sign-in-link.reason", organization=shown),
        locale=said.locale,
        template="sign-in-link",
        template_id=template_id,
        values=_values(row, said),
    )


def code(row: Token, value: str, name: str, locale: str, template_id: str = "") -> Email:
    """Return the email with a code. `name` is the organization's, or the project's before one is chosen."""
    locale = language_with_template(template_id, "one-time-code", locale)
    said, shown, times = texts(locale), shown_name(name), _times(row, locale)
    return Email(
        subject=said("one-time-code.subject", organization=name_in_subject(name)),
        preheader=said("one-time-code.preheader", duration=times["duration"]),
        organization_name=shown,
        title=said("one-time-code.title"),
        blocks=(
            said.paragraph("one-time-code.said", **times),
            Code(value),
            Facts(_request(row, said)),
            said.last_paragraph("one-time-code.unexpected"),
        ),
        reason=said("sign-in-link.reason", organization=shown),
        locale=said.locale,
        template="one-time-code",
        template_id=template_id,
        values=_values(row, said),
    )


def password_reset(  # noqa: PLR0913 -- what the email says
    row: Token, url: str, name: str, locale: str, template_id: str = "", *, has_password: bool
) -> Email:
    """Return the email with a link to choose a password."""
    locale = language_with_template(template_id, "password-reset", locale)
    said, shown, times, which = texts(locale), shown_name(name), _times(row, locale), "" if has_password else "_first"
    return Email(
        subject=said(f"password-reset.subject{which}", organization=name_in_subject(name)),
        preheader=said(f"password-reset.preheader{which}", duration=times["duration"]),
        organization_name=shown,
        title=said(f"password-reset.title{which}"),
        blocks=(
            said.paragraph(f"password-reset.said{which}", address=row.email_address),
            Button(said(f"password-reset.button{which}"), url, said("frame.link_works_for", **times), is_link=True),
            Facts(_request(row, said)),
            said.last_paragraph(f"password-reset.unexpected{which}"),
        ),
        reason=said("password-reset.reason", organization=shown),
        locale=said.locale,
        template="password-reset",
        template_id=template_id,
        values=_values(row, said),
    )


def email_update_link(row: models.EmailTokenRow, member: models.MemberRow, url: str) -> Email:
    """Return the email to a new address with a link that confirms it."""
    said = texts(language_with_template(row.login_template_id, "email-change-proof", _locale(row, member)))
    note = said("frame.link_works_for", **_times(row, said.locale))
    proof = Button(said("email-change-proof.button"), url, note, is_link=True)
    return _email_update(row, member, said, said.paragraph("email-change-proof.confirm"), proof)


def email_update_code(row: models.EmailTokenRow, member: models.MemberRow, value: str) -> Email:
    """Return the email to a new address with a code that confirms it."""
    said = texts(_locale(row, member))
    enter = said.paragraph("email-change-proof.enter", **_times(row, said.locale))
    return _email_update(row, member, said, enter, Code(value))


def _email_update(
    row: models.EmailTokenRow, member: models.MemberRow, said: Texts, what_to_do: Paragraph, proof: Button | Code
) -> Email:
    # The address may be a stranger's: nothing says whose account it is.
    name = name_for_strangers(member.organization.name, member.organization.slug)
    duration = _times(row, said.locale)["duration"]
    return Email(
        subject=said("email-change-proof.subject", organization=name_in_subject(name)),
        preheader=said("email-change-proof.preheader", duration=duration),
        organization_name=name,
        title=said("email-change-proof.title"),
        blocks=(
            said.paragraph("email-change-proof.said", organization=name, address=row.email_address),
            what_to_do,
            proof,
            said.last_paragraph("email-change-proof.unexpected"),
        ),
        reason=said("email-change-proof.reason", organization=name),
        locale=said.locale,
        template="email-change-proof" if isinstance(proof, Button) else "",
        template_id=row.login_template_id,
        values={"new_email": row.email_address, **_values(row, said)},
    )


def email_update_notice(row: models.EmailTokenRow, member: models.MemberRow) -> Email:
    """Return the email that tells the current address that it is about to change."""
    said, name = texts(_locale(row, member)), shown_name(member.organization.name)
    url = settings.PUBLIC_URL + reverse("account:email", args=[member.organization.slug])
    rows = (
        (said("labels.address"), member.email_address),
        (said("labels.new_address"), row.email_address),
        *_request(row, said),
    )
    return Email(
        subject=said("email-change-notice.subject", organization=name_in_subject(member.organization.name)),
        preheader=said("email-change-notice.preheader"),
        organization_name=name,
        title=said("email-change-notice.title"),
        blocks=(
            said.paragraph("email-change-notice.said"),
            Facts(rows),
            said.paragraph("email-change-notice.expected"),
            said.paragraph("email-change-notice.unexpected"),
            Button(said("email-change-notice.button"), url, said("frame.sign_in_first")),
        ),
        reason=said("email-change-notice.reason", organization=name),
        is_security=True,
        locale=said.locale,
        template="email-change-notice",
        values={"old_email": member.email_address, "new_email": row.email_address, **_values(row, said)},
    )


def email_updated(member: models.MemberRow) -> Email:
    """Return the email that tells a former address that it was replaced. It doesn't name the new one."""
    said, name = texts(language_of(member, member.organization)), shown_name(member.organization.name)
    return Email(
        subject=said("email-changed.subject", organization=name_in_subject(member.organization.name)),
        preheader=said("email-changed.preheader"),
        organization_name=name,
        title=said("email-changed.title"),
        blocks=(
            said.paragraph("email-changed.said", organization=name),
            said.last_paragraph("email-changed.unexpected", organization=name),
        ),
        reason=said("email-changed.reason", organization=name),
        is_security=True,
        locale=said.locale,
    )


def _locale(row: models.EmailTokenRow, member: models.MemberRow) -> str:
    return language_of(member, member.organization, row.locale)


def _request(row: Token, said: Texts) -> tuple[tuple[str, str], ...]:
    """Return when and where an email was requested, as far as it is known."""
    facts = (
        (said("labels.requested"), said.time(row.created_at)),
        (said("labels.device"), said.device(row.user_agent)),
        (said("labels.location"), said.location(row.ip_address)),
        (said("labels.ip_address"), row.ip_address),
    )
    return tuple((label, value) for label, value in facts if value)


def _times(row: Token, locale: str) -> dict[str, str]:
    said = texts(locale)
    return {"duration": said.duration(row.expires_at - timezone.now()), "time": said.time(row.expires_at)}


def _values(row: Token, said: Texts) -> Mapping[str, str]:
    """Return the values for operators' own texts."""
    times = _times(row, said.locale)
    return {
        "expires_in": times["duration"],
        "expires_at": times["time"],
        "requested_at": said.time(row.created_at),
        "device": said.device(row.user_agent),
        "location": said.location(row.ip_address),
        "ip_address": row.ip_address,
    }
