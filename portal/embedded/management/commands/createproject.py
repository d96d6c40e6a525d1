"""`manage.py createproject`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.project_secrets import create_project_secret


class Command(OperatorCommand):
    """Create a secret of the project for a backend, and the project itself the first time."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:
        """Create the secret."""
        new = create_project_secret(origin=origin)
        return Output(
            {"project_id": new.project_id, "secret": new.secret, "public_token": new.public_token},
            f"Project:       {new.project_id}\n"
            f"Secret:        {new.secret}\n"
            f"Public token:  {new.public_token}\n"
            "Copy the secret now. It won't be shown again. Earlier secrets stay valid.",
        )
