"""Programs that measure. Importing this package sets Django up, so that they can import models."""

import os

import django

# Programs that serve the portal get its settings from the environment; the others use those of the tests.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings" if "SECRET_KEY" in os.environ else "tests.settings")
# Without limits, which would count in the measured times.
for limit in (
    "SCIM_RATE_PER_CONNECTION",
    "SIGN_IN_RATE_PER_ADDRESS",
    "SIGN_IN_RATE_PER_MEMBER",
    "SIGN_IN_TOTAL_PER_MEMBER",
    "SIGN_IN_EMAIL_RATE",
):
    os.environ.setdefault(limit, "1000000 per second")
django.setup()
