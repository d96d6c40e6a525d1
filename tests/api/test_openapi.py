"""The OpenAPI document against the API: every response is one that the document declares."""

import json
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.api.openapi import openapi_document
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret
from tests import factories

SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi_document()))
SCHEMA.app = get_wsgi_application()
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# 501 is the response of what is not offered, and no failure.
NOT_OFFERED = 501


def test_programs_that_are_generated_from_the_document_have_clear_names() -> None:
    document = json.loads(openapi_document())
    operations = [one["operationId"] for path in document["paths"].values() for one in path.values()]

    assert len(operations) == len(set(operations))
    assert [name for name in document["components"]["schemas"] if not name.isalpha()] == []


@pytest.mark.usefixtures("connection_stays")
@SCHEMA.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_response_is_one_that_the_document_names(
    case: schemathesis.Case[Any],
    project: NewProjectSecret,
    admin: models.MemberRow,
    connection: models.ScimConnectionRow,
) -> None:
    is_browser = case.operation.path.startswith("/sdk/")
    user = project.public_token if is_browser else project.project_id
    password = factories.product_session_token(admin) if is_browser else project.secret

    response = case.call(auth=(user, password))

    case.validate_response(response, checks=CHECKS)


def test_the_reference_names_every_permission_that_a_method_needs(db: None) -> None:
    page = Client().get("/docs/api/").content.decode()

    assert "<code>stytch.scim:update</code> and <code>stytch.scim:get</code>" in page
