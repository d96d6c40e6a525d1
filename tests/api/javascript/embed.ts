// A product's page in TypeScript. It's compiled, not run: tests/browser/test_embedding_scripts.py runs the script.

import { mount, version, type GatehouseEvent, type Handle, type Ticket, type TicketRequest } from "../../../static/embed/gatehouse.mjs";

async function fetchTicket(request: TicketRequest): Promise<Ticket | null> {
  const response = await fetch("/portal-ticket", { method: "POST", body: JSON.stringify(request) });
  return response.status === 401 ? null : await response.json();
}

function say(event: GatehouseEvent): string {
  switch (event.type) {
    case "ready":
    case "navigated":
      return `${event.area}: ${event.title} at ${event.path}`;
    case "saved":
      return event.message;
    case "height":
      return `${event.height}px`;
    case "session-expiring":
      return `${event.reason} in ${event.seconds} seconds, active: ${event.active}`;
    case "session-renewed":
      return `${event.seconds} seconds`;
    case "session-expired":
      return "ended";
    case "step-up-needed":
      return event.path;
    case "error":
      return "cause" in event ? `${event.title} ${String(event.cause)}` : `${event.status} ${event.requestId}`;
  }
}

const handle: Handle = mount(document.body, { fetchTicket, area: "scim", theme: "auto", onEvent: say });
handle.go("scim/groups/");
handle.setTheme("dark");
void handle.renew().then((isProlonged: boolean) => isProlonged || handle.unmount());

// As a classic script.
Gatehouse.mount(document.body, { fetchTicket, path: "members/" }).unmount();
export const contract: 1 = version;

// @ts-expect-error -- without fetchTicket
mount(document.body, { area: "scim" });
// @ts-expect-error -- an area that doesn't exist
mount(document.body, { fetchTicket, area: "billing" });
// @ts-expect-error -- a color scheme that doesn't exist
handle.setTheme("purple");
