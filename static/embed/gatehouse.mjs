/* The host script as an ES module. docs/embed.md explains it. */
import "./gatehouse.js";

export const { mount, version } = globalThis.Gatehouse;
