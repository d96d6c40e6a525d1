"""Tenant isolation: a query on an organization's rows starts from that organization."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).parents[2]
CHECKED = ("portal/embedded", "portal/scim_server")
# Tables without an organization: the project's own, and the organizations themselves.
# The table of tasks has no organization either: workers read it as a whole, and no request does.
SHARED = {"DBTaskResult"} | {
    one.__name__ for one in apps.get_app_config("directory").get_models() if not hasattr(one, "organization_id")
}
# A new row names its organization, and the database rejects one that refers to another organization's rows.
CREATING = {"create", "bulk_create"}

# The modules that may use across_organizations(), each with the reason.
ACROSS = {
    "portal/embedded/activity_archive.py": "the whole log goes to files",
    "portal/embedded/counts.py": "the job that counts the organizations that changed; pruning",
    "portal/embedded/project.py": "the JSON API names a member or a session by its ID, and learns the organization from it",
    "portal/embedded/invitations/jobs.py": "pruning",
    "portal/embedded/embedding/tickets.py": "pruning",
    "portal/embedded/sessions/discovery.py": "sign-in before an organization is chosen",
    "portal/embedded/sign_in/discovery.py": "the same for products",
    "portal/embedded/sign_in/email_tokens.py": "pruning",
    "portal/embedded/sign_in/requested_links.py": "a forgotten password, before an organization is chosen",
    "portal/embedded/sessions/lifecycle.py": "the hash of a token or a JWT finds its session; pruning",
    "portal/embedded/second_factors/passkeys.py": "pruning",
    "portal/embedded/second_factors/remembered_devices.py": "pruning",
    "portal/embedded/second_factors/stored.py": "encrypting all secrets under another key",
    "portal/embedded/members/project_members.py": "the JSON API gets a member by ID alone (Stytch: dangerously_get)",
    "portal/embedded/doctor/sms.py": "the operator's check: whether any member has a phone number",
    "portal/embedded/figures.py": "the operator's monitoring: numbers over all organizations",
    "portal/embedded/organizations/domain_checks.py": "the job that checks the domains of all organizations",
    "portal/embedded/organizations/domain_rows.py": "one organization in the whole project owns a domain",
    "portal/embedded/organizations/domains.py": "the same",
    "portal/embedded/organizations/former_slugs.py": "slugs are unique in the whole project",
    "portal/embedded/scim/protocol/client.py": "the hash of an older token finds its connection",
    "portal/embedded/scim/protocol/pagination.py": "rows by keys that a subquery finds in the connection",
    "portal/embedded/scim/deletion.py": "pruning",
    "portal/embedded/members/locks.py": "too many wrong passwords pause an address, not a member of one organization",
    "portal/embedded/members/sign_in_links.py": "pruning",
    "portal/embedded/scim/log/counting.py": "pruning",
    "portal/embedded/scim/log/pruning.py": "pruning",
    "portal/embedded/scim/reminders.py": "the job that sends the reminders of all organizations",
}


def modules() -> Iterator[tuple[str, str]]:
    for folder in CHECKED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


def unscoped(source: str) -> list[str]:
    """Return the expressions that start a query on rows of any organization."""
    tree = ast.parse(source)
    creating = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CREATING
    }
    return [ast.unparse(node) for node in ast.walk(tree) if id(node) not in creating and starts_query(node)]


def starts_query(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr == "objects":
        return ast.unparse(node.value).rpartition(".")[2] not in SHARED
    if isinstance(node, ast.Attribute):
        return node.attr.endswith(("default_manager", "base_manager"))
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"QuerySet", "Manager"}


def names(source: str, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(ast.parse(source)))


def test_queries_start_from_an_organization() -> None:
    found = {path: unscoped(source) for path, source in modules() if path != "portal/embedded/scope.py"}

    assert {path: where for path, where in found.items() if where} == {}


def test_only_named_modules_look_across_organizations() -> None:
    using = {path for path, source in modules() if names(source, "across_organizations")}

    assert using - {"portal/embedded/scope.py"} <= set(ACROSS)


@pytest.mark.parametrize(
    "source",
    [
        "models.MemberRow.objects.filter(pk=key)",
        "MemberRow.objects.get_or_create(pk=key)",
        "models.MemberRow._default_manager.all()",
        "model._meta.base_manager.all()",
        "parts.model.objects.filter(pk__in=keys)",
        "QuerySet(models.MemberRow)",
        "create(models.MemberRow.objects)",
    ],
)
def test_query_without_organization_is_found(source: str) -> None:
    assert len(unscoped(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "scope.of(models.MemberRow).filter(pk=key)",
        "rows_of(organization_id, models.MemberRow)",
        "member.sessions.filter(revoked_at=None)",
        "models.MemberRow.objects.create(organization_id=key)",
        "models.OrganizationRow.objects.filter(slug=slug)",
        "def rows() -> QuerySet[models.MemberRow]: ...",
    ],
)
def test_query_from_an_organization_is_accepted(source: str) -> None:
    assert unscoped(source) == []
