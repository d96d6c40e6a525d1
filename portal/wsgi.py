"""The WSGI application: `granian --interface wsgi portal.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

from portal.access import rates  # noqa: E402 -- needs the settings
from portal.directories import verify_database  # noqa: E402 -- needs the app registry

rates.warm_up()
verify_database()

# What is there now stays as long as the process: the garbage collector need not go through it again and again, which took a
# twentieth of a bulk request.
gc.collect()
gc.freeze()
