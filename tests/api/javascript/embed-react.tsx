// A product's component in React, as docs/embed.md shows it.

import { useEffect, useRef } from "react";
import { mount, type FetchTicket } from "../../../static/embed/gatehouse.mjs";

const fetchTicket: FetchTicket = async (request) => {
  const response = await fetch("/portal-ticket", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
};

export function Directory({ area }: { area: "members" | "scim" }) {
  const place = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!place.current) return;
    const handle = mount(place.current, { fetchTicket, area, title: "Directory" });
    return () => handle.unmount();
  }, [area]);

  return <div ref={place} />;
}
