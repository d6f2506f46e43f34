// Whose address meets whose: wildcards, single addresses, dual-stack, and the cell of the kernel's table that surprises.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";

test(
  "a wildcard meets a single address, both ways round",
  story(async (story) => {
    const one = story.actor();
    await one.listen("127.0.0.1:49340");
    await one.listen("0.0.0.0:49341");
    const wildcard = await story.why("0.0.0.0:49340");
    assert.equal(wildcard.status, 1);
    assert.match(wildcard.json.blockers[0]?.text ?? "", /0\.0\.0\.0:49340 is every address, 127\.0\.0\.1 included/);
    const single = await story.why("127.0.0.1:49341");
    assert.equal(single.status, 1);
    assert.match(single.json.blockers[0]?.text ?? "", /0\.0\.0\.0:49341 is every address, 127\.0\.0\.1 included/);
  }),
);

test(
  "127.0.0.2 is free while 127.0.0.1 listens, which is spared",
  story(async (story) => {
    const server = story.actor();
    await server.listen("127.0.0.1:49342");
    const { status, json } = await story.why("127.0.0.2:49342");
    assert.equal(status, 0);
    assert.deepEqual(json.blockers, []);
    assert.deepEqual(
      json.spared.map(({ socket }) => [socket.local.address, socket.state]),
      [["127.0.0.1", "LISTEN"]],
    );
    assert.match(json.spared[0]?.text ?? "", /does not meet 127\.0\.0\.2:49342/);
  }),
);

test(
  "dual-stack meets IPv4, both ways round; V6ONLY does not",
  story(async (story) => {
    const server = story.actor();
    await server.listen("0.0.0.0:49343");
    await server.listen("[::]:49344", { v6only: false });
    await server.listen("[::]:49345", { v6only: true });
    const status = async (args: string): Promise<number | null> => (await story.why(args)).status;
    const dual = await story.why("49343");
    assert.equal(dual.status, 1);
    assert.match(dual.json.blockers[0]?.text ?? "", /\[::\]:49343 is dual-stack: it takes IPv4 too/);
    assert.equal(await status("[::]:49343 --v6only"), 0);
    assert.equal(await status("[::1]:49343"), 0, "a single IPv6 address takes no IPv4");
    const ipv4 = await story.why("127.0.0.1:49344");
    assert.equal(ipv4.status, 1);
    assert.match(ipv4.json.blockers[0]?.text ?? "", /\[::\]:49344 is dual-stack: it takes IPv4 too/);
    assert.equal(await status("0.0.0.0:49345"), 0);
    assert.equal(await status("49345"), 1);
  }),
);

test(
  "a client on [::1] blocks 0.0.0.0, and not 127.0.0.1",
  story(async (story) => {
    const service = story.actor();
    await service.listen("[::1]:5434");
    const client = story.actor();
    const fd = await client.connect("[::1]:5434");
    const port = await client.call("port", { fd });
    const wildcard = await story.why(`0.0.0.0:${port}`);
    assert.equal(wildcard.status, 1);
    assert.deepEqual(
      wildcard.json.blockers.map(({ rule, socket }) => [rule, socket?.local.address]),
      [["client", "::1"]],
    );
    const single = await story.why(`127.0.0.1:${port}`);
    assert.equal(single.status, 0);
    assert.match(single.json.spared[0]?.text ?? "", /^the other end of a connection that uses port/);
    assert.match(single.json.spared[1]?.text ?? "", /took this port .*; its address does not meet 127\.0\.0\.1:/);
  }),
);

test(
  "an address of no device here",
  story(async (story) => {
    const { status, json } = await story.why("192.0.2.7:49346");
    assert.equal(status, 1);
    assert.equal(json.attempts[0]?.result, "EADDRNOTAVAIL");
    assert.deepEqual(
      json.blockers.map(({ rule, socket }) => [rule, socket]),
      [["address-not-local", undefined]],
    );
    assert.match(json.advice[0]?.text ?? "", /127\.0\.0\.1/);
  }),
);

test(
  "a privileged port as a user without the right",
  story(async (story) => {
    const asRoot = await story.why("80");
    assert.equal(asRoot.status, 0);
    const asNobody = await story.why("80 --user 65534");
    assert.equal(asNobody.status, 1);
    assert.equal(asNobody.json.attempts[0]?.result, "EACCES");
    assert.deepEqual(
      asNobody.json.blockers.map(({ rule }) => rule),
      ["privileged-port"],
    );
    assert.ok(asNobody.json.advice.some(({ command }) => command?.includes("ip_unprivileged_port_start=80")));
    assert.equal((await story.why("1024 --user 65534")).status, 0);
  }, SECOND_USER),
);

test(
  "sockets bound to different devices share a port",
  story(async (story) => {
    story.system("ip", "link", "add", "one", "type", "veth", "peer", "name", "two");
    for (const name of ["one", "two"]) story.system("ip", "link", "set", name, "up");
    const server = story.actor();
    await server.listen("0.0.0.0:49347", { device: "one" });
    const other = await story.why("0.0.0.0:49347 --device two");
    assert.equal(other.status, 0);
    const same = await story.why("0.0.0.0:49347 --device one");
    assert.equal(same.status, 1);
    assert.equal(same.json.endpoint.interface, "one");
    assert.equal(same.json.blockers[0]?.socket?.local.interface, "one");
    assert.equal((await story.why("0.0.0.0:49347")).status, 1, "no device is every device");
    const unknown = await story.command<{ error: { code: string } }>(["why", "49347", "--device", "none", "--json"]);
    assert.equal(unknown.json.error.code, "PM_UNKNOWN_DEVICE");
  }),
);
