/* The frame's side of embedding (docs/embed.md): tells the page around it what happens here, and when the session ends. */
"use strict";

(() => {
  const CONTRACT = 1; // the version of the messages
  const LEAD_MS = 60_000; // between session-expiring and the end
  const LATE_MS = 1000; // the server's clock decides: look only after the end
  const AGAIN_MS = 5000;
  const MAX_TIMER_MS = 2_000_000_000; // browsers fire longer timers at once
  const MAX_HEIGHT = 20_000;
  const MAX_GROWTH = 8; // times in a row that the page may grow because its frame has grown
  const UNCHECKED = "The session couldn’t be checked";
  const SCHEMES = ["auto", "light", "dark"];

  const { dataset } = document.body;
  const parentOrigin = dataset.parentOrigin;
  if (window.parent === window || !parentOrigin) return;

  const post = (type, fields) => window.parent.postMessage({ gatehouse: CONTRACT, type, ...fields }, parentOrigin);

  // --- The session's end -----------------------------------------------------------------------------------------

  let hasEnded = false;
  let endedAt = -Infinity;

  /* Reports the end once, and again when the person does something: the page around it may have waited for that. */
  const end = () => {
    hasEnded = true;
    if (Date.now() - endedAt < AGAIN_MS) return;
    endedAt = Date.now();
    post("session-expired");
  };

  if (dataset.embedEnded !== undefined) {
    end();
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, end, { capture: true, passive: true });
    return;
  }

  /* Reports a page or a notice that says what went wrong. */
  const failed = (status, within, title, requestId, code = "page-error") => {
    const found = within.querySelector(".notice-title, h1")?.textContent.trim();
    post("error", { code, status, title: found || title, requestId: requestId || within.querySelector("#request-id, .request-id code")?.textContent || "" });
  };
  const status = performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0;
  if (dataset.embedProblem) return failed(status, document, document.title, "", dataset.embedProblem);

  const root = new URL(dataset.root, location.origin);
  const own = location.pathname.startsWith(`${root.pathname}embed/`); // leads to the portal itself, and back

  /* A URL's path below the organization's, such as "scim/groups/?q=Eng". */
  const below = (url) => {
    if (!URL.canParse(url, location.href)) return dataset.path;
    const { pathname, search } = new URL(url, location.href);
    return pathname.startsWith(root.pathname) ? pathname.slice(root.pathname.length) + search : dataset.path;
  };
  const parameter = (name) => below(new URLSearchParams(location.search).get(name) || root.href);
  const path = () => (own ? parameter("back") : below(location.href));
  const place = () => ({ area: dataset.area, path: path() });
  const titled = () => ({ ...place(), title: document.title });

  const seconds = (text) => (Number.isFinite(Number.parseFloat(text)) ? Number.parseFloat(text) : Infinity);
  const idleMs = seconds(dataset.idleSeconds) * 1000;
  let endsAt = Date.now() + seconds(dataset.endsIn) * 1000;
  let idleEndsAt = Date.now() + idleMs;
  let isActive = false; // since the last request
  let isExpiring = false; // reported for the present deadline
  let timer = 0;
  let isChecking = false;

  const isIdleFirst = () => idleEndsAt < endsAt;
  const deadline = () => Math.min(endsAt, idleEndsAt);
  const remaining = () => Math.max(0, Math.round((deadline() - Date.now()) / 1000));
  const expiring = () => post("session-expiring", { seconds: remaining(), reason: isIdleFirst() ? "idle" : "limit", active: isActive });

  const wait = (ms, then) => {
    clearTimeout(timer);
    timer = setTimeout(then, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
  };

  /* Sets the timer for what comes next. A computer that slept can be past it. */
  const schedule = () => {
    if (hasEnded || deadline() === Infinity) return;
    const left = deadline() - Date.now();
    if (left <= 0) wait(LATE_MS, check);
    else if (isExpiring) wait(left + LATE_MS, check);
    else if (left > LEAD_MS) wait(left - LEAD_MS, schedule);
    else {
      isExpiring = true;
      expiring();
      wait(left + LATE_MS, check);
    }
  };

  const restart = () => {
    isExpiring = false;
    schedule();
  };

  /* Asks the server how long the session lasts, and reports it. */
  const check = async () => {
    if (isChecking) return;
    isChecking = true;
    try {
      const response = await fetch(dataset.sessionUrl, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
      if (response.status === 401) return end();
      const { ends_in: endsIn, idle_ends_in: idleEndsIn } = response.ok ? await response.json() : {};
      if (!(endsIn >= 0 && idleEndsIn >= 0)) {
        const requestId = response.headers.get("X-Request-ID") ?? "";
        return post("error", { code: "page-error", status: response.status, title: UNCHECKED, requestId });
      }
      hasEnded = false;
      endsAt = Date.now() + endsIn * 1000;
      idleEndsAt = Date.now() + idleEndsIn * 1000;
      // What was reported stays reported until there is more time again.
      if (deadline() - Date.now() > LEAD_MS) isExpiring = false;
      schedule();
      post("session-renewed", { seconds: remaining() });
    } catch {
      post("error", { code: "page-error", status: 0, title: UNCHECKED, requestId: "" });
    } finally {
      isChecking = false;
    }
  };

  const onActivity = () => {
    const isFirst = !isActive;
    isActive = true;
    if (hasEnded) end();
    else if (isFirst && isExpiring && isIdleFirst()) expiring();
  };
  for (const type of ["pointerdown", "keydown"]) addEventListener(type, onActivity, { capture: true, passive: true });
  addEventListener("pageshow", (event) => event.persisted && check());
  document.addEventListener("visibilitychange", () => document.hidden || schedule());

  // --- Requests of HTMX ------------------------------------------------------------------------------------------

  const requestFailed = (xhr, title) => {
    const response = xhr.getResponseHeader("Content-Type")?.startsWith("text/html") ? xhr.responseText : "";
    failed(xhr.status, new DOMParser().parseFromString(response, "text/html"), title, xhr.getResponseHeader("X-Request-ID"));
  };

  document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
    if (xhr.status === 401) return end();
    // The server has recorded the use.
    isActive = false;
    idleEndsAt = Date.now() + idleMs;
    restart();
  });
  document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => xhr.status === 401 || requestFailed(xhr, "Unexpected response"));
  document.addEventListener("htmx:sendError", ({ detail: { xhr } }) => requestFailed(xhr, "The portal could not be reached"));
  document.addEventListener("htmx:timeout", ({ detail: { xhr } }) => requestFailed(xhr, "The portal took too long to respond"));
  for (const type of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) {
    document.addEventListener(type, () => post("navigated", titled()));
  }

  // --- The height ------------------------------------------------------------------------------------------------

  let height = 0;
  let growth = 0;
  let lastWidth = innerWidth;
  let frameRequest = 0;

  /* The content's height. That of the document is never less than the frame's, so the frame would never shrink. */
  const measure = () => {
    let bottom = 0;
    for (const child of document.body.children) {
      const style = getComputedStyle(child);
      if (style.position === "fixed" || style.position === "absolute") continue;
      // The main part may be stretched over the frame.
      const parts = child.id === "main" && child.children.length ? child.children : [child];
      const padding = parts === child.children ? Number.parseFloat(style.paddingBottom) || 0 : 0;
      for (const part of parts) {
        const margin = Number.parseFloat(getComputedStyle(part).marginBottom) || 0;
        bottom = Math.max(bottom, part.getBoundingClientRect().bottom + margin + padding);
      }
    }
    const padding = Number.parseFloat(getComputedStyle(document.body).paddingBottom) || 0;
    return Math.min(Math.ceil(bottom + scrollY + padding), MAX_HEIGHT);
  };

  const report = () => {
    frameRequest = 0;
    const measured = measure();
    if (measured === height) return;
    // Content that is as high as the frame and a little more would grow without end.
    const isLoop = measured > height && Math.abs(innerHeight - height) <= 1 && innerWidth === lastWidth;
    growth = isLoop ? growth + 1 : 0;
    if (growth > MAX_GROWTH) return;
    lastWidth = innerWidth;
    height = measured;
    post("height", { height });
  };

  const reportSoon = () => {
    frameRequest ||= requestAnimationFrame(report);
  };
  const observer = new ResizeObserver(reportSoon);
  const observeParts = () => {
    for (const part of [document.body, ...document.body.children, ...(document.getElementById("main")?.children ?? [])]) observer.observe(part);
    reportSoon();
  };
  for (const type of ["pointerdown", "keydown", "htmx:afterSettle"]) {
    addEventListener(type, () => (growth = 0), { capture: true, passive: true });
  }
  document.addEventListener("htmx:load", observeParts);
  addEventListener("resize", reportSoon);
  document.addEventListener("toggle", reportSoon, true);

  // --- Success messages ------------------------------------------------------------------------------------------

  const toasts = document.getElementById("toasts");
  const reportSaved = (within) => {
    for (const toast of within.querySelectorAll(".toast-success [data-message]")) {
      post("saved", { ...place(), message: toast.textContent.trim() });
    }
  };

  // --- What the page around it asks for --------------------------------------------------------------------------

  const asked = {
    "check-session": check,
    theme: ({ mode }) => {
      if (!SCHEMES.includes(mode)) return;
      if (mode === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = mode;
    },
    go: ({ path: target }) => {
      if (typeof target !== "string" || !URL.canParse(target, root)) return;
      const url = new URL(target, root);
      // Within the organization's pages only.
      if (url.origin === location.origin && url.pathname.startsWith(root.pathname)) location.assign(url);
    },
  };

  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== parentOrigin || source !== window.parent) return;
    if (data?.gatehouse === CONTRACT && Object.hasOwn(asked, data.type)) asked[data.type](data);
  });

  // --- Links that leave the frame ----------------------------------------------------------------------------------

  const areas = dataset.areas.split(" ");

  /* The area of a page: the first part of its path, "home" without one. */
  const areaOf = (url) => url.pathname.slice(root.pathname.length).split("/")[0] || "home";
  const isInside = (url) => url.pathname.startsWith(root.pathname) && [...areas, "embed"].includes(areaOf(url));

  /* Without scripts, the frame leads to a page that says the same. */
  const openElsewhere = (within) => {
    for (const link of within.querySelectorAll("a[href]:not([target])")) {
      const url = new URL(link.href, location.href);
      if (url.origin !== location.origin || isInside(url)) continue;
      link.href = dataset.portal + url.pathname + url.search + url.hash;
      link.target = "_blank";
      link.rel = "noopener";
      const said = Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: " (opens in a new tab)" });
      link.append(said);
      link.title ||= "Opens in a new tab";
    }
  };
  document.addEventListener("htmx:load", (event) => openElsewhere(event.detail.elt.parentElement ?? event.detail.elt));

  // --- At the start ----------------------------------------------------------------------------------------------

  openElsewhere(document);
  post("ready", titled());
  // Nothing is to be opened again at a page that isn't shown.
  if (status < 400) post("navigated", titled());
  if (document.querySelector("[data-step-up]")) post("step-up-needed", { path: own ? parameter("next") : path() });
  if (status >= 400) failed(status, document, document.title);
  observeParts();
  if (toasts) {
    reportSaved(toasts);
    new MutationObserver((changes) => {
      for (const node of changes.flatMap((change) => [...change.addedNodes])) {
        const parent = document.createElement("div");
        if (node instanceof Element) parent.append(node.cloneNode(true));
        reportSaved(parent);
      }
    }).observe(toasts, { childList: true });
  }
  schedule();
})();
