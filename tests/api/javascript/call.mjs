// Run the methods in the argument with Stytch's SDK for Node.js, and print the result of each.

import { B2BClient } from "stytch";

const { client: configuration, methods } = JSON.parse(process.argv[2]);
const client = new B2BClient(configuration);

const answers = [];
for (const { method, parameters } of methods) {
  const [name, ...nouns] = method.split(".").reverse();
  const noun = nouns.reverse().reduce((object, part) => object[part], client);
  try {
    answers.push(await noun[name](...parameters));
  } catch (error) {
    answers.push({ error_type: error.error_type ?? error.code ?? String(error), status_code: error.status_code });
  }
}
console.log(JSON.stringify(answers));
