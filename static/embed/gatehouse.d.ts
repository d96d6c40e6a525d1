/** The types of gatehouse.js and gatehouse.mjs, which mount the portal in a frame of your page. docs/embed.md explains them. */

/** An area of the portal. */
export type Area = "home" | "members" | "scim" | "settings" | "activity";

/** Whether a frame is light or dark. "auto" follows the system. */
export type Theme = "auto" | "light" | "dark";

/** Why a ticket is needed: the first one, or because the session is about to end, or has ended. */
export type Reason = "start" | "expiring" | "expired";

/** What a ticket is for. Your backend decides what of it goes into the request for the ticket. */
export interface TicketRequest {
  reason: Reason;
  /** The area that the frame shows, or that `mount` was given. "" if there is none yet. */
  area: Area | "";
  theme: Theme;
  /** As `mount` was given it, or "". */
  locale: string;
  /** The path that the frame shows, such as "scim/groups/?q=Eng", or that `mount` was given. "" if there is none yet. */
  path: string;
}

/** The response of `POST /v1/b2b/organizations/{organization_id}/embed/tickets`, or these fields of it. */
export interface Ticket {
  /** Valid for 60 seconds, and only once. */
  ticket: string;
  /** Where the script submits the ticket. */
  url: string;
}

/** Ask your backend for a ticket. Resolve to null to let the session end. If it throws, it's tried again. */
export type FetchTicket = (request: TicketRequest) => Promise<Ticket | null>;

/** Where a frame is: below /o/<slug>/ of the portal. */
export interface Place {
  area: Area;
  path: string;
}

/** A page was loaded. */
export interface ReadyEvent extends Place {
  type: "ready";
  title: string;
}

/** The content has another height, in CSS pixels. The script has already resized the frame. */
export interface HeightEvent {
  type: "height";
  height: number;
}

/** The frame shows another page, or the same one with another search. Keep `path` to return to it. */
export interface NavigatedEvent extends Place {
  type: "navigated";
  title: string;
}

/** A change was saved. `message` is what the frame says about it. */
export interface SavedEvent extends Place {
  type: "saved";
  message: string;
}

/** The session ends in `seconds`, because no one uses it ("idle") or because it has lasted long enough ("limit"). */
export interface SessionExpiringEvent {
  type: "session-expiring";
  seconds: number;
  reason: "idle" | "limit";
  /** Whether the person has used the mouse or the keyboard in the frame since its last request. */
  active: boolean;
}

/** The session was checked, and lasts for `seconds` more. */
export interface SessionRenewedEvent {
  type: "session-renewed";
  seconds: number;
}

/** The session has ended. The script asks for a ticket to start another one at the same place. */
export interface SessionExpiredEvent {
  type: "session-expired";
}

/** The page can be used only in a tab of its own, which the frame links to. */
export interface StepUpNeededEvent {
  type: "step-up-needed";
  path: string;
}

/** The frame shows an error. */
export interface PageErrorEvent {
  type: "error";
  code:
    /** A page or a request in the frame failed. */
    | "page-error"
    /** The portal rejected the ticket. */
    | "ticket-rejected"
    /** The browser refuses cookies of frames. The frame offers a tab of its own. */
    | "cookies-blocked";
  /** The HTTP status, or 0 without a response. */
  status: number;
  title: string;
  /** For the log of the portal, or "". */
  requestId: string;
}

/** What went wrong around the frame. docs/embed.md lists causes and fixes. */
export interface HostErrorEvent {
  type: "error";
  code:
    /** `fetchTicket` threw or returned something else than a ticket. `cause` is the error. */
    | "ticket-failed"
    /** The Content-Security-Policy of your page doesn't allow the frame or the form. */
    | "blocked-by-your-policy"
    /** The frame said nothing for 15 seconds. */
    | "not-ready"
    /** The ticket for a renewal was rejected. The session continues until it ends. */
    | "not-renewed"
    /** A session ended within 10 seconds of its start, so none is started again. */
    | "session-lost";
  status: 0;
  /** For developers, in English. */
  title: string;
  requestId: "";
  cause?: unknown;
  /** With "ticket-failed": whether `fetchTicket` is called again. */
  isRetrying?: boolean;
}

export type GatehouseEvent =
  | ReadyEvent
  | HeightEvent
  | NavigatedEvent
  | SavedEvent
  | SessionExpiringEvent
  | SessionRenewedEvent
  | SessionExpiredEvent
  | StepUpNeededEvent
  | PageErrorEvent
  | HostErrorEvent;

export interface MountOptions {
  fetchTicket: FetchTicket;
  /** The area to ask for. */
  area?: Area;
  /** The path to start at, below /o/<slug>/, such as "scim/groups/?q=Eng". Your backend must put it into the ticket. */
  path?: string;
  /** "auto" unless given. */
  theme?: Theme;
  /** A language of the portal, such as "de". */
  locale?: string;
  /** What the frame is called, for people who use a screen reader. "Admin portal" unless given. */
  title?: string;
  onEvent?: (event: GatehouseEvent) => void;
}

export interface Handle {
  /** Open another page: a path below /o/<slug>/. The frame ignores any other. */
  go(path: string): void;
  /** Change the color scheme without loading the page again. */
  setTheme(theme: Theme): void;
  /** Prolong the session now, or start another one if it has ended. Resolves to whether it was prolonged. */
  renew(): Promise<boolean>;
  /** Remove the frame, its timers and its listeners. */
  unmount(): void;
}

/** Mount the portal in an element, and keep its session alive. Throws TypeError for a wrong argument. */
export function mount(element: Element, options: MountOptions): Handle;

/** The version of the messages between the page and the frame. */
export const version: 1;

declare global {
  /** What gatehouse.js sets as a classic script. */
  var Gatehouse: Readonly<{ mount: typeof mount; version: typeof version }>;
}
