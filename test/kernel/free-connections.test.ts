// Ports that connections hold as their own: the connection is ended, and its program goes on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { free } from "../../src/act/free.ts";
import { isAlive } from "./started-command.ts";
import { story } from "./story.ts";

test(
  "an outgoing connection is ended with consent of its own, and nobody is signalled",
  story(async (s) => {
    const service = s.actor();
    const listener = await service.listen("127.0.0.1:5432", { reuseAddr: true });
    const client = s.actor();
    const fd = await client.connect("127.0.0.1:5432");
    const accepted = await service.accept(listener);
    const port = await client.call("port", { fd });
    const bystander = s.actor();
    const other = await bystander.connect("127.0.0.1:5432");
    const refused = await free(port, { yes: true, force: true });
    assert.deepEqual([refused.bindable, refused.done, refused.refused[0]?.lacks], [false, [], "option"]);
    await client.call("write", { fd, text: "x" });
    const result = await free(port, { yes: true, force: true, dropClients: true });
    assert.deepEqual(
      [result.bindable, result.done.map(({ kind, result: one }) => [kind, one])],
      [true, [["drop", "ok"]]],
    );
    for (const { pid } of [service, client, bystander]) assert.ok(isAlive(pid));
    await bystander.call("write", { fd: other, text: "x" });
    assert.ok(accepted > 0);
  }),
);

test(
  "a client that asked for its port and keeps the dead socket is not ended where that does not help",
  story(async (s) => {
    const service = s.actor();
    await service.listen("127.0.0.1:5433", { reuseAddr: true });
    const client = s.actor();
    await client.connect("127.0.0.1:5433", { from: "127.0.0.1:48751" });
    // Whoever binds without the option is not helped by it, and the program is not ended for having lost its connection.
    const strict = await free(48_751, { yes: true, dropClients: true, force: true, reuseAddr: false });
    assert.deepEqual([strict.bindable, strict.done.map(({ kind }) => kind)], [false, ["drop"]]);
    assert.match(strict.refused[0]?.text ?? "", /has not closed the connection/);
    assert.ok(isAlive(client.pid));
  }),
);

test(
  "a client that asked for its port and keeps the dead socket is made to share the port",
  story(async (s) => {
    const service = s.actor();
    await service.listen("127.0.0.1:5433", { reuseAddr: true });
    const client = s.actor();
    await client.connect("127.0.0.1:5433", { from: "127.0.0.1:48751" });
    const result = await free(48_751, { yes: true, dropClients: true });
    assert.equal(result.bindable, true);
    assert.match(result.done[0]?.why ?? "", /SO_REUSEADDR was set on it/);
    assert.ok(isAlive(client.pid));
    // By a program of its own, which serves on it.
    const next = s.actor();
    await next.listen("0.0.0.0:48751", { reuseAddr: true });
    await s.actor().connect("127.0.0.1:48751");
  }),
);

test(
  "a UDP client's port is freed, and its program goes on",
  story(async (s) => {
    const code =
      'const d = require("dgram").createSocket("udp4"); d.connect(53, "127.0.0.1", () => console.log(d.address().port)); setInterval(() => 0, 1000)';
    const client = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    s.atEnd(() => client.kill("SIGKILL"));
    const [line] = (await once(client.stdout, "data")) as [Buffer];
    const port = Number(line.toString());
    const result = await free({ port, protocol: "udp" }, { yes: true, dropClients: true });
    assert.deepEqual([result.bindable, result.done.map(({ kind }) => kind)], [true, ["drop"]]);
    assert.ok(isAlive(client.pid!));
  }),
);

test(
  "connections that a program has not closed and that nobody listens for are ended, and the program goes on",
  story(async (s) => {
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:48753");
    const client = s.actor();
    const fd = await client.connect("127.0.0.1:48753");
    await server.accept(listener);
    await server.close(listener);
    await client.close(fd);
    await s.socket("state close-wait sport = :48753");
    const result = await free("127.0.0.1:48753", { yes: true });
    assert.deepEqual([result.bindable, result.done.map(({ kind }) => kind)], [true, ["drop"]]);
    assert.ok(isAlive(server.pid));
  }),
);
