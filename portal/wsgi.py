"""The WSGI application, which `manage.py serve` serves."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from portal import metrics
from portal.access import rate_limits
from portal.directories import announce_process, start_worker, verify_database
from portal.serving.guard import Guard
from portal.serving.threads import Threads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_wsgi_application()
application = Guard(django_application, Threads(settings.REQUESTS_AT_ONCE))
metrics.start()
rate_limits.warm_up()
verify_database()
announce_process()
if settings.SERVE_WORKER:
    start_worker()

# Everything loaded so far lives as long as the process. Without freezing it, garbage collection takes 5% of a bulk request.
gc.collect()
gc.freeze()
