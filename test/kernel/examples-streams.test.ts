// The examples whose connections go on for ever by themselves: each client hears the goodbye of its own protocol.
import assert from "node:assert/strict";
import { once, type EventEmitter } from "node:events";
import { test } from "node:test";
import { EXAMPLES_INSTALLED, exampleModule, startExample } from "./example-program.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

interface WebSocketClient extends EventEmitter {
  send(text: string): void;
  terminate(): void;
}

test(
  "examples/ws.mjs says 1001 to WebSockets at SIGTERM, and ends when they have answered",
  story(async (s) => {
    const WebSocket = exampleModule("ws") as new (url: string) => WebSocketClient;
    const program = await startExample(s, "ws.mjs");
    const client = new WebSocket(`ws://127.0.0.1:${program.port}`);
    s.atEnd(() => client.terminate());
    await once(client, "open");
    client.send("hello");
    assert.equal(String((await once(client, "message"))[0]), "hello");
    const closed = once(client, "close");
    await program.terminate();
    const [code, reason] = await closed;
    assert.deepEqual([code, String(reason)], [1001, "the server restarts"]);
    const { status, report } = await program.ended();
    assert.equal(status, 0);
    // Who closes first is open: the server shall (RFC 6455, 7.1.1), and this client does not wait for it.
    assert.deepEqual([report.closedByUs + report.closedByPeer, report.aborted], [1, 0]);
  }, EXAMPLES_INSTALLED),
);

interface IoClient extends EventEmitter {
  readonly connected: boolean;
  readonly io: EventEmitter;
  emitWithAck(event: string, word: string): Promise<unknown>;
  close(): void;
}

for (const transport of ["websocket", "polling"])
  test(
    `examples/socket.io.mjs lets a client by ${transport} go at SIGTERM so that it connects again`,
    story(async (s) => {
      const { io } = exampleModule("socket.io-client") as { io: (url: string, options: object) => IoClient };
      const program = await startExample(s, "socket.io.mjs");
      const client = io(`http://127.0.0.1:${program.port}`, { transports: [transport], reconnectionDelay: 1 });
      s.atEnd(() => client.close());
      assert.equal(await client.emitWithAck("echo", "hello"), "hello");
      const gone = once(client, "disconnect");
      // Nobody listens any more: its attempts end with "error".
      const again = new Promise((resolve) => client.io.once("reconnect_attempt", resolve));
      await program.terminate();
      const [why] = await gone;
      assert.match(String(why), /^transport (close|error)$/);
      await again;
      const { status, report } = await program.ended();
      assert.equal(status, 0);
      assert.equal(report.aborted, 0);
      // A long poll ends as any response of HTTP does.
      if (transport === "polling") assert.equal(report.closedByPeer, report.connections);
    }, EXAMPLES_INSTALLED),
  );

interface GrpcCall extends EventEmitter {
  write(word: Buffer): void;
  end(): void;
  cancel(): void;
}
type ToBytes = (word: Buffer) => Buffer;
interface GrpcClient {
  makeBidiStreamRequest(path: string, out: ToBytes, back: ToBytes): GrpcCall;
  makeUnaryRequest(
    path: string,
    out: ToBytes,
    back: ToBytes,
    word: Buffer,
    done: (error: Error | null, word?: Buffer) => void,
  ): GrpcCall;
  close(): void;
}
interface Grpc {
  readonly Client: new (address: string, credentials: unknown, options: object) => GrpcClient;
  readonly credentials: { createInsecure(): unknown };
}

test(
  "examples/grpc.mjs finishes a stream that is open at SIGTERM, and leaves the TIME-WAIT to the client",
  story(async (s) => {
    const { Client, credentials } = exampleModule("@grpc/grpc-js") as Grpc;
    const program = await startExample(s, "grpc.mjs");
    const { port } = program;
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
    s.atEnd(() => client.close());
    const asIs: ToBytes = (word) => word;
    const said = await new Promise((resolve, reject) => {
      client.makeUnaryRequest("/Echo/Say", asIs, asIs, Buffer.from("hello"), (error, word) =>
        error === null ? resolve(String(word)) : reject(error),
      );
    });
    assert.equal(said, "hello");
    const call = client.makeBidiStreamRequest("/Echo/Talk", asIs, asIs);
    const words: string[] = [];
    call.on("data", (word: Buffer) => words.push(String(word))).on("error", () => {});
    const ended = once(call, "status");
    call.write(Buffer.from("half"));
    await until("half is echoed", () => words.length === 1);
    await program.terminate();
    call.write(Buffer.from("whole"));
    await until("whole is echoed", () => words.length === 2);
    call.end();
    const [{ code }] = (await ended) as [{ code: number }];
    assert.equal(code, 0);
    const { status, report } = await program.ended();
    assert.equal(status, 0);
    const { connections, closedByPeer, requestsFinished, timeWaitLeft } = report;
    assert.deepEqual(
      { connections, closedByPeer, requestsFinished, timeWaitLeft },
      { connections: 1, closedByPeer: 1, requestsFinished: 1, timeWaitLeft: 0 },
    );
    assert.equal((await s.sockets(`state time-wait and sport = :${port}`)).length, 0);
  }, EXAMPLES_INSTALLED),
);
