// A product's page with Stytch's SDK for browsers. The address says which API and which project; `call` is what tests use.

import { createStytchB2BClient } from "@stytch/vanilla-js/b2b/index.headless.mjs";

const address = new URLSearchParams(location.search);
const api = address.get("api");
const client = createStytchB2BClient(address.get("token"), { endpoints: { testAPIURL: api, liveAPIURL: api } });

window.client = client;
window.call = async (method, ...parameters) => {
  const [name, ...nouns] = method.split(".").reverse();
  const noun = nouns.reverse().reduce((object, part) => object[part], client);
  try {
    return await noun[name](...parameters);
  } catch (error) {
    return { error_type: error.error_type ?? String(error), status_code: error.status_code };
  }
};
document.documentElement.dataset.ready = "true";
