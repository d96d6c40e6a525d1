"""Structured logs on standard error: one JSON object per line, with the request ID and without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Values with these names are never written.
_SECRET_NAMES = frozenset(
    {"authorization", "bearer_token", "cookie", "password", "secret", "session_token", "set-cookie", "token"}
)

# SCIM tokens and project secrets are recognized anywhere in a text, because people paste them into URLs.
_TOKEN = re.compile(r"(scim_|secret-(?:live|test)-)[A-Za-z0-9_-]{30,}")
_MASKED = r"\1[hidden]"

# Without local variables, which can hold passwords and tokens.
_tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure_logging(level: str, form: str) -> None:
    """Send the logs of this project, Django and the libraries through one chain to standard error, as "json" or text."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_secrets,
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.ExceptionRenderer(_tracebacks), structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These loggers write URLs with query strings, and a sign-in link has its token there. That of templates writes the whole
    # context of a page that asks for a name which isn't there.
    for name in ("django.request", "django.server", "django.template", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("granian.access").addFilter(MaskTokens())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event.keys() & _SECRET_NAMES:
        event[name] = "[hidden]"
    for name, value in event.items():
        event[name] = _masked(value)
    return event


class MaskTokens(logging.Filter):
    """Masks tokens in the access log of the HTTP server."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the parts of a line, and keep it."""
        if isinstance(record.args, dict):
            record.args = {name: _masked(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_masked(value) for value in record.args)
        record.msg = _masked(record.msg)
        return True


def _masked(value: Any) -> Any:
    return _TOKEN.sub(_MASKED, value) if isinstance(value, str) else value
