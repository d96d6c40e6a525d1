"""The schemas of RFC 7643 as scim2-models publishes them; `python -m tests.scim_server.standard_schemas` stores them."""

import json
from pathlib import Path
from typing import Any

from scim2_models import Context, EnterpriseUser, Group, User

STORED = Path(__file__).parents[2] / "portal/embedded/scim/protocol/schemas.json"


def standard_schemas() -> list[dict[str, Any]]:
    published = (one.to_schema() for one in (User, EnterpriseUser, Group))
    return [one.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE) for one in published]


if __name__ == "__main__":
    STORED.write_text(json.dumps(standard_schemas(), indent=2) + "\n", "utf-8")
