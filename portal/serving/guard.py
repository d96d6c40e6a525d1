"""The WSGI application between the HTTP server and Django."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import FileResponse, HttpResponseBase

from portal.access.client_address import client_address, network_of
from portal.serving.bodies import Body
from portal.serving.threads import Threads, Visit, attach

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

Environ = dict[str, Any]


class Guard:
    """A WSGI application that gives each request a worker slot, and sends responses without holding slots for slow clients.

    A request without a slot reaches Django, too, which rejects it in the format of its path.
    """

    def __init__(self, application: Callable[[Environ, Any], HttpResponseBase], threads: Threads) -> None:
        self._application = application
        self._threads = threads

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Handle a request."""
        visit = Visit(self._threads, network_of(client_address(environ)))
        if environ["PATH_INFO"] not in PROBES:
            visit.begin()
        attach(environ, visit)
        environ["wsgi.input"] = Body(environ["wsgi.input"], visit)
        try:
            response = self._application(environ, start_response)
        except BaseException:
            visit.end()
            raise
        body = _ResponseBody(response, visit)
        if response.streaming and not isinstance(response, FileResponse):
            return body
        # In one piece, which the server sends without a thread, however slowly the client reads.
        try:
            return [b"".join(body)]
        finally:
            body.close()


class _ResponseBody:
    """A response body that may be generated while it's sent. It keeps the request's slot until it's closed."""

    def __init__(self, response: HttpResponseBase, visit: Visit) -> None:
        self._response = response
        self._visit = visit

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response)

    def close(self) -> None:
        """End the request."""
        try:
            self._response.close()
        finally:
            self._visit.end()
