/* Drives Firefox by WebDriver BiDi: opens a page, presses its button, and prints what its frame shows as JSON.

   node firefox.mjs ws://127.0.0.1:<port>/session <page> <text to wait for in the frame> [<expression to evaluate there> [<seconds>]] */
import { WebSocket } from "../api/javascript/node_modules/undici/index.js";

const [address, page, awaited, expression = "null", seconds = "15"] = process.argv.slice(2);
const socket = new WebSocket(address);
await new Promise((resolve, reject) => {
  socket.addEventListener("open", resolve);
  socket.addEventListener("error", reject);
});
const pending = new Map();
socket.addEventListener("message", ({ data }) => {
  const message = JSON.parse(data);
  pending.get(message.id)?.(message);
});
let last = 0;

/** Sends a command, and returns its result. */
const send = async (method, params) => {
  const id = ++last;
  const answered = new Promise((resolve) => pending.set(id, resolve));
  socket.send(JSON.stringify({ id, method, params }));
  const { type, result, message } = await answered;
  if (type === "error") throw new Error(`${method}: ${message}`);
  return result;
};

const evaluate = async (context, code) => {
  const { result } = await send("script.evaluate", { expression: code, target: { context }, awaitPromise: true });
  return result?.value;
};

await send("session.new", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
const { context } = await send("browsingContext.create", { type: "tab" });
await send("browsingContext.navigate", { context, url: page, wait: "complete" });
await evaluate(context, "document.querySelector('button').click()");
let shown = "";
for (let tries = 0; tries < seconds * 4 && !shown.includes(awaited); tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 250));
  const { contexts } = await send("browsingContext.getTree", { root: context });
  const frame = contexts[0].children[0];
  // The frame may be between two pages.
  shown = (await evaluate(frame.context, "document.body?.innerText ?? ''").catch(() => "")) ?? "";
}
const { contexts } = await send("browsingContext.getTree", { root: context });
const result = await evaluate(contexts[0].children[0].context, expression).catch(String);
console.log(JSON.stringify({ shown, result }));
process.exit(0);
