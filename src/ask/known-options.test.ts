import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeHost } from "../testing/testing.ts";
import { listSockets } from "./list-sockets.ts";
import { why } from "./why.ts";

const host = createFakeHost({});

test("why() and listSockets() refuse an option that they do not have, and name the near one", async () => {
  const misspeltEndpoint = { port: 80, adress: "::1" };
  const misspelt = { host, resuePort: true };
  await assert.rejects(why(80, misspelt), { code: "PM_USAGE", hint: "did you mean reusePort?" });
  await assert.rejects(why(misspeltEndpoint, { host }), {
    code: "PM_USAGE",
    hint: "did you mean address?",
  });
  const filter = { host, fliter: "sport = :80" };
  await assert.rejects(listSockets(filter), { code: "PM_USAGE", hint: "did you mean filter?" });
});

test("why() refuses a protocol that is none", async () => {
  await assert.rejects(why({ port: 80, protocol: "UDP" as "udp" }, { host }), {
    code: "PM_USAGE",
  });
});

test("why() refuses a user that cannot be one", async () => {
  for (const user of ["4294967295", "4294967296", -1, 1.5])
    await assert.rejects(why(80, { host, user }), { code: "PM_UNKNOWN_USER" });
});
