"""The mail server: whether it lets Gatehouse in. Nothing is sent."""

import smtplib
import ssl
from collections.abc import Iterator

from django.conf import settings

from portal.embedded.doctor.findings import Finding, error, ok, warning
from portal.mail.content import Email, paragraph
from portal.mail.delivery import UndeliverableError, send_email

_SECONDS = 5
_TEST = Email(
    subject="Test email from Gatehouse",
    preheader="If you can read this, email works.",
    title="Email works",
    blocks=(paragraph("This server can send emails. Check that this one isn’t in your spam folder."),),
    reason="someone tested the mail server",
)
_SMTP = "django.core.mail.backends.smtp.EmailBackend"


def check() -> Iterator[Finding]:
    """Report a mail server that can't be reached, or rejects TLS or the password."""
    if not settings.EMAIL_IS_SET_UP:
        yield warning(
            "Email isn't set up. Members get no sign-in links, and contacts no reminders.",
            "Set EMAIL_URL and EMAIL_FROM.",
        )
    elif settings.EMAIL_BACKEND != _SMTP:
        yield ok("Email isn't sent by a mail server.")
    else:
        try:
            _sign_in()
        except (OSError, smtplib.SMTPException) as failure:
            yield error(*_explained(failure))
            return
        if settings.EMAIL_HOST_USER and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
            yield warning(
                "The password for the mail server is sent unencrypted.", "Use smtp+tls:// or smtp+ssl:// in EMAIL_URL."
            )
        else:
            yield ok(
                "The mail server accepts connections" + (" and the password." if settings.EMAIL_HOST_USER else ".")
            )


def send_test(address: str) -> Finding:
    """Send an email to an address, and return whether the mail server took it."""
    if not settings.EMAIL_IS_SET_UP:
        return error("Email isn't set up, so nothing was sent.", "Set EMAIL_URL and EMAIL_FROM.")
    try:
        send_email(_TEST, to=address)
    except UndeliverableError as failure:
        return error(str(failure), "Check the address, and that EMAIL_FROM is one that the mail server accepts.")
    except OSError as failure:
        return error(*_explained(failure))
    return ok(
        f"The mail server accepted the test email to {address}. Check that it arrives, and that it isn't in the spam folder."
    )


def _sign_in() -> None:
    host, port = settings.EMAIL_HOST, settings.EMAIL_PORT
    context = ssl.create_default_context()
    if settings.EMAIL_USE_SSL:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=_SECONDS)
    with server:
        server.ehlo()
        if settings.EMAIL_USE_TLS:
            server.starttls(context=context)
            server.ehlo()
        if settings.EMAIL_HOST_USER:
            server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)


def _explained(failure: Exception) -> tuple[str, str]:
    match failure:
        case smtplib.SMTPAuthenticationError():
            return "The mail server rejected the user or the password.", "Correct them in EMAIL_URL."
        case smtplib.SMTPNotSupportedError():
            return (
                "The mail server doesn't support STARTTLS or passwords at this port.",
                "Use smtp+ssl:// with port 465, or the port that your provider names.",
            )
        case smtplib.SMTPServerDisconnected() | TimeoutError():
            return (
                "The mail server doesn't respond, or ends the connection.",
                "Check that it's the right port: 465 for smtp+ssl://, 587 for smtp+tls://.",
            )
        case ssl.SSLCertVerificationError():
            return (
                f"The certificate of the mail server isn't valid: {failure.verify_message}.",
                "Use the name that the certificate is for.",
            )
        case smtplib.SMTPResponseException():
            answer = failure.smtp_error
            said = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
            return f"The mail server said: {failure.smtp_code} {said[:200]}", "Ask your mail provider about that."
        case _:
            return (
                f"The mail server can't be reached ({type(failure).__name__}).",
                "Correct the host and port in EMAIL_URL, and allow the connection in the firewall.",
            )
