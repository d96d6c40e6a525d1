"""What an entry says, in words."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from portal.directory.activity import ACTIONS, ActivityEntry
from portal.directory.actor import Actor, ActorType
from portal.web.activity.changes import changes, field_name
from portal.web.activity.sentences import KNOWN_ACTIONS, sentence
from portal.web.user_agents import browser_name

EMBEDDED = Path(__file__).parents[3] / "portal" / "embedded"
NORA = Actor(ActorType.MEMBER, "member-live-1", "Nora North")
OKTA = Actor(ActorType.SCIM, "scim-connection-live-1", "Okta production")
# What the project does to itself, which no organization sees.
OF_THE_PROJECT = {
    "activity_log.archive",
    "project_secret.create",
    "project_secret.revoke",
    "signing_key.create",
    "signing_key.reencrypt",
    "signing_key.rotate",
}
NOUNS = "activity_log|embed_ticket|invitation_job|member|member_session|organization|project_secret|role|scim_[a-z]+|signing_key"


def entry(action: str, actor: Actor = NORA, target: str = "Engineering", **more: Any) -> ActivityEntry:
    return ActivityEntry("activity-live-1", datetime.now(UTC), actor, action, "target-live-1", target, **more)


def recorded_actions() -> set[str]:
    """Return the actions that the code records."""
    written = [path.read_text() for path in EMBEDDED.rglob("*.py") if "migrations" not in path.parts]
    found = {name for text in written for name in re.findall(rf'"((?:{NOUNS})\.[a-z_]+)"', text)}
    rotation = {f"scim_connection.rotate_{step}" for step in ("start", "complete", "cancel")}
    decisions = {f"scim_connection.safeguard_{decision}" for decision in ("keep", "rearm", "release")}
    return found | rotation | decisions


def test_every_action_that_is_recorded_has_a_sentence_and_a_kind() -> None:
    actions = recorded_actions() - OF_THE_PROJECT

    assert actions - KNOWN_ACTIONS == set()
    assert KNOWN_ACTIONS - actions == set()
    names = [name for kind in ACTIONS.values() for name in kind]
    assert [
        action
        for action in actions
        if not any(action.startswith(name) if name.endswith(".") else action == name for name in names)
    ] == []


EDITOR: dict[str, Any] = {"before": {"roles": []}, "after": {"roles": ["editor"]}}
SENTENCES: dict[str, tuple[ActivityEntry, str, str]] = {
    "a role": (entry("scim_group.update_roles", **EDITOR), "Nora North gave Engineering the role Editor", ""),
    "several roles": (
        entry("scim_group.update_roles", before={"roles": []}, after={"roles": ["stytch_admin", "editor", "viewer"]}),
        "Nora North gave Engineering the roles Admin, Editor and Viewer",
        "",
    ),
    "a role less": (
        entry("scim_group.update_roles", before={"roles": ["editor"]}, after={"roles": []}),
        "Nora North took the role Editor from Engineering",
        "",
    ),
    "other roles": (
        entry("scim_group.update_roles", before={"roles": ["editor"]}, after={"roles": ["viewer"]}),
        "Nora North changed the roles of Engineering",
        "Added: Viewer. Removed: Editor.",
    ),
    "a member's role": (
        entry("member.update", target="lee@acme.example", **EDITOR),
        "Nora North gave lee@acme.example the role Editor",
        "",
    ),
    "a member": (
        entry("member.update", OKTA, "lee@acme.example", before={"name": "Lee"}, after={"name": "Lee Park"}),
        "Okta production changed the member lee@acme.example",
        "Name",
    ),
    "a group": (
        entry(
            "scim_group.update",
            OKTA,
            before={"members_left": {"number": 1, "ids": ["scim-user-live-1"]}},
            after={"members_joined": {"number": 1200, "ids": []}},
        ),
        "Okta production changed the group Engineering",
        "1,200 people joined, 1 person left",
    ),
    "a hold": (
        entry("scim_connection.safeguard", OKTA, "Okta production", after={"deactivated": 212, "people": 998}),
        "The deactivation safeguard put deactivations on hold for Okta production",
        "212 of 998 people deactivated within an hour",
    ),
    "a sign-in": (
        entry("member_session.create", target="nora@acme.example"),
        "Nora North signed in",
        "nora@acme.example",
    ),
    "a frame": (
        entry(
            "member_session.embed", target="nora@acme.example", after={"parent_origin": "https://app.acme.example:8443"}
        ),
        "Nora North opened the portal in pages of https://app.acme.example:8443",
        "nora@acme.example",
    ),
    "a ticket": (
        entry(
            "embed_ticket.create",
            Actor(ActorType.PROJECT, "secret-live-1", "secret …abcd"),
            "nora@acme.example",
            after={"areas": ["scim"], "parent_origin": "https://app.acme.example"},
        ),
        "The product created an embed ticket for nora@acme.example in pages of https://app.acme.example",
        "",
    ),
    "an origin": (
        entry("organization.add_embed_origin", target="Acme", after={"parent_origin": "https://app.acme.example"}),
        "Nora North allowed embedding the portal of Acme in pages of https://app.acme.example",
        "",
    ),
    "an origin less": (
        entry("organization.remove_embed_origin", target="Acme", before={"parent_origin": "https://app.acme.example"}),
        "Nora North stopped embedding the portal of Acme in pages of https://app.acme.example",
        "",
    ),
    "another's session": (
        entry("member_session.revoke", Actor(ActorType.PROJECT, "secret-live-1", "secret …abcd"), "lee@acme.example"),
        "The product ended a session of lee@acme.example",
        "",
    ),
    "the operator": (
        entry(
            "organization.update", Actor(ActorType.OPERATOR, name="worker"), "Acme", after={"organization_name": "Acme"}
        ),
        "The operator changed the settings of Acme",
        "Organization name",
    ),
    "a link that was shown": (
        entry("member.send_sign_in_link", target="lee@acme.example", after={"is_emailed": False}),
        "Nora North created a sign-in link for lee@acme.example",
        "",
    ),
    "something unknown": (
        entry("billing_plan.switch_owner", target="Gold"),
        "Nora North performed “Billing plan: switch owner” on Gold",
        "",
    ),
}


@pytest.mark.parametrize(("shown", "text", "note"), SENTENCES.values(), ids=SENTENCES)
def test_an_entry_is_a_sentence(shown: ActivityEntry, text: str, note: str) -> None:
    assert (sentence(shown).text, sentence(shown).note) == (text, note)


def test_a_change_shows_what_is_new_and_what_is_gone() -> None:
    before = {"display_name": "Okta", "roles": ["editor", "viewer"], "active": True, "contacts": []}
    after = {
        "display_name": "Okta EU",
        "roles": ["viewer", "billing"],
        "active": False,
        "name": {"givenName": "Lee", "familyName": "Park"},
        "emails": [{"value": "a@b.example"}],
    }

    found = {
        change.name: (
            [(value.text, value.is_changed) for value in change.before],
            [(value.text, value.is_changed) for value in change.after],
        )
        for change in changes(entry("x.update", before=before, after=after))
    }

    assert found == {
        "Display name": ([("Okta", True)], [("Okta EU", True)]),
        "Roles": ([("editor", True), ("viewer", False)], [("viewer", False), ("billing", True)]),
        "Active": ([("Yes", True)], [("No", True)]),
        "Contacts": ([], []),
        "Emails": ([], [("a@b.example", True)]),
        "Name": ([], [("Given name: Lee, Family name: Park", True)]),
    }


def test_fields_have_the_names_that_people_read() -> None:
    names = (
        "display_name",
        "displayName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "is_breakglass",
    )

    assert [field_name(name) for name in names] == ["Display name", "Display name", "Work", "Emergency access"]


MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (MAC, "Chrome on macOS"),
        (f"{MAC} Edg/126.0", "Edge on macOS"),
        (PHONE, "Safari on iPhone"),
        ("Okta SCIM Client", "Okta SCIM Client"),
        ("", ""),
    ],
)
def test_a_browser_has_a_name(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
