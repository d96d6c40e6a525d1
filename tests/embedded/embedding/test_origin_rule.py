"""Which origins can be registered, for an organization and in PROJECT_FILE alike."""

from pathlib import Path

import pytest

from portal.directory.configuration import load_configuration
from portal.directory.configuration_file import as_toml
from portal.directory.embed_origins import check_origin, origin_problem
from portal.directory.errors import Invalid

EXACT = [
    "https://app.example.com",
    "https://app.example.com:8443",
    "https://example",
    "https://xn--bcher-kva.example",
    "https://192.0.2.7",
    "https://[2001:db8::1]:8443",
    "https://localhost",
]
LOOPBACK = ["http://localhost", "http://localhost:3000", "http://127.0.0.1:8001", "http://[::1]:8001"]
# What is wrong, and what the message says to do about it.
REJECTED = {
    "": "https://app.example.com",
    "app.example.com": "https://app.example.com",
    "https://": "https://app.example.com",
    "https:///": "https://app.example.com",
    "null": "https://app.example.com",
    "https://app.example.com/": "no slash at the end: https://app.example.com.",
    "https://app.example.com/x?y#z": "no path",
    "https://app.example.com?x": "https://app.example.com",
    "https://app.example.com#x": "https://app.example.com",
    "https://ada@app.example.com": "no user name: https://app.example.com.",
    "https://ada:x@app.example.com": "no user name",
    "https://APP.example.com": "lower case: https://app.example.com.",
    "HTTPS://app.example.com": "lower case",
    "https://app.example.com:443": "leave the default port out: https://app.example.com.",
    "https://app.example.com:": "a browser would send",
    "https://app.example.com:0443": "leave the default port out",
    "https://app.example.com:99999": "isn't an origin",
    "https://app.example.com:x": "isn't an origin",
    "https://*.example.com": "Register each origin on its own",
    "https://*": "someone else controls",
    "*": "Register each origin on its own",
    "https://app.example.com https://evil.example": "without spaces",
    "https://app.example.com;script-src": "a browser would send",
    "https://app.example.com,https://evil.example": "no path",
    "https://app..example.com": "a browser would send",
    "https://-app.example.com": "a browser would send",
    "https://app_1.example.com'": "a browser would send",
    "https://bücher.example": "punycode",
    "https://app.example.com\r\nX-Evil: 1": "without spaces",
    "https://[::1": "isn't an origin",
    "https://[2001:0db8::1]": "a browser would send",
    "http://app.example.com": "Use https",
    "http://10.0.0.1": "Use https",
    "http://localhost.example.com": "Use https",
    "ftp://app.example.com": "https://",
    "file:///x": "https://",
    "javascript:alert(1)": "https://",
    "data:text/html,x": "https://",
    f"https://{'a' * 300}.example": "1 to 255",
}


@pytest.mark.parametrize("origin", EXACT)
def test_an_exact_origin_is_accepted(origin: str) -> None:
    assert check_origin(origin, allows_http=False) == origin


@pytest.mark.parametrize("origin", LOOPBACK)
def test_this_computer_needs_its_setting(origin: str) -> None:
    assert origin_problem(origin, allows_http=True) == ""
    assert "only where the portal itself does" in origin_problem(origin, allows_http=False)


@pytest.mark.parametrize("origin", REJECTED)
def test_anything_else_is_rejected_with_the_fix(origin: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_origin(origin, allows_http=True)
    assert caught.value.field == "origin"
    assert REJECTED[origin] in caught.value.detail


def load(tmp_path: Path, *origins: str, allows_http: bool = False) -> tuple[str, ...]:
    path = tmp_path / "project.toml"
    path.write_text(f"[embed]\norigins = {list(origins)!r}\n")
    return load_configuration(path, allows_http=allows_http).embed.origins


def test_the_file_of_the_project_has_the_same_rule(tmp_path: Path) -> None:
    assert load(tmp_path, *EXACT) == tuple(EXACT)
    assert load(tmp_path, *LOOPBACK, allows_http=True) == tuple(LOOPBACK)
    for wrong in (["http://localhost"], ["https://*.example.com"], ["https://a.example", "https://a.example"]):
        with pytest.raises(ValueError, match=r"embed\.origins has"):
            load(tmp_path, *wrong)
    with pytest.raises(ValueError, match="more than 20"):
        load(tmp_path, *(f"https://app{number}.example" for number in range(21)))


def test_the_file_is_printed_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "project.toml"
    path.write_text(f"[embed]\norigins = {EXACT!r}\n")
    printed = tmp_path / "printed.toml"
    printed.write_text(as_toml(load_configuration(path)))

    assert load_configuration(printed) == load_configuration(path)
