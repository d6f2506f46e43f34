import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { listenPort, unitValues } from "./unit-file.ts";

test("unitValues() takes a key of its section only, and the values in order", () => {
  const text =
    "[Unit]\nRestart=never\n[Service]\n# Restart=no\n; Restart=no\n Restart = on-failure \nExecStart=x\nRestart=always\n";
  assert.deepEqual(unitValues([text], "Service", "Restart"), ["on-failure", "always"]);
  assert.deepEqual(unitValues([text], "Install", "Restart"), []);
});

test("unitValues() starts anew at an empty value, and with each file outside of any section", () => {
  const main = "[Socket]\nListenStream=80\nListenStream=443\n";
  assert.deepEqual(unitValues([main, "[Socket]\nListenStream=\nListenStream=8080\n"], "Socket", "ListenStream"), [
    "8080",
  ]);
  assert.deepEqual(unitValues([main, "ListenStream=\n"], "Socket", "ListenStream"), ["80", "443"]);
});

test("unitValues() joins continued lines, over comments between them", () => {
  const text = "[Service]\nExecStart=a \\\n# a comment\n  Restart=no\nRestart=always";
  assert.deepEqual(unitValues([text], "Service", "Restart"), ["always"]);
  fc.assert(fc.property(fc.string(), (any) => void unitValues([any], "Service", "Restart")));
});

test("listenPort() reads ports of each family, and nothing else", () => {
  for (const value of ["8080", "127.0.0.1:8080", "[::1]:8080", "[fe80::1]%eth0:8080"])
    assert.equal(listenPort(value), 8080, value);
  for (const value of ["/run/8080", "@x:8080", "vsock::8080", "kobject-uevent 1", "", "80 80"])
    assert.equal(listenPort(value), undefined, value);
});
