/* Enhancements for pages that work without scripts: copying, printing, closing messages, focus after loading, retry, polling and the time zone. */
"use strict";

(() => {
  const COPIED_MS = 2500;
  const UNREACHABLE = "The portal could not be reached. Check your connection, then try again.";
  const TOO_SLOW = "The portal took too long to respond. Try again in a moment.";
  const UNEXPECTED = "Unexpected response. A proxy or firewall may be interfering.";

  const byId = (id) => document.getElementById(id);

  const announce = (text) => {
    const place = byId("announcements");
    // The same text is announced again only if it was cleared in between.
    place.textContent = "";
    setTimeout(() => (place.textContent = text), 50);
  };

  // --- Buttons that need scripts ---------------------------------------------------------------------------------

  const reveal = (root) => {
    for (const button of root.querySelectorAll("[data-copy][hidden], [data-dismiss][hidden], [data-print][hidden]")) button.hidden = false;
  };

  const selectAll = (source) => {
    if (source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement) {
      source.focus();
      source.select();
    } else {
      getSelection().selectAllChildren(source);
    }
  };

  const write = async (source) => {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      return true;
    } catch {
      // No permission, or plain http: copy the selection with the older API.
      selectAll(source);
      return document.execCommand("copy");
    }
  };

  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    const active = document.activeElement;
    if (!(await write(source))) {
      selectAll(source);
      announce("Not copied by the browser. The text is selected: copy it with the keyboard.");
      return;
    }
    active?.focus();
    button.dataset.copied = "";
    announce("Copied");
    setTimeout(() => delete button.dataset.copied, COPIED_MS);
  };

  const dismiss = (button) => {
    const message = button.closest(".toast");
    const next = [...document.querySelectorAll("[data-dismiss]")].find((other) => other !== button);
    message.remove();
    (next ?? byId("main")).focus({ preventScroll: true });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-dismiss], [data-print]");
    if (button?.dataset.print !== undefined) print();
    else if (button?.dataset.copy) copy(button);
    else if (button) dismiss(button);
  });

  // --- Loading -----------------------------------------------------------------------------------------------------

  // For each request, the place that shows its errors. Stored, because the response may replace the element that sent it.
  const places = new WeakMap();

  const placeFor = (element) => {
    const section = element.closest("[data-error-target]");
    return (section && document.querySelector(section.dataset.errorTarget)) ?? byId("page-error");
  };

  const focusOn = (element) => {
    if (!element) return;
    if (!element.matches("a[href], button, input, select, textarea, [tabindex]")) element.tabIndex = -1;
    element.focus();
  };

  // Where the focus goes if it was in a removed notice and the loaded content did not take it.
  let bereft = null;

  const clear = (place) => {
    if (place.contains(document.activeElement)) bereft = place.closest("[data-error-target]") ?? byId("main");
    place.replaceChildren();
  };

  const ownNotice = (text, requestId) => {
    const notice = byId("no-answer").content.firstElementChild.cloneNode(true);
    notice.querySelector("[data-text]").textContent = text;
    notice.querySelector(".request-id").hidden = !requestId;
    notice.querySelector(".request-id code").textContent = requestId;
    return notice;
  };

  // The notice in the response of the portal, parsed as inert HTML.
  const responseNotice = (xhr) => {
    if (!xhr.getResponseHeader("X-Request-ID") || !xhr.getResponseHeader("Content-Type")?.startsWith("text/html")) return null;
    return new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector(".notice");
  };

  const explain = (event, fallback) => {
    const { xhr, requestConfig } = event.detail;
    const place = places.get(xhr) ?? byId("page-error");
    const notice = responseNotice(xhr) ?? ownNotice(fallback, xhr.getResponseHeader("X-Request-ID") ?? "");
    // The place itself has the role.
    notice.removeAttribute("role");
    notice.querySelector("[data-retry]")?.addEventListener("click", (click) => {
      click.preventDefault();
      htmx.ajax(requestConfig.verb, requestConfig.path, { source: requestConfig.elt, event: requestConfig.triggeringEvent });
    });
    const hadFocus = place.contains(document.activeElement);
    place.replaceChildren(notice);
    place.scrollIntoView({ block: "nearest" });
    if (hadFocus) focusOn(notice.querySelector("[data-retry]") ?? notice);
  };

  document.addEventListener("htmx:beforeSend", (event) => places.set(event.detail.xhr, placeFor(event.detail.elt)));
  document.addEventListener("htmx:responseError", (event) => explain(event, UNEXPECTED));
  document.addEventListener("htmx:sendError", (event) => explain(event, UNREACHABLE));
  document.addEventListener("htmx:timeout", (event) => explain(event, TOO_SLOW));
  document.addEventListener("htmx:afterRequest", (event) => {
    const place = places.get(event.detail.xhr);
    if (event.detail.successful && place) clear(place);
  });

  // --- Polling -----------------------------------------------------------------------------------------------------

  const POLL_FIRST_MS = 3000;
  const POLL_SLOWER = 1.3;
  const POLL_MAX_MS = 60_000;
  // A page that no one looks at must not keep its session alive forever.
  const POLL_END_MS = 3_600_000;

  /* Polls through a link, at growing intervals: new content brings its own link. Stops while the tab is hidden, and after
     a failure, which is shown with a link to try again. */
  const poll = (link) => {
    let wait = POLL_FIRST_MS;
    let waited = 0;
    let timer = null;
    const ask = () => {
      if (document.hidden) document.addEventListener("visibilitychange", ask, { once: true });
      else if (link.isConnected) htmx.trigger(link, "poll");
    };
    const askLater = () => {
      clearTimeout(timer);
      if (waited >= POLL_END_MS) return;
      timer = setTimeout(ask, wait);
      waited += wait;
      wait = Math.min(wait * POLL_SLOWER, POLL_MAX_MS);
    };
    link.addEventListener("htmx:afterRequest", (event) => event.detail.successful && askLater());
    askLater();
  };

  const pollWithin = (root) => root.querySelectorAll("[data-poll]").forEach(poll);

  document.addEventListener("htmx:load", (event) => {
    const loaded = event.detail.elt;
    // For a whole page, the browser sets the focus.
    if (loaded === document.body) return;
    reveal(loaded.parentElement ?? loaded);
    pollWithin(loaded);
    // HTMX kept the focus on the element with the same id.
    if (document.activeElement !== document.body) return;
    const mark = "[data-focus-after-load]";
    focusOn(loaded.matches(mark) ? loaded : loaded.querySelector(mark));
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (document.activeElement === document.body) focusOn(bereft);
    bereft = null;
  });

  // --- Forms that create a secret, and the page that shows it ------------------------------------------------------

  // A second submit would replace the response to the first, which contains the secret.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-submit-once]")) return;
    if (form.dataset.submitted !== undefined) event.preventDefault();
    form.dataset.submitted = "";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-submitted]")) delete form.dataset.submitted;
  });

  // Reloading or going back must not submit the form again. It leads to the page with the current state.
  const result = document.querySelector("[data-address]");
  if (result) history.replaceState(null, "", result.dataset.address);

  // --- The time zone -------------------------------------------------------------------------------------------------

  // The server shows times in it from the next page on, unless the account has another one (portal/web/times.py).
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    // In a frame of another site, browsers keep only cookies that belong to the page around it.
    const site = "parentOrigin" in document.body.dataset ? "none; secure; partitioned" : `lax${secure}`;
    document.cookie = `browser-time-zone=${zone}; path=/; max-age=31536000; samesite=${site}`;
  }

  reveal(document);
  pollWithin(document);
  // A live region announces only changes, so repeat the messages that came with the page.
  const messages = [...document.querySelectorAll(".toast [data-message]")].map((message) => message.textContent);
  if (messages.length) announce(messages.join(" "));
})();
