"""Requests to Stytch, with a connection pool, timeouts and retries of reads. Logs and errors contain no secrets."""

import random
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote

import requests
import structlog
from requests.adapters import HTTPAdapter

from portal.directory.errors import NotFound, Unavailable
from portal.stytch.documents import Document, misread
from portal.stytch.errors import AWAY, Meanings, meaning_of

log = structlog.get_logger("gatehouse.stytch")

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
ATTEMPTS = 3
BACKOFF_SECONDS = 0.2
# Don't wait longer for a retry: an error page is better than a slow one.
MAX_WAIT_SECONDS = 2.0
_CONNECTIONS = 32
_TRY_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def path_of(*segments: str) -> str:
    """Return a path under `/v1/b2b/` with percent-encoded segments. Raise NotFound for a segment that would leave it."""
    if any(segment in {"", ".", ".."} for segment in segments):
        raise NotFound("Nothing was found at this URL.")
    return "/v1/b2b/" + "/".join(quote(segment, safe="") for segment in segments)


class StytchApi:
    """A client of Stytch's backend API, shared by all threads of a process.

    Requests raise the errors of `portal.directory.errors`, with Stytch's request ID. `meanings` maps some of Stytch's error
    types to errors of this request.
    """

    def __init__(
        self,
        base_url: str,
        project_id: str,
        secret: str,
        *,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        self._session.auth = (project_id, secret)
        self._session.headers["User-Agent"] = "Gatehouse"
        # All members share the cookie jar, so it must stay empty.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=0))

    def get(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        session_token: str = "",
        meanings: Meanings | None = None,
    ) -> Document:
        """Send a GET request, with retries. With a session token, Stytch checks that member's permissions."""
        request = self._request("GET", path, session_token, params=query)
        return self._send_with_retries(request, ATTEMPTS, meanings or {})

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        session_token: str = "",
        is_read: bool = False,
        meanings: Meanings | None = None,
    ) -> Document:
        """Send a POST request. It is retried only if `is_read` says that it changes nothing."""
        request = self._request("POST", path, session_token, json=body)
        return self._send_with_retries(request, ATTEMPTS if is_read else 1, meanings or {})

    def put(
        self, path: str, body: Mapping[str, Any], *, session_token: str, meanings: Meanings | None = None
    ) -> Document:
        """Send a PUT request, without retries."""
        return self._send_with_retries(self._request("PUT", path, session_token, json=body), 1, meanings or {})

    def delete(self, path: str, *, session_token: str, meanings: Meanings | None = None) -> Document:
        """Send a DELETE request, without retries."""
        return self._send_with_retries(self._request("DELETE", path, session_token), 1, meanings or {})

    def _request(self, method: str, path: str, session_token: str, **more: Any) -> requests.Request:
        # Without a session, Stytch checks no permissions.
        headers = {"X-Stytch-Member-Session": session_token} if session_token else {}
        return requests.Request(method, self._base_url + path, headers=headers, **more)

    def _send_with_retries(self, request: requests.Request, attempts: int, meanings: Meanings) -> Document:
        for attempt in range(1, attempts):
            response = self._send(request, is_last=False)
            wait = _wait(attempt, response)
            if response is not None and (response.status_code not in _TRY_AGAIN or wait > MAX_WAIT_SECONDS):
                return _read(response, meanings)
            time.sleep(wait)
        response = self._send(request, is_last=True)
        assert response is not None  # noqa: S101 -- the last attempt returns or raises
        return _read(response, meanings)

    def _send(self, request: requests.Request, *, is_last: bool) -> requests.Response | None:
        """Return the response, or None if the connection was lost and another attempt follows."""
        try:
            prepared = self._session.prepare_request(request)
            settings = self._session.merge_environment_settings(prepared.url, {}, False, None, None)  # noqa: FBT003 -- requests' signature
            return self._session.send(prepared, timeout=self._timeout, allow_redirects=False, **settings)
        except requests.RequestException as error:
            # Don't log its text, which can contain the URL with its parameters.
            log.warning("stytch_unreachable", error=type(error).__name__, is_last=is_last)
            if isinstance(error, _LOST) and not is_last:
                return None
        raise Unavailable(AWAY[1])


def _wait(attempt: int, response: requests.Response | None) -> float:
    """Return the seconds to wait before the next attempt: Stytch's Retry-After, or exponential backoff with jitter."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    if asked.isascii() and asked.isdigit():
        return float(asked[:6])
    return BACKOFF_SECONDS * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 -- not a secret


def _read(response: requests.Response, meanings: Meanings) -> Document:
    """Return the body of a response. Raise the error that Stytch reports, or Unavailable if it isn't a valid response."""
    try:
        body = response.json()
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    request_id = str(fields.get("request_id", ""))[:100]
    if response.status_code == HTTPStatus.OK:
        if not fields:
            raise misread("body", request_id)
        return Document(fields, request_id)
    error_type = str(fields.get("error_type", ""))[:100]
    kind, detail = meaning_of(response.status_code, error_type, meanings)
    facts = {"status": response.status_code, "error_type": error_type, "stytch_request_id": request_id}
    if kind is Unavailable:
        event = (
            "stytch_rejected_our_credentials" if response.status_code == HTTPStatus.UNAUTHORIZED else "stytch_failed"
        )
        log.error(event, **facts)
    else:
        log.info("stytch_error", **facts)
    raise kind(detail, request_id=request_id)
