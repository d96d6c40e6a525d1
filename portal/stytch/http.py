"""Talking to Stytch: one pool of connections, time-outs, retries of reads, and no secret in any log or error."""

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
# Who waits longer for a page has given up; beyond this, "try again" is the better answer.
MOST_WAIT_SECONDS = 2.0
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
    """Return a path under `/v1/b2b/` with each segment percent-encoded. Raises NotFound for one that would leave it."""
    if any(segment in {"", ".", ".."} for segment in segments):
        raise NotFound("There is nothing at this address.")
    return "/v1/b2b/" + "/".join(quote(segment, safe="") for segment in segments)


class StytchApi:
    """The project at Stytch, as its own backend sees it; shared by all threads of a process.

    Every call raises the errors of `portal.directory.errors`, with Stytch's request id. `meanings` says what some of
    Stytch's error types mean to the call at hand.
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
        # One cookie jar for all members: nothing may get into it.
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
        """Read; with a session token Stytch enforces that member's rights. Tried again when the way there fails."""
        request = self._request("GET", path, session_token, params=query)
        return self._call(request, ATTEMPTS, meanings or {})

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        session_token: str = "",
        is_read: bool = False,
        meanings: Meanings | None = None,
    ) -> Document:
        """Call; tried again only where `is_read` says that doing it twice changes nothing."""
        request = self._request("POST", path, session_token, json=body)
        return self._call(request, ATTEMPTS if is_read else 1, meanings or {})

    def put(
        self, path: str, body: Mapping[str, Any], *, session_token: str, meanings: Meanings | None = None
    ) -> Document:
        """Change; not tried again."""
        return self._call(self._request("PUT", path, session_token, json=body), 1, meanings or {})

    def delete(self, path: str, *, session_token: str, meanings: Meanings | None = None) -> Document:
        """Delete; not tried again."""
        return self._call(self._request("DELETE", path, session_token), 1, meanings or {})

    def _request(self, method: str, path: str, session_token: str, **more: Any) -> requests.Request:
        # Stytch: either header or none; without one it checks no right.
        headers = {"X-Stytch-Member-Session": session_token} if session_token else {}
        return requests.Request(method, self._base_url + path, headers=headers, **more)

    def _call(self, request: requests.Request, attempts: int, meanings: Meanings) -> Document:
        for attempt in range(1, attempts):
            response = self._send(request, is_last=False)
            wait = _wait(attempt, response)
            if response is not None and (response.status_code not in _TRY_AGAIN or wait > MOST_WAIT_SECONDS):
                return _read(response, meanings)
            time.sleep(wait)
        response = self._send(request, is_last=True)
        assert response is not None  # noqa: S101 -- the last attempt answers or raises
        return _read(response, meanings)

    def _send(self, request: requests.Request, *, is_last: bool) -> requests.Response | None:
        """Return the answer, or None where the connection was lost and there is another attempt."""
        try:
            prepared = self._session.prepare_request(request)
            settings = self._session.merge_environment_settings(prepared.url, {}, False, None, None)  # noqa: FBT003 -- requests' signature
            return self._session.send(prepared, timeout=self._timeout, allow_redirects=False, **settings)
        except requests.RequestException as error:
            # Its text is not logged: it can hold the address with everything in it.
            log.warning("stytch_not_reached", error=type(error).__name__, is_last=is_last)
            if isinstance(error, _LOST) and not is_last:
                return None
        raise Unavailable(AWAY[1])


def _wait(attempt: int, response: requests.Response | None) -> float:
    """Return the seconds to wait before the next attempt: what Stytch asks for, else longer each time, with jitter."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    if asked.isascii() and asked.isdigit():
        return float(asked[:6])
    return BACKOFF_SECONDS * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 -- not a secret


def _read(response: requests.Response, meanings: Meanings) -> Document:
    """Return the answer's body. Raises what Stytch refused, or Unavailable for no answer of Stytch's."""
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
        event = "stytch_refuses_our_credentials" if response.status_code == HTTPStatus.UNAUTHORIZED else "stytch_failed"
        log.error(event, **facts)
    else:
        log.info("stytch_refused", **facts)
    raise kind(detail, request_id=request_id)
