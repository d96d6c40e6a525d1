"""Operators' own texts: placeholders only, checked, and never the reason that an email isn't sent."""

import email
import io
import json
import re
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from django.core import mail
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from msgspec.structs import replace
from pytest_django import Settings

from portal.directory.brands import brand_of, contrast, takes_white_text
from portal.directory.configuration import Mail, ProjectConfiguration, Theme, load_configuration
from portal.directory.locales import LOCALES
from portal.embedded.mail_examples import RECIPIENT, example
from portal.mail import own_texts
from portal.mail.content import Button, Code, Facts
from portal.mail.delivery import send_email
from portal.mail.own_texts import TEMPLATES, in_own_words, read

BODY = 'body = ["Hello {recipient},", "{facts}", "{link}", "Questions? Write to **us**."]'
each = pytest.mark.parametrize("name", TEMPLATES)


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    settings.PUBLIC_URL = "https://id.example.com"


class Folder:
    """The folder with the texts of a project."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self._settings = path, settings

    def write(self, text: str, name: str = "en.toml", **mail: str) -> None:
        (self.path / name).write_text(text, encoding="utf-8")
        read.cache_clear()
        project = self._settings.PROJECT
        self._settings.PROJECT = replace(project, mail=replace(project.mail, texts=str(self.path), **mail))

    @property
    def problems(self) -> str:
        return "\n".join(read(str(self.path)).problems)


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Folder:
    return Folder(tmp_path, settings)


def sent(name: str, locale: str = "en") -> tuple[str, str, str]:
    """Send an example, and return its subject, its text on one line and its HTML."""
    send_email(example(name, locale), to=RECIPIENT)
    message = mail.outbox[-1]
    message_with_html = email.message_from_bytes(message.message().as_bytes(), policy=default)
    html = next(one for one in message_with_html.walk() if one.get_content_type() == "text/html").get_content()
    return str(message.subject), " ".join(str(message.body).split()), html


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("mail", *arguments, stdout=out)
    return out.getvalue()


def test_texts_replace_the_built_in_ones_and_the_frame_stays(folder: Folder) -> None:
    folder.write(
        f'[sign-in-link]\nsubject = "Hi from {{organization_name}}"\ntitle = "Welcome"\n{BODY}\nbutton = "Go"\n'
    )
    subject, text, html = sent("sign-in-link")

    assert subject == "Hi from Northwind Traders"
    assert "Welcome ======= Hello nora@northwind.example, Requested " in text
    assert "Go on id.example.com: https://id.example.com/this-link" in text
    assert "The link works once, for 10 minutes, until " in text
    assert "Use this link to sign in" not in text
    assert "You get this email at nora@northwind.example because" in text
    assert '<strong class="gh-strong"' in html
    assert "Go</a>" in html


def test_what_is_left_out_stays_as_it_is(folder: Folder) -> None:
    folder.write('[sign-in-link]\nbutton = "Go"\n')
    subject, text, _ = sent("sign-in-link")

    assert subject == "Your sign-in link for Northwind Traders"
    assert "Use this link to sign in as nora@northwind.example. Go on id.example.com:" in text


def test_each_language_has_its_own_and_none_is_mixed(folder: Folder) -> None:
    folder.write('[one-time-code]\ntitle = "English"\n')
    folder.write('[one-time-code]\ntitle = "Deutsch"\n', "de-DE.toml")

    assert "English" in sent("one-time-code")[1]
    assert "Deutsch" in sent("one-time-code", "de-DE")[1]
    assert "コード" in sent("one-time-code", "ja")[1]
    assert "English" not in sent("one-time-code", "ja")[1]


def test_values_are_escaped_and_not_evaluated(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write('[invitation]\ntitle = "<b>{inviter_name}</b> {organization_name}"\n')
    invited = example("invitation", "en")
    values = {**invited.values, "inviter_name": "{recipient}<script>"}
    monkeypatch.setattr("portal.embedded.mail_examples.invitation", lambda *_, **__: invited)
    object.__setattr__(invited, "values", values)
    html = sent("invitation")[2]

    assert "&lt;b&gt;{recipient}&lt;script&gt;&lt;/b&gt;" in html
    assert "<script>" not in html


@each
def test_every_placeholder_has_a_value_in_every_language(folder: Folder, name: str) -> None:
    template = TEMPLATES[name]
    shown = " ".join(f"{{{one}}}" for one in sorted(template.placeholders | own_texts.COMMON))
    blocks = ", ".join(f'"{{{one}}}"' for one in sorted(template.blocks))
    for locale in LOCALES:
        (folder.path / f"{locale}.toml").write_text(f'[{name}]\ntitle = "Own {shown}"\nbody = [{blocks}]\n')
    folder.write(f'[{name}]\nsubject = "Own"\n', "en.toml")

    for locale in LOCALES[1:]:
        shown_email = in_own_words(example(name, locale), RECIPIENT)
        assert shown_email.title.startswith("Own ")
        assert not re.search(r"[{}]", shown_email.title)
        kinds = {type(one) for one in shown_email.blocks}
        assert kinds == ({Code} if name == "one-time-code" else {Button}) | ({Facts} if template.has_facts else set())


WRONG = {
    '[sign-in-link]\nbody = ["Hello"]\n': "en.toml: [sign-in-link] body: needs a paragraph {link}, once",
    '[sign-in-link]\nbody = ["{link}", "{link}"]\n': "body: needs a paragraph {link}, once",
    '[one-time-code]\nbody = ["{link}"]\n': "body, paragraph 1: this email has no {link}",
    '[one-time-code]\nbody = ["{facts}"]\n': "body: needs a paragraph {code}, once",
    '[one-time-code]\nsubject = "{code}"\n': "subject: {code} isn't allowed here",
    '[sign-in-link]\npreheader = "See {link}"\n': "preheader: {link} isn't allowed here",
    '[sign-in-link]\nbody = ["See {link}", "{link}"]\n': "body, paragraph 1: {link} must be alone in its paragraph",
    '[sign-in-link]\ntitle = "{password}"\n': "title: {password} is unknown. Known are ",
    '[sign-in-link]\ntitle = "{expires_in.__class__}"\n': "title: a brace that belongs to no placeholder",
    '[sign-in-link]\ntitle = "{% if x %}"\n': "title: a brace that belongs to no placeholder",
    '[sign-in-link]\ntitle = ""\n': "title: must be one line of 1 to 1000 characters",
    '[sign-in-link]\nsubject = "a\\nBcc: eve@mars.example"\n': "subject: must be one line of 1 to 100 characters",
    '[sign-in-link]\nsubject = "a\\u202eb"\n': "subject: must be one line of 1 to 100 characters",
    "[sign-in-link]\nhtml = 1\n": "Object contains unknown field `html`",
    "[sign-in-link]\ntitle = 1\n": "Expected `str | null`, got `int`",
    "[exports]\n": "isn't an email with texts of your own",
    "title = ": "en.toml: ",
    f"[sign-in-link]\nbody = {json.dumps(['{link}', *['x'] * 20])}\n": "body: at most 20 paragraphs",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_text_that_is_wrong_is_reported_and_the_built_in_one_is_sent(folder: Folder, text: str) -> None:
    folder.write(text)
    name = "one-time-code" if "one-time-code" in text else "sign-in-link"

    assert WRONG[text] in folder.problems
    assert any(WRONG[text] in one.msg for one in run_checks() if one.id == "portal.W015")
    with pytest.raises(CommandError, match=re.escape(WRONG[text])):
        run("check")
    with structlog.testing.capture_logs() as logs:
        subject = sent(name)[0]
    assert subject in {"Your sign-in link for Northwind Traders", "Your sign-in code for Northwind Traders"}
    failed = [one for one in logs if one["event"] == "mail_template_failed"]
    assert [(one["template"], one["locale"]) for one in failed] == ([] if "exports" in text else [(name, "en")])
    assert RECIPIENT not in json.dumps(logs)


def test_one_wrong_text_leaves_the_others_alone(folder: Folder) -> None:
    folder.write('[sign-in-link]\ntitle = "{x}"\n\n[one-time-code]\ntitle = "Ours"\n')

    assert "Ours" in sent("one-time-code")[1]


def test_a_value_that_is_missing_leads_to_the_built_in_text(folder: Folder) -> None:
    folder.write('[sign-in-link]\ntitle = "Until {expires_at}"\n')
    link = example("sign-in-link", "en")
    object.__setattr__(link, "values", {})
    with structlog.testing.capture_logs() as logs:
        shown = in_own_words(link, RECIPIENT)

    assert shown.title == "Sign in to Northwind Traders"
    assert [one["cause"] for one in logs] == ["KeyError"]


def test_a_file_of_an_unknown_language_is_reported(folder: Folder) -> None:
    folder.write("", "de.toml")

    assert "de.toml: the name must be one of en, " in folder.problems


# --- Commands ---------------------------------------------------------------------------------------------------------


def test_the_commands_check_show_and_send(folder: Folder, tmp_path: Path) -> None:
    assert run("check") == "There are no texts of your own.\n"
    folder.write('[invitation]\nsubject = "Join us, {organization_name}"\n', "fr.toml")

    assert run("check") == "Your own texts can be used: invitation (fr).\n"
    assert run("preview", "invitation", "--locale", "fr").startswith("Subject: Join us, Northwind Traders\nPreheader: ")
    run("preview", "invitation", "--locale", "fr", "--folder", str(tmp_path))
    assert '<html lang="fr"' in (tmp_path / "invitation.fr.html").read_text()
    answer: dict[str, Any] = json.loads(
        run("test", "invitation", "--locale", "fr", "--to", "ops@acme.example", "--json")
    )
    assert answer == {"email": "invitation", "locale": "fr", "to": "ops@acme.example"}
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (["ops@acme.example"], "Join us, Northwind Traders")
    assert "/this-link-is-an-example-and-does-not-work" in str(mail.outbox[-1].body)


def test_the_commands_say_what_is_wrong(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"--folder: .*No such file"):
        run("preview", "invitation", "--folder", str(tmp_path / "none"))
    for arguments in (
        ["preview"],
        ["test", "exports", "--to", "ops@acme.example"],
        ["test", "invitation"],
        ["language"],
    ):
        with pytest.raises(CommandError, match=r"Name |Enter your own"):
            run(*arguments)
    settings.EMAIL_IS_SET_UP = False
    with pytest.raises(CommandError, match="Email isn't configured"):
        run("test", "invitation", "--to", "ops@acme.example")


@each
def test_each_email_has_an_example(name: str) -> None:
    assert f"Subject: {example(name, 'en').subject}" in run("preview", name)


# --- Name, color and imprint ------------------------------------------------------------------------------------------


def test_the_portal_has_a_name_a_color_and_an_imprint(folder: Folder) -> None:
    folder.write("", portal_name="Northwind ID", brand="#0b6e4f", imprint="Northwind Inc., 1 Harbor St <Boston>")
    _, text, html = sent("sign-in-link")

    assert "Sent by Northwind ID (id.example.com) for Northwind Traders." in text
    assert text.endswith("Northwind Inc., 1 Harbor St <Boston>")
    assert "Northwind Inc., 1 Harbor St &lt;Boston&gt;</p>" in html
    assert 'bgcolor="#0b6e4f"' in html
    assert "#3b52d4" not in html


def test_emails_have_the_projects_color_unless_they_have_one_of_their_own(settings: Settings) -> None:
    theme = Theme(color="#800080")
    settings.PROJECT = ProjectConfiguration(theme=theme)
    assert 'bgcolor="#800080"' in sent("sign-in-link")[2]

    settings.PROJECT = ProjectConfiguration(theme=theme, mail=Mail(brand="#0b6e4f"))
    assert 'bgcolor="#0b6e4f"' in sent("sign-in-link")[2]


@pytest.mark.parametrize("color", ["#3b52d4", "#000000", "#0b6e4f", "#767676", "#0000ff", "#800080", "#b00020"])
def test_every_brand_that_is_accepted_can_be_read(color: str) -> None:
    brand = brand_of(color)

    assert takes_white_text(color)
    assert all(contrast(brand.link, one) >= 4.5 for one in ("#ffffff", "#f4f5f7"))
    assert all(contrast(brand.link_dark, one) >= 4.5 for one in ("#16191f", "#0f1115"))


@pytest.mark.parametrize(
    ("mail_table", "problem"),
    [
        ('brand = "#ffd700"', "dark enough for white text"),
        ('brand = "red"', "must be a color such as"),
        ('portal_name = ""', "mail.portal_name must be one line"),
        ('imprint = "a\\nb"', "mail.imprint must be one line"),
        ('texts = "nowhere"', "which isn't a folder"),
    ],
)
def test_a_mistake_in_the_project_file_stops_the_start(tmp_path: Path, mail_table: str, problem: str) -> None:
    path = tmp_path / "project.toml"
    path.write_text(f"[mail]\n{mail_table}\n")

    with pytest.raises(ValueError, match=problem):
        load_configuration(path)


def test_the_folder_is_relative_to_the_project_file(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    path = tmp_path / "project.toml"
    path.write_text('[mail]\ntexts = "mail"\nbrand = "#0B6E4F"\n')

    loaded = load_configuration(path).mail
    assert (loaded.texts, loaded.brand) == (str(tmp_path / "mail"), "#0b6e4f")
