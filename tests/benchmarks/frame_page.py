"""Measure a page in a frame of a product beside the same page at top level, in Chromium over TLS.

    python -m tests.benchmarks.frame_page --rounds 30

First paint: medians of interleaved loads, as a ratio. Weight: bytes over the wire, with an empty cache and with a filled one.
"""

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.conftest import PASSWORD
from tests.embed.site import APP_HOST, CHROMIUM, Site, serve_site
from tests.embed.test_frame import PAGE, frame_html

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, serve_site(Path(folder)) as site, sync_playwright() as playwright:
        site.backend.request("POST", "scim/acme/connection", display_name="Okta", identity_provider="okta")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        _weigh(site, browser)
        _race(site, browser, rounds)
        browser.close()


def _race(site: Site, browser: Browser, rounds: int) -> None:
    context = browser.new_context(ignore_https_errors=True)
    top, product = context.new_page(), context.new_page()
    _sign_in(site, top)
    at_top, in_frame, at_entry = [], [], []
    for _ in range(rounds):
        top.bring_to_front()
        top.goto(f"{site.portal}/o/acme/scim/")
        at_top.append(_first_paint(top))
        product.bring_to_front()
        _enter(site, product)
        frame = product.frames[1]
        product.wait_for_timeout(100)
        at_entry.append(float(frame.evaluate(_PAINT)))
        frame.goto(f"{site.embed}/o/acme/scim/")
        frame.wait_for_load_state("load")
        product.wait_for_timeout(100)
        in_frame.append(float(frame.evaluate(_PAINT)))
    top_median, frame_median = statistics.median(at_top), statistics.median(in_frame)
    print(f"first paint at top level   {top_median:7.1f} ms")
    print(f"first paint in the frame   {frame_median:7.1f} ms   ratio {frame_median / top_median:.2f}")
    entry = statistics.median(at_entry)
    print(f"first paint at entry       {entry:7.1f} ms   ratio {entry / top_median:.2f}")
    context.close()


def _weigh(site: Site, browser: Browser) -> None:
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto("about:blank")
    first = _bytes(context, page, lambda: _enter(site, page))
    then = _bytes(context, page, lambda: page.frames[1].goto(f"{site.embed}/o/acme/scim/groups/"))
    for name, loaded in (("first load", first), ("another page", then)):
        hosts = {urlsplit(url).hostname for url in loaded}
        print(
            f"{name:15}{sum(loaded.values()) / 1000:7.1f} KB in {len(loaded)} requests to {', '.join(sorted(map(str, hosts)))}"
        )
    context.close()


def _bytes(context: BrowserContext, page: Page, load: Callable[[], object]) -> dict[str, int]:
    """Return the bytes of each response that loading something takes, by URL, without the product's own page."""
    finished: list[Request] = []

    def note(request: Request) -> None:
        finished.append(request)

    context.on("requestfinished", note)
    load()
    page.wait_for_timeout(1000)
    context.remove_listener("requestfinished", note)
    sizes = {one.url: one.sizes() for one in finished if urlsplit(one.url).hostname != APP_HOST}
    return {url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes.items()}


def _enter(site: Site, page: Page) -> None:
    page.goto(site.product.page(APP_HOST, "/directory", PAGE.format(frame_html(site.ticket()))))
    page.get_by_role("button", name="Open portal").click()
    page.frame_locator("iframe").get_by_role("heading", name="SCIM").wait_for()


def _sign_in(site: Site, page: Page) -> None:
    page.goto(f"{site.portal}/o/acme/sign-in/")
    page.get_by_label("Email address").fill("ada@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.portal}/o/acme/")


def _first_paint(page: Page) -> float:
    page.wait_for_load_state("load")
    page.wait_for_timeout(100)
    return float(page.evaluate(_PAINT))


if __name__ == "__main__":
    main()
