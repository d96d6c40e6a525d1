/** The types of gatehouse.mjs. */

export * from "./gatehouse.js";
