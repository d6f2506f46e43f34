import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerProxyTarget } from "./docker-proxy.ts";
import {
  ALL_STATES,
  STATES,
  STATE_GROUPS,
  kernelOfState,
  maskHas,
  maskOf,
  maskOfWord,
  stateOfKernel,
  stateWords,
} from "./states.ts";
import { parseSysctlNumber, parseSysctlPortList, parseSysctlPortRange } from "./sysctl-values.ts";

test("every state has a number of the kernel of its own, and comes back from it", () => {
  for (const { name, kernel } of STATES) {
    assert.equal(stateOfKernel(kernel), name);
    assert.equal(kernelOfState(name), kernel);
  }
  assert.equal(new Set(STATES.map(({ kernel }) => kernel)).size, STATES.length);
  assert.equal(stateOfKernel(12), "SYN-RECEIVED", "a request socket");
  assert.equal(stateOfKernel(0), undefined);
  assert.equal(stateOfKernel(14), undefined);
});

test("maskOf() and maskHas() are the kernel's bits", () => {
  assert.equal(maskOf("ESTABLISHED", "LISTEN"), (1 << 1) | (1 << 10));
  assert.equal(maskOf("BOUND"), 1 << 13);
  assert.equal(maskHas(maskOf("LISTEN"), "LISTEN"), true);
  assert.equal(maskHas(maskOf("LISTEN"), "BOUND"), false);
  for (const { name } of STATES) assert.ok(maskHas(ALL_STATES, name));
});

test("maskOfWord() takes RFC 9293's names and all of ss's spellings, in any case", () => {
  for (const { name, ss, also } of STATES)
    for (const word of [name, ss, ...also, name.toLowerCase(), ss.toUpperCase()])
      assert.equal(maskOfWord(word), maskOf(name), word);
  for (const group of Object.keys(STATE_GROUPS)) assert.equal(maskOfWord(group), STATE_GROUPS[group]);
  for (const word of ["bogus", "", "constructor", "__proto__"]) assert.equal(maskOfWord(word), undefined, word);
});

test("stateWords() names no word twice, and only words that are known", () => {
  const words = stateWords();
  assert.equal(new Set(words).size, words.length);
  for (const word of words) assert.notEqual(maskOfWord(word), undefined, word);
});

test("the state groups are those of ss", () => {
  const names = (group: string) =>
    STATES.filter(({ name }) => maskHas(STATE_GROUPS[group]!, name)).map(({ name }) => name);
  assert.deepEqual(names("bucket"), ["SYN-RECEIVED", "TIME-WAIT"]);
  assert.ok(!names("all").includes("BOUND"));
  assert.ok(!names("connected").some((name) => name === "LISTEN" || name === "CLOSED" || name === "BOUND"));
  assert.deepEqual(
    names("connected").filter((name) => !names("synchronized").includes(name)),
    ["SYN-SENT"],
  );
  assert.deepEqual(
    names("all").filter((name) => !names("big").includes(name)),
    ["SYN-RECEIVED", "TIME-WAIT"],
  );
});

test("parseSysctlNumber() takes an integer and nothing else", () => {
  assert.equal(parseSysctlNumber("1024"), 1024);
  assert.equal(parseSysctlNumber("-1"), -1);
  for (const text of [undefined, "", "1.5", " 1", "1e3", "0x10", "9".repeat(17)])
    assert.equal(parseSysctlNumber(text), undefined);
});

test("parseSysctlPortRange() takes two ports in order", () => {
  assert.deepEqual(parseSysctlPortRange("32768 60999"), { first: 32_768, last: 60_999 });
  assert.deepEqual(parseSysctlPortRange("32768\t60999"), { first: 32_768, last: 60_999 });
  for (const text of [undefined, "", "1", "2 1", "1 70000", "a b"]) assert.equal(parseSysctlPortRange(text), undefined);
});

test("parseSysctlPortList() takes ports and ranges; an empty setting is none", () => {
  assert.deepEqual(parseSysctlPortList("8080,9000-9010"), [
    { first: 8080, last: 8080 },
    { first: 9000, last: 9010 },
  ]);
  assert.deepEqual(parseSysctlPortList(""), []);
  for (const text of [undefined, "x", "1,,2", "2-1", "1-70000"]) assert.equal(parseSysctlPortList(text), undefined);
});

test("dockerProxyTarget() reads the container's end from docker-proxy's command line, wherever it is installed", () => {
  const args = ["/usr/libexec/docker/docker-proxy", "-container-ip", "172.17.0.2", "-container-port", "80"];
  const of = (command: string, words: readonly string[]) => dockerProxyTarget({ pid: 1, fd: 1, command, args: words });
  assert.deepEqual(of("docker-proxy", args), { address: "172.17.0.2", port: 80 });
  assert.deepEqual(of("docker-pr", args), { address: "172.17.0.2", port: 80 });
  assert.equal(of("nginx", ["nginx", ...args.slice(1)]), undefined);
  assert.equal(of("docker-proxy", args.slice(0, 3)), undefined);
  assert.equal(of("docker-proxy", [...args.slice(0, 4), "eighty"]), undefined);
  assert.equal(of("docker-proxy", [...args.slice(0, 4), "70000"]), undefined);
  assert.equal(dockerProxyTarget({ pid: 1, fd: 1, command: "docker-proxy" }), undefined);
});
