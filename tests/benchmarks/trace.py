"""Count the project's files and functions that a request runs through.

    PYTHONPATH=. python tests/benchmarks/trace.py           print the counts as JSON
    PYTHONPATH=. python tests/benchmarks/trace.py --list    print each function, by file

The requests are a SCIM PATCH of one attribute and the groups page, each sent once before, as caches are filled then.
Run this file in the root of another checkout to trace that one.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.test import Client
from django.test.utils import setup_databases, setup_test_environment, teardown_databases

from portal.directory.ids import public_id
from tests import factories

ROOT = Path.cwd()
PRODUCT = ("portal", "scim_admin")
TOKEN = "scim_token-of-the-trace"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

Functions = dict[str, set[str]]


def trace(request: Callable[[], Any]) -> Functions:
    """Return the functions that a request runs through, by file. Raise AssertionError if it fails."""
    codes: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            codes.add(frame.f_code)

    sys.setprofile(note)
    try:
        response = request()
    finally:
        sys.setprofile(None)
    assert response.status_code == 200, response.content
    found: Functions = {}
    for code in codes:
        path = Path(code.co_filename)
        name = code.co_qualname.rpartition(".<locals>.")[2]
        # What else has a code object isn't a function of its own.
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PRODUCT and not name.endswith(">"):
            found.setdefault(str(path.relative_to(ROOT)), set()).add(code.co_qualname)
    return found


def requests() -> dict[str, Callable[[], Any]]:
    """Return the requests by name, on an organization that is created for them."""
    organization = factories.organization("acme")
    admin = factories.signed_in(factories.member(organization, "ada@acme.example", roles=["stytch_admin"]))
    connection = factories.scim_connection(organization, bearer_token=TOKEN)
    factories.scim_groups(connection, [f"Group {number}" for number in range(20)])
    base = f"/v1/b2b/scim/{public_id('scim-connection', connection.pk)}"
    idp = Client(headers={"Authorization": f"Bearer {TOKEN}"})
    kind = "application/scim+json"
    user = idp.post(f"{base}/Users", {"userName": "ann@acme.example"}, content_type=kind).json()["id"]
    titles = iter(range(10))

    def patch() -> Any:
        operation = {"op": "replace", "path": "title", "value": f"Title {next(titles)}"}
        body = {"schemas": [PATCH_OP], "Operations": [operation]}
        return idp.patch(f"{base}/Users/{user}", body, content_type=kind)

    return {"SCIM PATCH of one attribute": patch, "groups page": lambda: admin.get("/o/acme/scim/groups/")}


def main() -> None:
    """Trace both requests in a test database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print each function")
    options = parser.parse_args()
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        traced = {}
        for name, request in requests().items():
            request()
            traced[name] = trace(request)
    finally:
        teardown_databases(databases, verbosity=0)
    if options.list:
        for name, found in traced.items():
            print(name)
            for path, functions in sorted(found.items()):
                print(f"  {path}", *sorted(functions), sep="\n    ")
        return
    counts = {name: {"files": len(found), "functions": sum(map(len, found.values()))} for name, found in traced.items()}
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
