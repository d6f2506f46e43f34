import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseSysctlFile } from "./sysctl-file.ts";

test("parseSysctlFile() reads assignments with their lines, and no comments", () => {
  const text = [
    "# net.ipv4.tcp_tw_reuse = 1",
    "; net.ipv4.tcp_tw_reuse = 1",
    "",
    "net.ipv4.tcp_tw_recycle=1",
    "  net.ipv4.ip_local_port_range =  1024\t  65535  ",
    "net.ipv4.tcp_fin_timeout",
    "= 3",
    "net.ipv4.ip_local_reserved_ports =",
  ].join("\n");
  assert.deepEqual(parseSysctlFile(text), [
    { line: 4, name: "net.ipv4.tcp_tw_recycle", value: "1" },
    { line: 5, name: "net.ipv4.ip_local_port_range", value: "1024 65535" },
    { line: 8, name: "net.ipv4.ip_local_reserved_ports", value: "" },
  ]);
});

test("parseSysctlFile() takes the - away that says that a failure does not matter", () => {
  assert.deepEqual(parseSysctlFile("-net.core.somaxconn = 1024\n- net.core.somaxconn = 2048\n-net.ipv4.conf.*.x\n"), [
    { line: 1, name: "net.core.somaxconn", value: "1024" },
    { line: 2, name: "net.core.somaxconn", value: "2048" },
  ]);
});

test("parseSysctlFile() writes names as paths with dots, and leaves patterns as they are", () => {
  const names = parseSysctlFile(
    "net/ipv4/conf/eth0.100/forwarding=1\nnet.ipv4.conf.eth0/100.forwarding=1\nnet/ipv4/conf/*/rp_filter=2\n",
  ).map(({ name }) => name);
  assert.deepEqual(names, [
    "net.ipv4.conf.eth0/100.forwarding",
    "net.ipv4.conf.eth0/100.forwarding",
    "net.ipv4.conf.*.rp_filter",
  ]);
});

test("parseSysctlFile() bears any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const { name, line } of parseSysctlFile(text)) assert.ok(name !== "" && line >= 1);
    }),
  );
});
