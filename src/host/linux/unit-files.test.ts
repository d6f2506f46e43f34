import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readServiceRestart, readSocketUnits } from "./unit-files.ts";

/** Files by path; a value that starts with `->` is a link. */
function withTree(files: Readonly<Record<string, string>>, run: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "portmortem-units-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text.startsWith("->")) symlinkSync(text.slice(2), join(root, path));
      else writeFileSync(join(root, path), text);
    }
    run(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const restart = (value: string): string => `[Service]\nRestart=${value}\n`;

test("readServiceRestart() takes the file of the first directory, and the drop-ins in the order of their names", () => {
  withTree(
    {
      "/usr/lib/systemd/system/a.service": restart("always"),
      "/etc/systemd/system/a.service": restart("on-failure"),
      "/usr/lib/systemd/system/b.service": restart("on-abort"),
      "/usr/lib/systemd/system/b.service.d/90-last.conf": restart("always"),
      "/etc/systemd/system/b.service.d/10-first.conf": restart("no"),
      "/usr/lib/systemd/system/c.service": restart("always"),
      "/usr/lib/systemd/system/c.service.d/50-x.conf": restart("no"),
      "/etc/systemd/system/c.service.d/50-x.conf": "[Service]\n",
      "/usr/lib/systemd/system/plain.service": "[Service]\nExecStart=/bin/true\n",
    },
    (root) => {
      assert.equal(readServiceRestart("a.service", undefined, root), "on-failure");
      assert.equal(readServiceRestart("b.service", undefined, root), "always");
      assert.equal(readServiceRestart("c.service", undefined, root), "always");
      assert.equal(readServiceRestart("plain.service", undefined, root), "no");
    },
  );
});

test("readServiceRestart() finds templates, and drop-ins of prefixes and of all services", () => {
  withTree(
    {
      "/usr/lib/systemd/system/web@.service": restart("on-failure"),
      "/etc/systemd/system/web@8080.service.d/x.conf": restart("always"),
      "/usr/lib/systemd/system/shop-front-end.service": "[Service]\n",
      "/etc/systemd/system/shop-.service.d/x.conf": restart("always"),
      "/usr/lib/systemd/system/other.service": "[Service]\n",
      "/etc/systemd/system/service.d/a.conf": restart("on-abnormal"),
    },
    (root) => {
      assert.equal(readServiceRestart("web@8080.service", undefined, root), "always");
      assert.equal(readServiceRestart("web@80.service", undefined, root), "on-abnormal");
      assert.equal(readServiceRestart("shop-front-end.service", undefined, root), "always");
      assert.equal(readServiceRestart("other.service", undefined, root), "on-abnormal");
    },
  );
});

test("readServiceRestart() reads a user's own units, and none for a name that is a path", () => {
  withTree(
    {
      "/var/people/deploy/.config/systemd/user/api.service": restart("always"),
      "/usr/lib/systemd/user/api.service": restart("no"),
      "/usr/lib/systemd/system/api.service": restart("on-abort"),
      "/etc/systemd/secret.service": restart("always"),
    },
    (root) => {
      assert.equal(readServiceRestart("api.service", { uid: 1000, home: "/var/people/deploy" }, root), "always");
      assert.equal(readServiceRestart("api.service", { uid: 1000 }, root), "no");
      assert.equal(readServiceRestart("api.service", undefined, root), "on-abort");
      for (const name of ["../secret.service", "none.service", "api.scope", "", "a/b.service"])
        assert.equal(readServiceRestart(name, undefined, root), undefined, name);
    },
  );
});

test("readSocketUnits() finds who names the port, streams and datagrams, and not what was taken back or masked", () => {
  const socket = (...values: readonly string[]): string =>
    ["[Socket]", ...values.map((value) => `ListenStream=${value}`), ""].join("\n");
  withTree(
    {
      "/usr/lib/systemd/system/web.socket": socket("80", "8080"),
      "/etc/systemd/system/api.socket": socket("127.0.0.1:8080", "/run/api.sock"),
      "/usr/lib/systemd/system/dns.socket": "[Socket]\nListenDatagram=8080\n",
      "/usr/lib/systemd/system/moved.socket": socket("8080"),
      "/etc/systemd/system/moved.socket.d/port.conf": socket("", "9090"),
      "/usr/lib/systemd/system/off.socket": socket("8080"),
      "/etc/systemd/system/off.socket": "->/dev/null",
      "/usr/lib/systemd/system/many@.socket": socket("8080"),
    },
    (root) => {
      assert.deepEqual(readSocketUnits(8080, undefined, root), ["api.socket", "dns.socket", "web.socket"]);
      assert.deepEqual(readSocketUnits(9090, undefined, root), ["moved.socket"]);
      assert.deepEqual(readSocketUnits(1, undefined, root), []);
    },
  );
});
