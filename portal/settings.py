"""All settings, read once from the environment (and from `.env`); docs/configure.md explains each.

A missing or invalid value stops startup with a message that names it.
"""

import warnings
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal.directory.configuration import ProjectConfiguration, load_configuration
from portal.directory.policy import Policy, load_policy
from portal.environment import (
    RENAMED_SETTINGS,
    bounds,
    certificates,
    embed_url,
    env,
    file,
    flag,
    header_name,
    host_name,
    key,
    networks,
    one_of,
    origins,
    ports,
    proxy,
    rate,
    rates,
    required,
    resolvers,
    secret,
    secrets,
    whole_number,
)
from portal.folders import HOME, RESOURCES
from portal.logs import configure_logging
from portal.sms.url import SmsService, parse_sms_url


def policy(name: str) -> Policy:
    """Return the default roles and resources, extended by the file that is set. Raise ImproperlyConfigured if it's invalid."""
    try:
        path = str(env.str(name, default=""))
        return load_policy(Path(path) if path else None)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def project(name: str, redirect_urls: str, *, allows_http: bool) -> ProjectConfiguration:
    """Return the project's configuration. Raise ImproperlyConfigured if it's invalid.

    The setting `redirect_urls` counts for every type of redirect URL that the file doesn't list.
    """
    path = str(env.str(name, default=""))
    urls = tuple(str(text).strip() for text in env.list(redirect_urls, default=[]))
    try:
        return load_configuration(Path(path) if path else None, urls, allows_http=allows_http)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name if path else redirect_urls}: {error}") from error


def timeouts() -> dict[str, int]:
    """Return PostgreSQL's timeouts in seconds by name; 0 sets none. Raise ImproperlyConfigured if one is out of range."""
    return {
        "statement_timeout": whole_number("DATABASE_STATEMENT_TIMEOUT", default=60, minimum=0, maximum=3600),
        "lock_timeout": whole_number("DATABASE_LOCK_TIMEOUT", default=10, minimum=0, maximum=3600),
        "idle_in_transaction_session_timeout": whole_number(
            "DATABASE_IDLE_TRANSACTION_TIMEOUT", default=60, minimum=0, maximum=3600
        ),
    }


# How long to wait for a database server that doesn't respond (libpq's names; in seconds, the last in milliseconds).
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def database() -> dict[str, Any]:
    """Return the database of DATABASE_URL with the options of its engine. Raise ImproperlyConfigured for other engines."""
    url = secret("DATABASE_URL", default=f"sqlite:///{HOME / 'gatehouse.sqlite3'}")
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    match str(config.get("ENGINE", "")).rpartition(".")[2]:
        case "sqlite3":
            config["ENGINE"] = "portal.embedded.database.sqlite"
            config["OPTIONS"] = {
                # A transaction takes the write lock when it starts, so none fails later with "locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-16000;",
            }
        case "postgresql":
            config["CONN_MAX_AGE"] = whole_number("DATABASE_CONN_MAX_AGE", default=600, minimum=0, maximum=86_400)
            config["CONN_HEALTH_CHECKS"] = True
            config["ENGINE"] = "portal.embedded.database.postgresql"
            is_prepared = flag("DATABASE_PREPARE", default=True)
            # A server-side cursor outlives its transaction, after which the pooler may use another connection.
            config["DISABLE_SERVER_SIDE_CURSORS"] = not is_prepared
            config["OPTIONS"] = {
                "server_side_binding": True,
                "prepare_threshold": 1 if is_prepared else None,
                "timeouts": timeouts(),
                **_NETWORK,
                **config.get("OPTIONS", {}),
            }
        case _:
            raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgres://.")
    return config


def mail() -> dict[str, Any]:
    """Return the email settings of EMAIL_URL, or {} if it's not set. Raise ImproperlyConfigured if it's invalid."""
    url = secret("EMAIL_URL")
    if not url:
        return {}
    try:
        config: dict[str, Any] = dict(env.email_url_config(url))
    except ImproperlyConfigured:
        config = {}
    is_smtp = str(config.get("EMAIL_BACKEND", "")).endswith("smtp.EmailBackend")
    # Don't repeat the URL: it contains a password.
    if not config or (is_smtp and not config.get("EMAIL_HOST")):
        raise ImproperlyConfigured("EMAIL_URL must be a URL such as smtp+tls://user:password@mail.example.com:587.")
    return config


def sms() -> SmsService | None:
    """Return the service of SMS_URL, None if it's not set. Raise ImproperlyConfigured if it's invalid."""
    try:
        return parse_sms_url(secret("SMS_URL"))
    except ValueError as error:
        # The sentence doesn't repeat the URL, which contains a password.
        raise ImproperlyConfigured(f"SMS_URL {error}.") from None


# --- What this installation is ---------------------------------------------------------------------------------------

SECRET_KEY = key("SECRET_KEY", is_required=True)
SECRET_KEY_FALLBACKS = secrets("SECRET_KEY_FALLBACKS")
# SECRET_KEY encrypts too if this isn't set.
ENCRYPTION_KEY = key("ENCRYPTION_KEY")
ENCRYPTION_KEY_FALLBACKS = secrets("ENCRYPTION_KEY_FALLBACKS")
DEBUG = flag("DEBUG", default=False)
PROJECT_ENVIRONMENT = one_of("PROJECT_ENVIRONMENT", ("live", "test"))
DIRECTORY = one_of("DIRECTORY", ("embedded", "stytch"))
MAINTENANCE = flag("MAINTENANCE", default=False)
# For a trial on one machine. Also decides which origins PROJECT_FILE may list.
ALLOW_HTTP = flag("ALLOW_HTTP", default=False)
RBAC_POLICY = policy("RBAC_POLICY_FILE")
PROJECT = project("PROJECT_FILE", "SDK_REDIRECT_URLS", allows_http=ALLOW_HTTP)
LOCATION_DATABASE = file("LOCATION_DATABASE")

STYTCH_PROJECT_ID = required("STYTCH_PROJECT_ID") if DIRECTORY == "stytch" else ""
STYTCH_SECRET = secret("STYTCH_SECRET", is_required=True) if DIRECTORY == "stytch" else ""
STYTCH_BASE_URL = str(env.str("STYTCH_BASE_URL", default="")).rstrip("/") or (
    "https://api.stytch.com" if STYTCH_PROJECT_ID.startswith("project-live-") else "https://test.stytch.com"
)
# The cookie in which Stytch's browser SDK keeps its session, for products that sign their members in themselves.
STYTCH_SESSION_COOKIE = env.str("STYTCH_SESSION_COOKIE", default="stytch_session")

# --- Where it is reached ---------------------------------------------------------------------------------------------

PUBLIC_URL = str(env.str("PUBLIC_URL", default="http://127.0.0.1:8000")).rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in {"http", "https"} or not _public.hostname or _public.path or _public.query:
    raise ImproperlyConfigured(
        f'PUBLIC_URL is "{PUBLIC_URL}", but must be an origin such as https://portal.example.com, without a path.'
    )
IS_HTTPS = _public.scheme == "https"
if not IS_HTTPS and not ALLOW_HTTP:
    raise ImproperlyConfigured(
        f'PUBLIC_URL is "{PUBLIC_URL}", but must start with https://. Only a trial on your own machine may use plain '
        "http, with ALLOW_HTTP=true."
    )
EMBED_URL = embed_url("EMBED_URL", _public.hostname, allows_http=ALLOW_HTTP)
# The public host is always allowed, so that adding another one locks no one out.
ALLOWED_HOSTS = [
    host_name(PUBLIC_URL),
    *([host_name(EMBED_URL)] if EMBED_URL else []),
    *env.list("ALLOWED_HOSTS", default=[]),
]
# The number of your own proxies in front; only their X-Forwarded-For entries are trusted.
TRUSTED_PROXIES = whole_number("TRUSTED_PROXIES", default=0, minimum=0, maximum=10)
CLIENT_ADDRESS_HEADER = header_name("CLIENT_ADDRESS_HEADER", "X-Forwarded-For")
METRICS_ALLOWED_FROM = networks("METRICS_ALLOWED_FROM")
# How many requests one process handles at once, each with a database connection; others wait.
REQUESTS_AT_ONCE = whole_number("REQUESTS_AT_ONCE", default=6, minimum=3, maximum=64)
# Where several web processes collect their metrics; the metrics library reads the same variable.
METRICS_DIRECTORY = str(env.str("PROMETHEUS_MULTIPROC_DIR", default=""))

# --- Signing in ------------------------------------------------------------------------------------------------------

SESSION_IDLE_MINUTES = whole_number("SESSION_IDLE_MINUTES", default=60, minimum=5, maximum=43_200)
SESSION_DURATION_MINUTES = whole_number("SESSION_DURATION_MINUTES", default=720, minimum=5, maximum=527_040)
SIGN_IN_RATE_PER_ADDRESS = rate("SIGN_IN_RATE_PER_ADDRESS", "30 per minute")
SIGN_IN_RATE_PER_MEMBER = rates("SIGN_IN_RATE_PER_MEMBER", "10 per 15 minutes; 20 per hour")
SIGN_IN_TOTAL_PER_MEMBER = rate("SIGN_IN_TOTAL_PER_MEMBER", "100 per hour")
SIGN_IN_EMAIL_RATE = rates("SIGN_IN_EMAIL_RATE", "5 per 15 minutes; 20 per day")
SIGN_IN_LINK_RATE = rate("SIGN_IN_LINK_RATE", "5 per hour")
ORGANIZATION_SLUG_DAYS = whole_number("ORGANIZATION_SLUG_DAYS", default=90, minimum=0, maximum=3650)
ORGANIZATION_RESTORE_DAYS = whole_number("ORGANIZATION_RESTORE_DAYS", default=30, minimum=0, maximum=3650)
ACTIVITY_LOG_DAYS = whole_number("ACTIVITY_LOG_DAYS", default=0, minimum=0, maximum=36_500)
REDIS_URL = secret("REDIS_URL")
PASSWORD_HASHERS = [
    "portal.embedded.passwords.hasher.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "portal.embedded.passwords.migrated.Migrated",
]

# --- Provisioning ----------------------------------------------------------------------------------------------------

SCIM_RATE_PER_CONNECTION = rate("SCIM_RATE_PER_CONNECTION", "6000 per minute")
SCIM_FAILED_AUTHENTICATION_RATE = rate("SCIM_FAILED_AUTHENTICATION_RATE", "60 per minute")
SCIM_LOG_DAYS = whole_number("SCIM_LOG_DAYS", default=90, minimum=1, maximum=3650)
SCIM_LOG_ENTRIES = whole_number("SCIM_LOG_ENTRIES", default=1_000_000, minimum=1000, maximum=100_000_000)
SCIM_LOG_DELAY = whole_number("SCIM_LOG_DELAY", default=250, minimum=0, maximum=10_000)
SCIM_RESTORE_DAYS = whole_number("SCIM_RESTORE_DAYS", default=30, minimum=1, maximum=3650)
SCIM_SAFEGUARD_SHARE = whole_number("SCIM_SAFEGUARD_SHARE", default=20, minimum=0, maximum=100)
SCIM_SAFEGUARD_MINIMUM = whole_number("SCIM_SAFEGUARD_MINIMUM", default=10, minimum=1, maximum=1_000_000)
SCIM_SAFEGUARD_SHARE_BOUNDS = bounds(
    "SCIM_SAFEGUARD_SHARE_BOUNDS", default=(5, 50), limits=(1, 99), contains=SCIM_SAFEGUARD_SHARE
)
SCIM_SAFEGUARD_MINIMUM_BOUNDS = bounds(
    "SCIM_SAFEGUARD_MINIMUM_BOUNDS", default=(5, 100), limits=(1, 1_000_000), contains=SCIM_SAFEGUARD_MINIMUM
)
SCIM_MAX_BODY_BYTES = whole_number("SCIM_MAX_BODY_BYTES", default=20_971_520, minimum=65_536, maximum=268_435_456)
SCIM_MAX_VALUES = whole_number("SCIM_MAX_VALUES", default=1_000_000, minimum=10_000, maximum=20_000_000)
SCIM_MAX_DEPTH = whole_number("SCIM_MAX_DEPTH", default=32, minimum=8, maximum=100)
SCIM_MAX_FILTER_LENGTH = whole_number("SCIM_MAX_FILTER_LENGTH", default=8192, minimum=256, maximum=65_536)
SCIM_MAX_FILTER_DEPTH = whole_number("SCIM_MAX_FILTER_DEPTH", default=20, minimum=4, maximum=40)
SCIM_MAX_FILTER_TERMS = whole_number("SCIM_MAX_FILTER_TERMS", default=200, minimum=10, maximum=1000)
SCIM_MAX_FILTER_LIST_TERMS = whole_number("SCIM_MAX_FILTER_LIST_TERMS", default=20, minimum=1, maximum=1000)
SCIM_LIST_SECONDS = whole_number("SCIM_LIST_SECONDS", default=10, minimum=1, maximum=300)
SCIM_MAX_OPERATIONS = whole_number("SCIM_MAX_OPERATIONS", default=1000, minimum=50, maximum=100_000)
SCIM_MAX_COMPARISONS = whole_number("SCIM_MAX_COMPARISONS", default=1_000_000, minimum=10_000, maximum=100_000_000)
SCIM_MAX_ELEMENTS = whole_number("SCIM_MAX_ELEMENTS", default=1000, minimum=50, maximum=100_000)
SCIM_MAX_RESOURCE_LENGTH = whole_number("SCIM_MAX_RESOURCE_LENGTH", default=262_144, minimum=16_384, maximum=20_971_520)
SCIM_MAX_MEMBERS = whole_number("SCIM_MAX_MEMBERS", default=100_000, minimum=100, maximum=1_000_000)
SCIM_MEMBERS_IN_PATCH_ANSWER = whole_number("SCIM_MEMBERS_IN_PATCH_ANSWER", default=200, minimum=0, maximum=100_000)

# --- The JSON API ----------------------------------------------------------------------------------------------------

SDK_ALLOWED_ORIGINS = frozenset(origins("SDK_ALLOWED_ORIGINS"))
API_RATE_PER_PROJECT = rate("API_RATE_PER_PROJECT", "60000 per minute")
API_RATE_PER_ORGANIZATION = rate("API_RATE_PER_ORGANIZATION", "12000 per minute")
API_RATE_PER_ADDRESS = rate("API_RATE_PER_ADDRESS", "600 per minute")
API_PASSWORD_STRENGTH_RATE = rate("API_PASSWORD_STRENGTH_RATE", "30 per minute")
API_FAILED_AUTHENTICATION_RATE = rate("API_FAILED_AUTHENTICATION_RATE", "60 per minute")

# --- Tasks ------------------------------------------------------------------------------------------------------------

SERVE_WORKER = flag("SERVE_WORKER", default=False)
WORKER_THREADS = whole_number("WORKER_THREADS", default=4, minimum=1, maximum=64)
# Each organization has a queue of its own, so any name is valid.
TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        "QUEUES": [],
        "OPTIONS": {"id_function": "portal.directory.ids.uuid7"},
    }
}

# --- Email ------------------------------------------------------------------------------------------------------------

_mail = mail()
EMAIL_IS_SET_UP = bool(_mail)
EMAIL_BACKEND = _mail.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST = _mail.get("EMAIL_HOST") or ""
EMAIL_PORT = _mail.get("EMAIL_PORT") or (
    465 if _mail.get("EMAIL_USE_SSL") else 587 if _mail.get("EMAIL_USE_TLS") else 25
)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL"))
EMAIL_FILE_PATH = f"/{_mail['EMAIL_FILE_PATH']}" if _mail.get("EMAIL_FILE_PATH") else None
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = required("EMAIL_FROM") if EMAIL_IS_SET_UP else ""
if EMAIL_IS_SET_UP and "@" not in parseaddr(DEFAULT_FROM_EMAIL)[1]:
    raise ImproperlyConfigured("EMAIL_FROM must be an email address such as Gatehouse <portal@example.com>.")
# Every email on a page for anyone who opens it: for the demo on one's own machine only.
DEMO_INBOX = flag("DEMO_INBOX", default=False)
if DEMO_INBOX and (IS_HTTPS or not EMAIL_FILE_PATH or _public.hostname not in {"127.0.0.1", "::1", "localhost"}):
    raise ImproperlyConfigured(
        "DEMO_INBOX shows every email to anyone, so it's for the demo only: PUBLIC_URL must be plain http on this machine, "
        "and EMAIL_URL must write emails to files (filemail:///…)."
    )
EMAIL_REPLY_TO = str(env.str("EMAIL_REPLY_TO", default=""))
if EMAIL_REPLY_TO and "@" not in parseaddr(EMAIL_REPLY_TO)[1]:
    raise ImproperlyConfigured("EMAIL_REPLY_TO must be an email address such as Support <support@example.com>.")

# --- Text messages ---------------------------------------------------------------------------------------------------

SMS_SERVICE = sms()
SMS_RATE_PER_NUMBER = rates("SMS_RATE_PER_NUMBER", "5 per 15 minutes; 20 per day")
SMS_RATE_PER_MEMBER = rates("SMS_RATE_PER_MEMBER", "5 per 15 minutes; 20 per day")
SMS_RATE_PER_PREFIX = rates("SMS_RATE_PER_PREFIX", "60 per hour; 200 per day")
SMS_RATE_OF_NEW_NUMBERS = rates("SMS_RATE_OF_NEW_NUMBERS", "1000 per hour; 5000 per day")
SMS_RATE_PER_ORGANIZATION = rates("SMS_RATE_PER_ORGANIZATION", "500 per hour; 5000 per day")
INVITATION_RATE_PER_ORGANIZATION = rates("INVITATION_RATE_PER_ORGANIZATION", "10000 per day")

# --- Requests to other servers ---------------------------------------------------------------------------------------

OUTBOUND_ALLOWED_NETWORKS = networks("OUTBOUND_ALLOWED_NETWORKS")
OUTBOUND_PORTS = ports("OUTBOUND_PORTS", "443,8443")
OUTBOUND_ALLOW_HTTP = flag("OUTBOUND_ALLOW_HTTP", default=False)
OUTBOUND_PROXY = proxy("OUTBOUND_PROXY")
OUTBOUND_CA_FILE = certificates("OUTBOUND_CA_FILE")
DNS_RESOLVERS = resolvers("DNS_RESOLVERS")

# --- Django ----------------------------------------------------------------------------------------------------------

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "portal.embedded",
    "django_tasks_db",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "lucide",
    "csp",
]
MIDDLEWARE = [
    "portal.middleware.RequestLog",
    "portal.middleware.ProbeEndpoints",
    "django.middleware.security.SecurityMiddleware",
    "portal.frame_host.FrameHost",
    *(["portal.middleware.MachineEndpoints"] if DIRECTORY == "embedded" else []),
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # After identity providers, products and static files, which aren't compressed here.
    "portal.web.compression.PageCompression",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",  # for browsers older than frame-ancestors
    "django.middleware.common.CommonMiddleware",
    # Before the CSRF check, which reads the body.
    "portal.middleware.Admission",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.ReaderTimeZone",
    "portal.middleware.AccessGate",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [RESOURCES / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": [
                "django.templatetags.static",
                "django_htmx.templatetags.django_htmx",
                "lucide.templatetags.lucide",
                "portal.web.templatetags.ui",
                "template_partials.templatetags.partials",
            ],
        },
    }
]
DATABASES = {"default": database()}
DATABASE_PARTITIONS = whole_number("DATABASE_PARTITIONS", default=0, minimum=0, maximum=256)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
MESSAGE_STORAGE = "portal.web.messages.HostCookieStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = whole_number("MAX_BODY_BYTES", default=8_388_608, minimum=65_536, maximum=268_435_456)

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(HOME / "staticfiles"))
STATICFILES_DIRS = [RESOURCES / "static"]
# A trial and the tests serve files from where they are; `collectstatic` needs a real installation, which has https.
WHITENOISE_USE_FINDERS = True
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
STORAGES = {
    "staticfiles": {
        "BACKEND": "portal.web.static_files.CollectedFiles"
        if IS_HTTPS
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
}

# --- Headers and cookies ---------------------------------------------------------------------------------------------

COOKIE_PREFIX = "__Host-" if IS_HTTPS else ""
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.web.errors.csrf_failure"
SECURE_SSL_REDIRECT = IS_HTTPS
# A redirected API request fails without explanation. The endpoints reject plain http themselves, with an error message.
SECURE_REDIRECT_EXEMPT = [r"^v1/", r"^sdk/v1"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = whole_number("HSTS_SECONDS", default=31_536_000, minimum=0, maximum=63_072_000) if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler's style sheet embeds its icons as data: images
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": [],
    "display-capture": [],
    "geolocation": [],
    "microphone": [],
    "payment": [],
    "usb": [],
}

LOGGING_CONFIG = None
configure_logging(one_of("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")), one_of("LOG_FORMAT", ("json", "console")))
for _old, _new in RENAMED_SETTINGS.items():
    if _old in env.ENVIRON:
        structlog.get_logger("gatehouse.settings").warning("setting_renamed", old_name=_old, new_name=_new)
