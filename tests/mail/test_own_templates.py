"""Operators' whole emails: placeholders only, checked with file and line, and never the reason that an email isn't sent."""

import email
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
import structlog.testing
from django.core import mail
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from pytest_django import Settings

from portal.directory.configuration import load_configuration
from portal.directory.errors import NotFound
from portal.directory.locales import LOCALES
from portal.embedded.mail_examples import RECIPIENT, example
from portal.mail import own_templates as module
from portal.mail.delivery import send_email
from portal.mail.own_templates import REPLACEABLE, known_template, own_parts, read
from portal.mail.own_texts import TEMPLATES

# What an operator may write: hidden text, dark colors, a logo, Outlook's comments, a link elsewhere.
HTML = """<!doctype html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<!--[if mso]><xml><o:OfficeDocumentSettings><o:AllowPNG/></o:OfficeDocumentSettings></xml><![endif]-->
<title>Ours &amp; {organization_name}</title>
<style>a { color: {brand_link} } @media (prefers-color-scheme: dark) { a { color: {brand_link_dark} } }</style>
</head>
<body bgcolor=#ffffff>
<div style="display:none">Hello<br>{recipient}</div>
<img src="https://cdn.acme.example/logo.png" alt="{organization_name}" width="40">
<p title='{recipient}'>{organization_initial} {organization_name}</p>
<!-- nothing to see -->
{facts}
SECRET
<a href="https://www.acme.example/help">Help</a> {reason} {reply_note} {imprint}
</body>
</html>
"""
LINK = '<a style="background:{brand}" href="{link}">Go on</a> or open {link}'
TEXT = "Ours, {organization_name}\n\n{SECRET}\n\n{facts}\n\n{reason}\n{reply_note}\n"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    settings.PUBLIC_URL = "https://id.example.com"


class Folder:
    """The folder with the templates of a project."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self._settings = path, settings

    def write(
        self, name: str = "sign-in-link", locale: str = "en", *, html: str = "", text: str = "", of: str = "acme"
    ) -> None:
        (self.path / of).mkdir(exist_ok=True)
        parts = {"html": html or html_of(name), "txt": text or text_of(name)}
        for kind, content in parts.items():
            (self.path / of / f"{name}.{locale}.{kind}").write_text(content, encoding="utf-8")
        self.use()

    def use(self, template: str = "acme") -> None:
        read.cache_clear()
        module._log_failure.cache_clear()
        of_mail = msgspec.structs.replace(
            self._settings.PROJECT.mail,
            templates=str(self.path),
            template=template,
            link_hosts=("cdn.acme.example", "www.acme.example"),
        )
        self._settings.PROJECT = msgspec.structs.replace(self._settings.PROJECT, mail=of_mail)

    @property
    def problems(self) -> list[str]:
        return list(module.own_templates().problems)


def html_of(name: str) -> str:
    html = HTML.replace("SECRET", "<b>{code}</b>" if name == "one-time-code" else LINK)
    return html if TEMPLATES[name].has_facts else html.replace("{facts}", "")


def text_of(name: str) -> str:
    text = TEXT.replace("{SECRET}", "{code}" if name == "one-time-code" else "{link}")
    return text if TEMPLATES[name].has_facts else text.replace("{facts}", "")


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Folder:
    return Folder(tmp_path, settings)


def sent(name: str = "sign-in-link", locale: str = "en") -> tuple[str, str, str]:
    """Send an example, and return its subject, its text and its HTML."""
    send_email(example(name, locale), to=RECIPIENT)
    message = email.message_from_bytes(mail.outbox[-1].message().as_bytes(), policy=default)
    parts = {one.get_content_type(): one.get_content() for one in message.walk() if not one.is_multipart()}
    assert list(parts) == ["text/plain", "text/html"]
    return str(message["Subject"]), parts["text/plain"], parts["text/html"]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("mail", *arguments, stdout=out)
    return out.getvalue()


def test_a_template_is_the_whole_email(folder: Folder) -> None:
    folder.write()
    subject, text, html = sent()
    link = "https://id.example.com/this-link-is-an-example-and-does-not-work"

    assert folder.problems == []
    assert subject == "Ours & Northwind Traders"
    assert text.startswith(f"Ours, Northwind Traders\n\n{link}\n\nRequested ")
    assert "You get this email at nora@northwind.example because" in text
    assert f'href="{link}">Go on</a> or open {link}' in html
    assert '<th scope="row"' in html
    assert 'style="background:#3b52d4"' in html
    assert not re.search(r"\{[a-z_]+\}", html + text)
    assert "Sign in to Northwind Traders" not in html


def test_every_placeholder_has_a_value_in_every_language(folder: Folder) -> None:
    for name in REPLACEABLE:
        shown = " ".join(f"{{{one}}}" for one in sorted(TEMPLATES[name].placeholders))
        for locale in LOCALES:
            folder.write(name, locale, html=html_of(name).replace("<p ", f"<p>{shown}</p><p "))
    assert folder.problems == []

    for name in REPLACEABLE:
        for locale in LOCALES:
            parts = own_parts(example(name, locale), RECIPIENT)
            assert parts is not None
            assert not re.search(r"\{[a-z_]+\}", parts.subject + parts.html + parts.text)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '" onload="x',
        "' onload='x",
        "{link}",
        "a\r\nBcc: eve@mars.example",
        "-->",
        "&lt;b&gt;",
    ],
)
def test_hostile_names_are_harmless_everywhere(folder: Folder, hostile: str) -> None:
    folder.write()
    built_in = replace(example("sign-in-link", "en"), organization_name=hostile)
    parts = own_parts(built_in, RECIPIENT)
    calm = own_parts(example("sign-in-link", "en"), RECIPIENT)
    assert parts is not None
    assert calm is not None

    assert shape(parts.html) == shape(calm.html)
    assert "\n" not in parts.subject
    assert len(parts.text.splitlines()) == len(calm.text.splitlines())
    assert parts.text.count("this-link-is-an-example") == 1


def shape(html: str) -> list[str]:
    """Return the elements of a document with the names of their attributes, and its comments."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(f"{tag} {[name for name, _ in attrs]}")

        def handle_comment(self, data: str) -> None:
            found.append(data)

    reader = Reader()
    reader.feed(html)
    reader.close()
    return found


# What is added to the body of a good template, and what is said about its line.
WRONG_IN_BODY: Mapping[str, str] = {
    "<script>x</script>": "<script> isn't allowed",
    "<form action=x>": "<form> isn't allowed",
    "<iframe src='https://cdn.acme.example/'></iframe>": "<iframe> isn't allowed",
    "<svg/onload=x>": "<svg> isn't allowed",
    "<link rel=stylesheet href=x>": "<link> isn't allowed",
    "<p onclick='x'>": "<p>: onclick isn't allowed",
    "<p title={recipient}>": '<p>: write attributes as name="value"',
    "<p title='{recipient}' title='b'>": "<p>: an attribute twice",
    "<p id='{recipient}'>": "<p>: {recipient} isn't allowed in id",
    "<p style='color:{recipient}'>": "<p>: {recipient} isn't allowed in style",
    "<p style='background:url(https://cdn.acme.example/x)'>": "<p>: style may load or run nothing",
    "<p style='background:u\\72l(x)'>": "<p>: style may load or run nothing",
    "<style>@import 'x';</style>": "<style>: nothing may be loaded or run",
    "<style>p { color: {recipient} }</style>": "{recipient} isn't allowed in styles",
    "<meta http-equiv=refresh content=0>": "http-equiv can't be “refresh”",
    "<a href='https://mars.example/'>x</a>": "a link to “mars.example”, which isn't in mail.link_hosts",
    "<a href='https://cdn.acme.example@mars.example/'>x</a>": "which isn't in mail.link_hosts",
    "<a href='http://www.acme.example/'>x</a>": "must begin with https:// or mailto:",
    "<a href='java&#115;cript:x'>x</a>": "must begin with https:// or mailto:",
    "<a href='https://www.acme.example/?to={recipient}'>x</a>": "the only placeholder of an address is {link}",
    "<a href='&#123;link}'>x</a>": "write placeholders as they are",
    "<img src='{link}'>": "the only placeholder of an address is {link}",
    "<img src='https://cdn.acme.example/second.png'>": "one image is allowed",
    "<p>{password}</p>": "{password} is unknown. Known are brand, ",
    "<p>{recipient.__class__}</p>": "a brace that belongs to no placeholder",
    "<p>{% if x %}{{ settings.SECRET_KEY }}</p>": "a brace that belongs to no placeholder",
    "<p style='display:none'>{link}</p>": "{link} isn't allowed in the title or in hidden text",
    "<p>{code}</p>": "{code} is unknown",
    "<!-- {recipient} -->": "a placeholder in a comment",
    "<!--> <script>x</script> -->": "a comment with < or >",
    "<!--[if mso]><script>x</script><![endif]-->": "<script> isn't allowed",
    "<![CDATA[x]]>": "isn't allowed",
    "<?php x ?>": "isn't allowed",
    "\u202e": "a control or bidirectional character",
}


@pytest.mark.parametrize("added", WRONG_IN_BODY)
def test_what_is_wrong_is_reported_with_file_and_line_and_the_built_in_email_is_sent(
    folder: Folder, added: str
) -> None:
    html = html_of("sign-in-link").replace("<!-- nothing to see -->", added)
    line = html[: html.index(added)].count("\n") + 1
    folder.write(html=html)

    about = f"acme/sign-in-link.en.html, line {line}: "
    assert any(one.startswith(about) and WRONG_IN_BODY[added] in one for one in folder.problems), folder.problems
    assert any(about in one.msg for one in run_checks() if one.id == "portal.W016")
    with structlog.testing.capture_logs() as logs:
        assert [sent()[0], sent()[0]] == ["Your sign-in link for Northwind Traders"] * 2
    failed = [one for one in logs if one["event"] == "mail_template_failed"]
    assert [(one["template_id"], one["template"], one["locale"]) for one in failed] == [("acme", "sign-in-link", "en")]
    assert RECIPIENT not in json.dumps(logs)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (LINK, "", 'needs a link <a href="{link}">'),
        (LINK, '<a href="{link}">Go</a>', "needs {link} as visible text"),
        (LINK, "{link}", 'needs a link <a href="{link}">'),
        ("Ours &amp; {organization_name}", "{link}", "{link} isn't allowed in the title"),
        ("Ours &amp; {organization_name}", "", "<title> is the subject"),
        ("</html>", "", "must end with </html>"),
        ("</body>", "x" * 60_000, "more than 60,000 bytes"),
    ],
)
def test_the_html_needs_its_link_and_a_subject(folder: Folder, old: str, new: str, problem: str) -> None:
    folder.write(html=html_of("sign-in-link").replace(old, new))

    assert any(one.startswith("acme/sign-in-link.en.html, line ") and problem in one for one in folder.problems)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("sign-in-link", "Hello\n", "line 1: needs {link}"),
        ("one-time-code", "Hello\n", "line 1: needs {code}"),
        ("sign-in-link", "Hello\nOpen {link} now\n", "line 2: {link} must be alone on its line"),
        ("sign-in-link", "{link}\n{x}\n", "line 2: {x} is unknown"),
        ("sign-in-link", "{link}\n{{ x }}\n", "line 2: a brace that belongs to no placeholder"),
        ("sign-in-link", "{link}\nhttps://mars.example/\n", "line 2: a link to “mars.example”"),
    ],
)
def test_the_text_needs_its_link_or_code(folder: Folder, name: str, text: str, problem: str) -> None:
    folder.write(name, text=text)

    assert any(one.startswith(f"acme/{name}.en.txt, {problem}") for one in folder.problems)


def test_both_parts_are_needed_and_names_are_checked(folder: Folder) -> None:
    folder.write()
    (folder.path / "acme" / "sign-in-link.en.txt").unlink()
    (folder.path / "acme" / "password-changed.en.html").write_text("")
    (folder.path / "acme" / "sign-in-link.de.html").write_text("")
    (folder.path / "a.b").mkdir()
    folder.use()

    said = "\n".join(folder.problems)
    assert "acme/sign-in-link.en.html: needs sign-in-link.en.txt next to it" in said
    assert "acme/password-changed.en.html: the name must be an email" in said
    assert "acme/sign-in-link.de.html: the name must be an email" in said
    assert "a.b: the ID of a template has up to 100 letters" in said
    assert sent()[0] == "Your sign-in link for Northwind Traders"


def test_security_notices_keep_the_frame(folder: Folder) -> None:
    folder.write()

    assert sent("password-changed")[0] == "Your password for Northwind Traders was changed"


def test_a_value_that_is_missing_leads_to_the_built_in_email(folder: Folder) -> None:
    folder.write(text="{link}\n{device}\n")
    with structlog.testing.capture_logs() as logs:
        assert own_parts(replace(example("sign-in-link", "en"), values={}), RECIPIENT) is None

    assert [one["cause"] for one in logs] == ["KeyError"]


def test_a_language_without_files_is_english_as_a_whole(folder: Folder) -> None:
    folder.write()
    folder.write("one-time-code", "de-DE")

    assert "Requested" in sent("sign-in-link", "fr")[1]
    assert sent("one-time-code", "de-DE")[0] == "Ours & Northwind Traders"
    # Without English ones, the built-in email is in the person's language.
    assert sent("one-time-code", "fr")[0].startswith("Votre code")


def test_a_request_names_a_template_that_has_the_email(folder: Folder) -> None:
    folder.write(html="broken")

    assert known_template("acme", "sign-in-link", parameter="login_template_id") == "acme"
    for name, template in (("one-time-code", "acme"), ("sign-in-link", "other"), ("sign-in-link", "../acme")):
        with pytest.raises(NotFound) as error:
            known_template(template, name, parameter="login_template_id")
        assert error.value.error_type == "email_template_not_found"


def test_the_commands_check_show_and_send(folder: Folder, tmp_path: Path) -> None:
    folder.write()
    folder.use("")
    out = tmp_path / "acme"

    assert "Your own templates can be used: sign-in-link (en) of acme." in run("check")
    assert run("preview", "sign-in-link").startswith("Subject: Your sign-in link for Northwind Traders\nPreheader: ")
    assert run("preview", "sign-in-link", "--template", "acme").startswith(
        "Subject: Ours & Northwind Traders\n\nOurs, "
    )
    run("preview", "sign-in-link", "--template", "acme", "--folder", str(tmp_path))
    assert "Go on</a>" in (tmp_path / "sign-in-link.en.html").read_text()
    run("test", "sign-in-link", "--template", "acme", "--to", "ops@acme.example")
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (["ops@acme.example"], "Ours & Northwind Traders")
    with pytest.raises(CommandError, match=r"--template: There is no template acme/invitation\.en\.html"):
        run("preview", "invitation", "--template", "acme")
    (out / "sign-in-link.en.txt").write_text("nothing")
    folder.use("")
    for arguments in (("check",), ("preview", "sign-in-link", "--template", "acme")):
        with pytest.raises(CommandError, match=r"acme/sign-in-link\.en\.txt, line 1: needs \{link\}"):
            run(*arguments)


@pytest.mark.parametrize(
    ("mail_table", "problem"),
    [
        ('templates = "nowhere"', "mail.templates is .*nowhere, which isn't a folder"),
        ('template = "acme"', 'mail.template is "acme", which isn\'t a folder in mail.templates'),
        ('link_hosts = ["https://acme.example"]', "must list hosts such as www.example.com"),
    ],
)
def test_a_mistake_in_the_project_file_stops_the_start(tmp_path: Path, mail_table: str, problem: str) -> None:
    path = tmp_path / "project.toml"
    path.write_text(f"[mail]\n{mail_table}\n")

    with pytest.raises(ValueError, match=problem):
        load_configuration(path)
