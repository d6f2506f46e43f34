// What src/verdict/sysctls/ports.ts and closing.ts say of their settings, on the running kernel.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { setSysctl } from "./sysctls.ts";
import { story } from "./story.ts";

test(
  "ip_local_port_range is refused below ip_unprivileged_port_start, and the other way round",
  story(async (s) => {
    assert.throws(() => setSysctl(s, "net.ipv4.ip_local_port_range", "1000 65535"), /Invalid argument/);
    setSysctl(s, "net.ipv4.ip_unprivileged_port_start", 900);
    setSysctl(s, "net.ipv4.ip_local_port_range", "1000 65535");
    assert.throws(() => setSysctl(s, "net.ipv4.ip_unprivileged_port_start", 1024), /Invalid argument/);
  }),
);

test(
  "ip_local_reserved_ports keeps connect() away and not bind(); writing it replaces the list",
  story(async (s) => {
    setSysctl(s, "net.ipv4.ip_local_port_range", "40000 40001");
    setSysctl(s, "net.ipv4.ip_local_reserved_ports", "40000");
    const server = s.actor();
    await server.listen("127.0.0.1:7000");
    const client = s.actor();
    const fd = await client.connect("127.0.0.1:7000");
    assert.equal(await client.call("port", { fd }), 40001);
    const second = await client.call("socket", { family: "ipv4" });
    assert.deepEqual(
      await client.try("connect", { fd: second, to: "127.0.0.1:7000" }).then((a) => "errno" in a && a.errno),
      "EADDRNOTAVAIL",
    );
    await client.close(await client.bound("127.0.0.1:40000"));
    setSysctl(s, "net.ipv4.ip_local_reserved_ports", "40001");
    const third = await client.connect("127.0.0.1:7000");
    assert.equal(await client.call("port", { fd: third }), 40000);
  }),
);

test(
  "ip_nonlocal_bind lets a program listen where nobody can reach it",
  story(async (s) => {
    const server = s.actor();
    await assert.rejects(server.listen("192.0.2.1:7000"), /EADDRNOTAVAIL/);
    setSysctl(s, "net.ipv4.ip_nonlocal_bind", 1);
    await server.listen("192.0.2.1:7000");
  }),
);

test(
  "tcp_keepalive_time is for sockets with SO_KEEPALIVE only, and counts from the next time their timer is set",
  story(async (s) => {
    const server = s.actor();
    await server.listen("127.0.0.1:7000");
    const client = s.actor();
    const before = await client.connect("127.0.0.1:7000", { keepAlive: true });
    setSysctl(s, "net.ipv4.tcp_keepalive_time", 300);
    const remaining = async (fd: number): Promise<number | undefined> => {
      const { timer } = await s.socket(`dport = :7000 sport = :${await client.call("port", { fd })}`);
      return timer?.kind === "keepalive" ? timer.remainingMs : undefined;
    };
    assert.ok(((await remaining(before)) ?? 0) > 7_000_000);
    const after = (await remaining(await client.connect("127.0.0.1:7000", { keepAlive: true }))) ?? 0;
    assert.ok(after > 290_000 && after <= 300_000, `${after} ms`);
    assert.equal(await remaining(await client.connect("127.0.0.1:7000")), undefined);
  }),
);

test(
  "tcp_max_orphans is shown in the machine's first network namespace only",
  story(async (s) => {
    assert.throws(() => s.system("cat", "/proc/sys/net/ipv4/tcp_max_orphans"), /No such file/);
    assert.ok(existsSync("/proc/sys/net/ipv4/tcp_orphan_retries"));
  }),
);
