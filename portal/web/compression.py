"""Compression of pages. Static files are compressed by `collectstatic`."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompression(GZipMiddleware):
    """Compress HTML with gzip, with up to 100 random bytes of padding against BREACH (Django's GZipMiddleware).

    Exports aren't compressed: they are sent line by line, and a compressor would hold lines back. Responses to identity
    providers and products don't pass through here, so their entity tags and lengths stay as they are.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response, compressed if it's a page and the browser accepts that."""
        if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed
