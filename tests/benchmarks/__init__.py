"""Programs that measure. Importing this package sets Django up, so that they can import models."""

import os

import django

# Programs that serve the portal get its settings from the environment; the others use those of the tests.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings" if "SECRET_KEY" in os.environ else "tests.settings")
# Without a limit, which would count in the measured times.
os.environ.setdefault("SCIM_RATE_PER_CONNECTION", "1000000 per second")
django.setup()
