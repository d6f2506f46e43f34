// The examples with the frameworks of HTTP: what is in flight at SIGTERM is answered to the end, and the TIME-WAITs are the clients'.
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { buildNext, EXAMPLES_INSTALLED, startExample } from "./example-program.ts";
import { story } from "./story.ts";

class Upload {
  readonly #request: http.ClientRequest;
  readonly #responded: Promise<http.IncomingMessage>;
  text = "";

  constructor(port: number, agent: http.Agent, headers: http.OutgoingHttpHeaders = {}) {
    this.#request = http.request({ host: "127.0.0.1", port, agent, method: "POST", path: "/echo", headers });
    this.#responded = once(this.#request, "response").then(([response]) => response as http.IncomingMessage);
  }

  /** The handler has it. */
  async continued(): Promise<void> {
    this.#request.flushHeaders();
    await once(this.#request, "continue");
  }

  async begin(part: string): Promise<void> {
    this.#request.write(part);
    const response = await this.#responded;
    response.setEncoding("utf8").on("data", (text: string) => (this.text += text));
    if (this.text === "") await once(response, "data");
  }

  async end(part: string): Promise<http.IncomingMessage> {
    this.#request.end(part);
    const response = await this.#responded;
    if (this.text === "") response.setEncoding("utf8").on("data", (text: string) => (this.text += text));
    await once(response, "end");
    return response;
  }
}

async function get(port: number, agent: http.Agent): Promise<http.IncomingMessage> {
  const [response] = (await once(http.get({ host: "127.0.0.1", port, agent }), "response")) as [http.IncomingMessage];
  assert.equal(response.statusCode, 200);
  let text = "";
  response.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(response, "end");
  assert.match(text, /hello/);
  return response;
}

const EXAMPLES: readonly (readonly [name: string, headersAre: "with the body" | "early"])[] = [
  ["express", "with the body"],
  ["fastify", "with the body"],
  ["koa", "with the body"],
  ["next/server", "with the body"],
  // It sends the headers of a stream before there is anything in it.
  ["hono", "early"],
];

for (const [name, headersAre] of EXAMPLES)
  test(
    `examples/${name}.mjs ends at SIGTERM with nothing lost, and no TIME-WAIT of its own`,
    story(async (s) => {
      if (name.startsWith("next")) buildNext();
      const program = await startExample(s, `${name}.mjs`);
      const { port } = program;
      const agent = new http.Agent({ keepAlive: true });
      s.atEnd(() => agent.destroy());

      const begun = new Upload(port, agent);
      await begun.begin("half,");
      const accepted = new Upload(port, agent, { Expect: "100-continue" });
      await accepted.continued();
      await get(port, agent);

      await program.terminate();
      assert.equal((await get(port, agent)).headers.connection, "close", "the idle connection's last request");
      for (const [upload, rest, whole, isTold] of [
        [accepted, "all of it", "all of it", headersAre === "with the body"],
        [begun, "whole", "half,whole", false],
      ] as const) {
        assert.equal((await upload.end(rest)).headers.connection, isTold ? "close" : "keep-alive");
        assert.equal(upload.text, whole);
        if (!isTold) assert.equal((await get(port, agent)).headers.connection, "close");
      }

      const { status, report } = await program.ended();
      assert.equal(status, 0);
      const { connections, closedByPeer, requestsFinished, timeWaitLeft } = report;
      assert.deepEqual(
        { connections, closedByPeer, requestsFinished, timeWaitLeft },
        {
          connections: 3,
          closedByPeer: 3,
          requestsFinished: headersAre === "early" ? 5 : 4,
          timeWaitLeft: 0,
        },
      );
      assert.equal((await s.sockets(`state time-wait and sport = :${port}`)).length, 0);
    }, EXAMPLES_INSTALLED),
  );
