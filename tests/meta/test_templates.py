"""Rules over all templates and the static files that they name."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from lucide.templatetags.lucide import lucide

from portal.web.pages import _AREAS

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*.html"))
# Emails aren't pages: mail programs need their styles inline (tests/mail/test_rendering.py).
PAGES = [name for name in TEMPLATES if not name.startswith(("ui/", "emails/")) and name != "base.html"]
COMPONENTS = [name for name in TEMPLATES if name.startswith("ui/")]
STYLES = sorted((ROOT / "static/css").glob("*.css"))
MAX_LINE = 160
REQUESTS = {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete"}
_COMMENT = re.compile(r"\{%\s*comment\b.*?endcomment\s*%\}|\{#.*?#\}", re.DOTALL)
_CONDITION = re.compile(r"\{%\s*(?:if|else|elif|endif|for|empty|endfor|with|endwith)\b.*?%\}")
_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def source(name: str) -> str:
    return _COMMENT.sub("", (ROOT / "templates" / name).read_text())


class Elements(HTMLParser):
    """Each element with its attributes, and whether it is in a form with a method or an action."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], bool]] = []
        self.texts: dict[str, str] = {}
        self._in_form = False
        self._tag = ""
        self.feed(_marked(source(name)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        self._tag = tag
        if tag == "form":
            self._in_form = "method" in attributes or "action" in attributes
        self.found.append((tag, attributes, self._in_form))

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""
        if tag == "form":
            self._in_form = False

    def handle_data(self, data: str) -> None:
        self.texts[self._tag] = self.texts.get(self._tag, "") + data.strip()


def _marked(text: str) -> str:
    """Replace what Django fills in by a word, so that an attribute is not taken for empty; drop the conditions."""
    return _TAG.sub("VALUE", _CONDITION.sub("", text))


def static_files(text: str) -> list[str]:
    return re.findall(r"""\{%\s*static\s+['"]([^'"]+)['"]""", text)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_line_is_short_enough_to_read(name: str) -> None:
    lines = (ROOT / "templates" / name).read_text().splitlines()

    assert [number for number, line in enumerate(lines, start=1) if len(line) > MAX_LINE] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_button_is_as_wide_as_its_words(name: str) -> None:
    """Blanks after hidden words are an item of their own in a button, with a gap before it."""
    assert not re.search(r'class="visually-hidden">[^<]*</span>\s+</(?:button|a)>', source(name))


@pytest.mark.parametrize("name", [name for name in TEMPLATES if not name.startswith("emails/")])
def test_no_template_has_inline_code_that_the_content_security_policy_forbids(name: str) -> None:
    elements = Elements(name)

    assert not elements.texts.get("script")
    assert [tag for tag, _, _ in elements.found if tag == "style"] == []
    assert [
        f"<{tag} {attribute}={value!r}>"
        for tag, attributes, _ in elements.found
        for attribute, value in attributes.items()
        if attribute == "style"
        or attribute.startswith(("on", "hx-on", "data-hx-on"))
        or value.strip().lower().startswith("javascript:")
        # These are evaluated as scripts.
        or (attribute in {"hx-vals", "hx-vars", "hx-headers"} and value.strip().startswith(("js:", "javascript:")))
        or attribute == "hx-vars"
        or (attribute == "hx-trigger" and "[" in value)
    ] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_switches_escaping_off(name: str) -> None:
    assert re.findall(r"\|\s*safe(?:seq)?\b|autoescape\s+off", source(name)) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_htmx_does_works_without_it(name: str) -> None:
    """Each request of HTMX sits on a link, on a form, or in a form on what is sent with it, or around it."""
    assert [
        f"<{tag} {sorted(REQUESTS & attributes.keys())}>"
        for tag, attributes, in_form in Elements(name).found
        if REQUESTS & attributes.keys()
        and not (
            (tag == "a" and attributes.get("href"))
            or (tag == "form" and attributes.get("action"))
            or (tag in {"button", "input", "select", "section"} and in_form)
        )
    ] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_form_that_posts_has_its_token(name: str) -> None:
    for form in re.findall(r"<form\b.*?</form>", source(name), re.DOTALL):
        # A ticket is its own proof, where there are no cookies.
        if re.search(r"""method=["']post["']""", form, re.IGNORECASE) and 'name="ticket"' not in form:
            assert "{% csrf_token %}" in form


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_form_has_its_token_where_it_is_included(name: str) -> None:
    """`only` leaves the token out, which Django's test client doesn't ask for."""
    bare = re.findall(r'\{%\s*include "([^"]+)"[^%]*\bonly\s*%\}', source(name))

    assert [one for one in bare if "{% csrf_token %}" in source(one)] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_extends_the_base_or_is_marked_as_a_fragment(name: str) -> None:
    text = source(name).lstrip()
    is_fragment = Path(name).name.startswith("_")

    assert text.startswith("{% extends ") or is_fragment


@pytest.mark.parametrize("name", [name for name in PAGES if not Path(name).name.startswith(("_", "layout"))])
def test_a_page_has_a_title(name: str) -> None:
    assert re.search(r"\{% block title %\}\s*\S+?.*?\{% endblock", source(name), re.DOTALL)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_says_how_to_use_it(name: str) -> None:
    comment = re.match(r"\{% comment %\}\n(.+?)\{% endcomment %\}", (ROOT / "templates" / name).read_text(), re.DOTALL)

    assert comment
    assert re.search(r"\{% (?:include )?\"?[\w/]+", comment.group(1))


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_id_is_unique(name: str) -> None:
    ids = [attributes["id"] for _, attributes, _ in Elements(name).found if "id" in attributes]
    static = [value for value in ids if "VALUE" not in value]

    assert sorted(set(static)) == sorted(static)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_static_file_exists(name: str) -> None:
    assert [path for path in static_files(source(name)) if not finders.find(path)] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_icon_exists(name: str) -> None:
    text = (ROOT / "templates" / name).read_text()

    for icon in re.findall(r"""\{%\s*lucide\s+["']([\w-]+)["']|\bicon=["']([\w-]+)["']""", text):
        assert lucide(icon[0] or icon[1])


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_icon_is_hidden_from_screen_readers(name: str) -> None:
    assert [tag for tag in re.findall(r"\{%\s*lucide .*?%\}", source(name)) if "aria_hidden" not in tag] == []


def test_every_icon_of_the_navigation_exists() -> None:
    for _, _, icon, *_ in _AREAS:
        assert lucide(icon)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_style_sheet_loads_nothing_from_elsewhere(style: Path) -> None:
    urls = re.findall(r"""url\(["']?([^"')]+)""", style.read_text())

    assert [url for url in urls if not (style.parent / url).exists()] == []
    assert "@import" not in style.read_text()


def test_every_token_in_use_is_defined() -> None:
    styles = "".join(style.read_text() for style in STYLES)
    used = set(re.findall(r"var\((--(?!tblr-)[\w-]+)\)", styles))

    assert used - set(re.findall(r"(--[\w-]+):", styles)) == set()


def test_the_scripts_evaluate_nothing() -> None:
    for script in sorted([*(ROOT / "static/js").glob("*.js"), *(ROOT / "static/embed").glob("*.*js")]):
        assert (
            re.findall(
                r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", script.read_text()
            )
            == []
        )


def test_templates_are_found_where_this_file_looks() -> None:
    assert settings.TEMPLATES[0]["DIRS"] == [ROOT / "templates"]
    assert len(TEMPLATES) > 15
