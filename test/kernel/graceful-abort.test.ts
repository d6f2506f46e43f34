// abort() of one connection: a reset on the wire, and nothing of it is left on either side.
import assert from "node:assert/strict";
import type http from "node:http";
import type http2 from "node:http2";
import type net from "node:net";
import { test } from "node:test";
import { abort } from "../../src/graceful/graceful.ts";
import { Answers, listening, SERVER_KINDS } from "../contracts/graceful-kinds.ts";
import { resetsSent } from "./resets-sent.ts";
import { story } from "./story.ts";

/** What the handler of a server of this kind has in its hands. */
function socketInHand(server: net.Server): Promise<net.Socket> {
  return new Promise((resolve) => {
    if ("closeIdleConnections" in server) {
      server.on("request", ({ socket }: http.IncomingMessage) => resolve(socket));
      server.on("upgrade", ({ socket }: http.IncomingMessage) => resolve(socket));
      server.on("connect", ({ socket }: http.IncomingMessage) => resolve(socket));
    } else if ("updateSettings" in server) server.on("session", ({ socket }: http2.Http2Session) => resolve(socket));
    else server.on("setSecureContext" in server ? "secureConnection" : "connection", resolve);
  });
}

for (const kind of SERVER_KINDS)
  test(
    `abort(socket) of ${kind.name}`,
    story(async (s) => {
      const answers = new Answers();
      const server = kind.serve(answers);
      const inHand = socketInHand(server);
      const port = await listening(server);
      s.atEnd(() => server.close());
      const client = await kind.connect(port);
      const answer = client.ask("never").then(
        () => "answered",
        () => "failed",
      );
      const socket = await inHand;
      await s.socket(`state established and sport = :${port}`);
      assert.equal(abort(socket), 1);
      const how = await client.over;
      // Node's own clients do not all tell an end from a reset.
      if (!kind.isTold) assert.equal(how, "reset");
      assert.equal(resetsSent(), 1);
      assert.equal(abort(socket), 0, "once");
      await s.gone(`not state listen and ( sport = :${port} or dport = :${port} )`);
      client.leave();
      if (kind.isTold) assert.equal(await answer, "failed");
    }),
  );
