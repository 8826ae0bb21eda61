// Verifies one message as its receiver would, with the official library of JavaScript.
//
// Standard input: {"secret", "headers", "body"} in JSON. Exit status 0: it is ours, and its type is on standard output; 1: it is not.

const { readFileSync } = require("node:fs");
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
try {
  console.log(new Webhook(secret).verify(body, headers).type);
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
