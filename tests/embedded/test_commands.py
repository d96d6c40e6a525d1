"""The operator's commands, with output for people and, with --json, for scripts."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.embedded import models
from portal.embedded.tokens import token_hash
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def run_json(command: str, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(command, *arguments, "--json"))
    return answer


def create_acme() -> dict[str, Any]:
    return run_json("createorganization", "--name", "Acme", "--slug", "acme")


def test_create_organization() -> None:
    answer = create_acme()

    row = models.OrganizationRow.objects.get()
    assert answer == {"organization_id": f"organization-live-{row.pk}", "organization_slug": "acme"}
    assert "Created organization Globex (organization-live-" in run(
        "createorganization", "--name", "Globex", "--slug", "globex"
    )


def test_member_without_password_gets_a_working_link() -> None:
    create_acme()

    answer = run_json("createmember", "--organization", "acme", "--email", "ada@acme.com", "--role", "stytch_admin")

    assert answer["member_id"] == f"member-live-{models.MemberRow.objects.get().pk}"
    client = Client()
    path, _, token = answer["sign_in_link"].removeprefix("http://127.0.0.1:8000").partition("?token=")
    assert client.post(path, {"token": token, "password": PASSWORD}).status_code == 303
    assert client.get("/o/acme/scim/").status_code == 200


def test_sign_in_link_is_emailed_or_printed(settings: Settings) -> None:
    create_acme()
    factories.member(models.OrganizationRow.objects.get(), "ada@acme.com", password=PASSWORD)
    wanted = ("--organization", "acme", "--email", "ADA@acme.com")

    printed = run_json("sendsigninlink", *wanted)
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"
    assert "Queued a one-time link to ada@acme.com" in run("sendsigninlink", *wanted)
    run_tasks()
    assert run_json("sendsigninlink", *wanted).keys() == {"email_address", "expires_at"}
    run_tasks()
    newest = run_json("sendsigninlink", *wanted, "--print")

    assert [message.to for message in mail.outbox] == [["ada@acme.com"]] * 2
    paths = [link["sign_in_link"].removeprefix("http://127.0.0.1:8000") for link in (printed, newest)]
    assert [Client().get(path).status_code for path in paths] == [410, 200]
    assert models.ActivityEntryRow.objects.filter(action="member.send_sign_in_link", actor_type="operator").count() == 4


def test_sign_in_link_for_unknown_member_names_the_option() -> None:
    create_acme()
    factories.member(models.OrganizationRow.objects.get(), "gone@acme.com")
    models.MemberRow.objects.update(status="deleted")

    for email, message in (
        ("who@acme.com", "--email: .* isn't a member"),
        ("gone@acme.com", "--email: .* deactivated"),
    ):
        with pytest.raises(CommandError, match=message):
            run("sendsigninlink", "--organization", "acme", "--email", email)
    with pytest.raises(CommandError, match="--organization"):
        run("sendsigninlink", "--organization", "none", "--email", "ada@acme.com")


def test_member_with_password_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    create_acme()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))

    answer = run_json("createmember", "--organization", "acme", "--email", "ada@acme.com", "--password-stdin")

    assert answer.keys() == {"member_id"}
    signed_in = Client().post("/o/acme/sign-in/", {"email_address": "ada@acme.com", "password": PASSWORD})
    assert signed_in.status_code == 303


def test_create_scim_connection_prints_its_token() -> None:
    create_acme()

    answer = run_json(
        "createscimconnection", "--organization", "acme", "--display-name", "Okta", "--identity-provider", "okta"
    )

    row, stored = models.ScimConnectionRow.objects.get(), models.ScimTokenRow.objects.get()
    assert answer["connection_id"] == f"scim-connection-live-{row.pk}"
    assert answer["base_url"] == f"http://127.0.0.1:8000/v1/b2b/scim/{answer['connection_id']}"
    assert answer["bearer_token"].startswith("scim_")
    assert len(answer["bearer_token"]) >= len("scim_") + 43  # 256 bits
    assert bytes(stored.token_hash) == token_hash(answer["bearer_token"])
    assert stored.last_four == answer["bearer_token"][-4:]
    assert timedelta(days=364) < stored.expires_at - timezone.now() < timedelta(days=366)


def test_token_rotation_keeps_both_tokens_valid() -> None:
    create_acme()
    first = run_json("createscimconnection", "--organization", "acme", "--display-name", "Okta")

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return Client().get(f"/v1/b2b/scim/{first['connection_id']}/Users", headers=headers).status_code

    def step(name: str) -> dict[str, str]:
        return run_json("rotatescimtoken", name, "--organization", "acme")

    dropped = step("start")["next_bearer_token"]
    step("cancel")
    following = step("start")["next_bearer_token"]
    assert [status(token) for token in (first["bearer_token"], dropped, following)] == [200, 401, 200]

    assert step("complete")["bearer_token_last_four"] == following[-4:]
    assert [status(token) for token in (first["bearer_token"], dropped, following)] == [401, 401, 200]
    with pytest.raises(CommandError, match="is not being rotated"):
        step("complete")


def test_printed_base_url_for_entra_has_microsofts_parameter() -> None:
    create_acme()
    run("createorganization", "--name", "Globex", "--slug", "globex")
    options = ("--display-name=Entra", "--identity-provider=microsoft-entra")

    answer = run_json("createscimconnection", "--organization=acme", *options)

    assert answer["base_url"].endswith(f"/v1/b2b/scim/{answer['connection_id']}")
    assert "?aadOptscim062020\n" in run("createscimconnection", "--organization=globex", *options)


def test_second_secret_belongs_to_the_same_project() -> None:
    first, second = run_json("createproject"), run_json("createproject")

    assert first.keys() == {"project_id", "secret", "public_token"}
    assert (first["project_id"], first["public_token"]) == (second["project_id"], second["public_token"])
    assert first["secret"] != second["secret"]
    stored = {bytes(secret.secret_hash) for secret in models.ProjectSecretRow.objects.all()}
    assert stored == {token_hash(first["secret"]), token_hash(second["secret"])}


def test_list_and_revoke_secret() -> None:
    first, second = run_json("createproject")["secret"], run_json("createproject")["secret"]
    listed = run_json("projectsecrets")
    assert sorted(listed.values()) == sorted([first[-4:], second[-4:]])

    revoked = next(secret_id for secret_id, last_four in listed.items() if last_four == first[-4:])
    run_json("revokeprojectsecret", revoked)

    assert list(run_json("projectsecrets").values()) == [second[-4:]]
    assert models.ActivityEntryRow.objects.filter(action="project_secret.revoke").count() == 1
    with pytest.raises(CommandError, match="List the secrets with projectsecrets"):
        run_json("revokeprojectsecret", revoked)


def test_prune_sessions() -> None:
    member = factories.member(factories.organization("acme"), "ada@acme.example")
    live, revoked, expired, lately = (
        models.MemberSessionRow.objects.get(token_hash=token_hash(one))
        for one in [factories.session_token(member) for _ in range(4)]
    )
    now = timezone.now()
    ends = {revoked: {"revoked_at": now - timedelta(days=2)}, expired: {"expires_at": now - timedelta(days=2)}}
    ends[lately] = {"revoked_at": now - timedelta(hours=2)}
    for session, end in ends.items():
        models.MemberSessionRow.objects.filter(pk=session.pk).update(**end)

    assert run_json("prunesessions") == {
        "deleted": "2",
        "deleted_intermediate_sessions": "0",
        "deleted_rate_limit_counters": "0",
    }
    assert set(models.MemberSessionRow.objects.values_list("pk", flat=True)) == {live.pk, lately.pk}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["createorganization", "--name", "Acme", "--slug", "acme"], "--slug: An organization already has the slug"),
        (["createorganization", "--name", " ", "--slug", "other"], "--name: "),
        (["createorganization", "--name", "x" * 129, "--slug", "other"], "--name: "),
        (["createorganization", "--name", "a\0b", "--slug", "other"], "--name: "),
        (["createorganization", "--name", "Other", "--slug", "a b"], "--slug: "),
        (["createorganization", "--name", "Other", "--slug", "ab\n"], "--slug: "),
        (
            ["createmember", "--organization", "none", "--email", "a@b.example"],
            '--organization: The organization "none" doesn\'t exist',
        ),
        (["createmember", "--organization", "acme", "--email", "ada"], "--email: "),
        (
            ["createmember", "--organization", "acme", "--email", "a@b.example", "--role", "x"],
            '--role: The role "x" does not exist',
        ),
        (["createmember", "--organization", "acme", "--email", "ADA@acme.com"], "--email: "),
        (
            ["createscimconnection", "--organization", "none", "--display-name", "Okta"],
            '--organization: The organization "none" doesn\'t exist',
        ),
        (["createscimconnection", "--organization", "acme", "--display-name", ""], "--display-name: "),
        (["createscimconnection", "--organization", "acme", "--display-name", "x" * 257], "--display-name: "),
        (["createscimconnection", "--organization", "acme", "--display-name", "Two"], "--organization: "),
    ],
)
def test_error_names_the_option_and_changes_nothing(arguments: list[str], complaint: str) -> None:
    create_acme()
    run("createmember", "--organization", "acme", "--email", "ada@acme.com")
    run("createscimconnection", "--organization", "acme", "--display-name", "Okta")
    before = [model.objects.count() for model in (models.OrganizationRow, models.MemberRow, models.ActivityEntryRow)]

    with pytest.raises(CommandError) as error:
        run(*arguments)

    assert str(error.value).startswith(complaint)
    assert before == [
        model.objects.count() for model in (models.OrganizationRow, models.MemberRow, models.ActivityEntryRow)
    ]


def test_commands_write_activity_entries_without_secrets() -> None:
    create_acme()
    link = run_json("createmember", "--organization", "acme", "--email", "ada@acme.com")["sign_in_link"]
    token = run_json("createscimconnection", "--organization", "acme", "--display-name", "Okta")["bearer_token"]
    secret = run_json("createproject")["secret"]

    entries = list(models.ActivityEntryRow.objects.order_by("id").values())
    assert [entry["action"] for entry in entries] == [
        "organization.create",
        "member.create",
        "scim_connection.create",
        "project_secret.create",
    ]
    assert {entry["actor_type"] for entry in entries} == {"operator"}
    assert entries[0]["after"] == {"name": "Acme", "slug": "acme", "email_allowed_domains": []}
    for hidden in (link.partition("token=")[2], token, secret):
        assert hidden not in str(entries)


def test_the_language_of_an_organizations_emails() -> None:
    create_acme()
    said = run("mail", "language", "acme", "--locale", "de-DE")

    assert said == "Emails to members of acme are now in de-DE, unless they chose a language.\n"
    assert models.OrganizationRow.objects.get().locale == "de-DE"
    entry = models.ActivityEntryRow.objects.get(action="organization.update")
    assert (entry.before, entry.after) == ({"locale": ""}, {"locale": "de-DE"})
    with pytest.raises(CommandError, match="invalid choice"):
        run("mail", "language", "acme", "--locale", "xx")
    with pytest.raises(CommandError, match="doesn't exist"):
        run("mail", "language", "globex", "--locale", "fr")
    assert run_json("mail", "language", "acme", "--locale", "") == {"organization_slug": "acme", "locale": ""}
