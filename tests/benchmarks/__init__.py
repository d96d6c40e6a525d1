"""Programs that measure. Importing this package sets Django up, so that they can import models."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
# Without a limit, which would count in the measured times.
os.environ.setdefault("SCIM_RATE_PER_CONNECTION", "1000000 per second")
django.setup()
