"""How names are stored and compared: without case, blanks at the ends, or another composition, and letter by letter."""

from typing import Any

import pytest

from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

KINDS = pytest.mark.parametrize(("kind", "name"), [("Users", "userName"), ("Groups", "displayName")])


def found(idp: Idp, kind: str, text: str) -> list[str]:
    listed = idp.get(f"/{kind}", filter=text, excludedAttributes="members").json()
    return [one["id"] for one in listed["Resources"]]


@KINDS
@pytest.mark.parametrize("sent", ["Sales Team", "Sales Team ", " Sales Team", "\tSales Team\u00a0", "  SALES team  "])
def test_leading_and_trailing_blanks_are_ignored(idp: Idp, kind: str, name: str, sent: str) -> None:
    """Directories and HR systems have such names. A client that looks one up must find what it created."""
    created = idp.send("POST", f"/{kind}", {name: sent}).json()
    assert created[name] == sent.strip()

    for text in (sent, "Sales Team ", " sales team"):
        value = text.replace("\t", "\\t")
        for operator in ("eq", "sw", "ew", "co", "ge", "le"):
            assert found(idp, kind, f'{name} {operator} "{value}"') == [created["id"]], (operator, text)
        assert found(idp, kind, f'{name} eq "{value}" and meta.created pr') == [created["id"]]
        assert found(idp, kind, f'{name} ne "{value}"') == []
        error_of(idp.send("POST", f"/{kind}", {name: text}), 409, "uniqueness")
    assert idp.send("PUT", f"/{kind}/{created['id']}", {name: sent}).status_code == 200


@KINDS
def test_a_single_blank_is_looked_up_as_it_is(idp: Idp, kind: str, name: str) -> None:
    ids = [idp.send("POST", f"/{kind}", {name: text}).json()["id"] for text in ("Sales Team", "Sales")]

    assert found(idp, kind, f'{name} co " "') == ids[:1]
    assert found(idp, kind, f'{name} eq " "') == []


def test_blanks_in_group_names_are_ignored_everywhere(idp: Idp) -> None:
    ada = idp.create_user("ada")
    inner = idp.create_group("Inner ", [ada])
    outer = idp.create_group("Outer", [inner])

    for group in ("Inner ", "Outer "):
        assert found(idp, "Users", f'groups.display eq "{group}"') == [ada]
    assert found(idp, "Groups", 'members[display eq "inner "]') == [outer]


@KINDS
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Weiß", "Weiss"),
        ("ﬁnance", "finance"),
        ("Team ①", "Team 1"),
        ("№ 5", "No 5"),
        ("x²", "x2"),
        ("ｆｕｌｌ", "full"),
    ],
)
def test_names_with_different_letters_are_different(idp: Idp, kind: str, name: str, one: str, other: str) -> None:
    ids = [idp.send("POST", f"/{kind}", {name: text}).json()["id"] for text in (one, other)]

    assert [found(idp, kind, f'{name} eq "{text.upper() if text.isascii() else text}"') for text in (one, other)] == [
        [key] for key in ids
    ]


@KINDS
@pytest.mark.parametrize(
    ("one", "other"),
    [("Åsa", "A\u030asa"), ("Å", "\u212b"), ("Weiß", "WEIẞ"), ("ΣΟΦΟΣ", "σοφος"), ("İzmir", "i̇zmir"), ("Ǆ", "ǆ")],
)
def test_names_that_differ_in_case_or_composition_are_the_same(
    idp: Idp, kind: str, name: str, one: str, other: str
) -> None:
    created = idp.send("POST", f"/{kind}", {name: one}).json()["id"]

    assert found(idp, kind, f'{name} eq "{other}"') == [created]
    error_of(idp.send("POST", f"/{kind}", {name: other}), 409, "uniqueness")


@pytest.mark.parametrize(
    ("attribute", "sent", "same", "not_same"),
    [
        ("title", "Straße", "STRAẞE", "Strasse"),
        ("displayName", "ﬁn", "ﬁN", "fin"),
        ("emails.value", "Ann@weiß.example", "ann@WEIẞ.example", "ann@weiss.example"),
    ],
)
def test_other_texts_are_compared_in_the_same_way(
    idp: Idp, attribute: str, sent: str, same: str, not_same: str
) -> None:
    attributes: dict[str, Any] = {"emails": [{"value": sent}]} if "." in attribute else {attribute: sent}
    ada = idp.create_user("ada", **attributes)

    assert found(idp, "Users", f'{attribute} eq "{same}"') == [ada]
    assert found(idp, "Users", f'{attribute} eq "{not_same}"') == []
