"""The WSGI application: `granian --interface wsgi --http 1 --blocking-threads 256 portal.wsgi:application`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_wsgi_application()

from django.conf import settings  # noqa: E402 -- needs the environment

from portal.access import rate_limits  # noqa: E402 -- needs the settings
from portal.directories import verify_database  # noqa: E402 -- needs the app registry
from portal.serving.guard import Guard  # noqa: E402 -- as above
from portal.serving.threads import Threads  # noqa: E402 -- as above

application = Guard(django_application, Threads(settings.REQUESTS_AT_ONCE))
rate_limits.warm_up()
verify_database()

# What is there now stays as long as the process: the garbage collector need not go through it again and again, which took a
# twentieth of a bulk request.
gc.collect()
gc.freeze()
