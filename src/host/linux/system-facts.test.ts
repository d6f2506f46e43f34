import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Cgroups } from "./cgroups.ts";
import { readLocalAddresses } from "./local-addresses.ts";
import { ProcessTable } from "./process-table.ts";
import { probeProcRights } from "./rights-from-proc.ts";
import type { SystemRoots } from "./system-roots.ts";
import { Users } from "./users.ts";

function withTree(
  files: Readonly<Record<string, string>>,
  run: (roots: SystemRoots, directory: string) => void,
): () => void {
  return () => {
    const directory = mkdtempSync(join(tmpdir(), "pm-sys-"));
    try {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(join(directory, path, ".."), { recursive: true });
        writeFileSync(join(directory, path), content);
      }
      run(
        {
          proc: join(directory, "proc"),
          run: join(directory, "run"),
          etc: join(directory, "etc"),
          var: directory,
          sys: directory,
        },
        directory,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

test("Users agrees with the C library about this user", () => {
  const { username, uid } = userInfo();
  const users = new Users();
  assert.equal(users.userName(uid), username);
  assert.equal(users.userId(username), uid);
  assert.equal(users.userName(0x7fffffff), undefined);
});

test(
  "Users takes the first of several lines, and nobody where the file is missing",
  withTree({ "etc/passwd": "a:x:7:7:::\nb:x:7:7:::\na:x:8:8:::\n" }, (roots) => {
    const users = new Users(roots);
    assert.deepEqual([users.userName(7), users.userId("a"), users.userId("b")], ["a", 7, 7]);
    assert.equal(new Users({ ...roots, etc: "/nonexistent" }).userName(0), undefined);
  }),
);

test(
  "Cgroups finds a path by its id and an id by its path",
  withTree(
    { "cg/system.slice/api.service/cgroup.procs": "", "cg/user.slice/a b/cgroup.procs": "" },
    (roots, directory) => {
      const mount = join(directory, "cg");
      const device = statSync(mount).dev;
      const numbers = `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
      mkdirSync(join(roots.proc, "self"), { recursive: true });
      // The first of the two is hidden by another mount: its device is not what is there.
      writeFileSync(
        join(roots.proc, "self/mountinfo"),
        `30 20 0:9999 / ${directory} rw - cgroup2 cgroup2 rw\n31 20 ${numbers} / ${mount} rw - cgroup2 cgroup2 rw\n`,
      );
      const cgroups = new Cgroups(roots);
      for (const path of ["/", "/system.slice", "/system.slice/api.service", "/user.slice/a b"]) {
        const id = cgroups.cgroupId(path);
        assert.equal(id, statSync(mount + path).ino);
        assert.equal(cgroups.cgroupPath(id), path);
      }
      assert.equal(cgroups.cgroupId("/nowhere"), undefined);
      assert.equal(cgroups.cgroupId("/../etc"), undefined);
      assert.equal(cgroups.cgroupPath(1 << 30), undefined);
    },
  ),
);

test(
  "Cgroups knows nothing where no version-2 tree is mounted",
  withTree({ "proc/self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw\n" }, (roots) => {
    assert.equal(new Cgroups(roots).cgroupPath(1), undefined);
    assert.equal(new Cgroups(roots).cgroupId("/"), undefined);
  }),
);

test("readLocalAddresses() has every address that the C library has", () => {
  const found = new Set(readLocalAddresses().map(({ address, prefixLength }) => `${address}/${prefixLength}`));
  for (const list of Object.values(networkInterfaces()))
    for (const { cidr } of list ?? []) if (cidr !== null) assert.ok(found.has(cidr), cidr);
});

test(
  "readLocalAddresses() also has devices without carrier and networks that are local as a whole",
  withTree(
    {
      // Linux 6.18: v0 is up without carrier, 10.200.0.0/16 was added by `ip route add local … dev lo`, 10.6.6.6/24 is on lo with a label.
      fib_trie:
        "Local:\n  |-- 10.5.5.5\n     /32 host LOCAL\n  |-- 10.6.6.0\n     /24 host LOCAL\n  |-- 10.6.6.6\n     /32 host LOCAL\n" +
        "  |-- 10.200.0.0\n     /16 host LOCAL\n  |-- 127.0.0.0\n     /8 host LOCAL\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 10.7.7.7\n     /32 host LOCAL\n",
      if_inet6:
        "00000000000000000000000000000001 01 80 10 80       lo\nfd000001000000000000000000000005 03 40 00 c0       v0\n",
    },
    (_, directory) => {
      const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
      const [network, mask] = littleEndian ? ["0005050A", "00FFFFFF"] : ["0A050500", "FFFFFF00"];
      writeFileSync(
        join(directory, "route"),
        `Iface\tDestination\nv0\t${network}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0\n`,
      );
      const shared = { netmask: "", mac: "", internal: true, family: "IPv4" } as const;
      const devices = () => ({
        lo: [{ ...shared, address: "127.0.0.1", cidr: "127.0.0.1/8" }],
        "lo:1": [{ ...shared, address: "10.6.6.6", cidr: "10.6.6.6/24" }],
      });
      assert.deepEqual(
        readLocalAddresses({ netDirectory: directory, devices }).map(
          (each) => `${each.interface} ${each.address}/${each.prefixLength}`,
        ),
        ["v0 10.5.5.5/24", "lo 10.6.6.6/24", "lo 127.0.0.1/8", " 10.7.7.7/32", "lo 10.200.0.0/16", "lo ::1/128"],
      );
      const without = readLocalAddresses({ netDirectory: "/nonexistent", devices });
      assert.deepEqual(
        without.map((each) => each.address),
        ["127.0.0.1", "10.6.6.6"],
        "no such files: what the C library says",
      );
    },
  ),
);

test("probeProcRights() finds that root may read all, and says of others what refused", () => {
  const rights = probeProcRights(new ProcessTable().processes());
  if (process.geteuid!() === 0) assert.equal(rights.ptrace.answer, "yes");
  else if (rights.ptrace.answer === "no") assert.match(rights.ptrace.why, /EACCES|EPERM/);
});

test(
  "probeProcRights() reads hidepid, and whether it hides process 1 from us",
  withTree(
    {
      "proc/self/status": "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n",
      "proc/self/mountinfo": "",
      "proc/1/stat": "",
    },
    (roots) => {
      const mounted = (options: string) =>
        writeFileSync(join(roots.proc, "self/mountinfo"), `22 27 0:21 / ${roots.proc} rw - proc proc rw${options}\n`);
      mounted("");
      assert.deepEqual(probeProcRights([], roots).seesAllProcesses, { answer: "yes" });
      mounted(",hidepid=invisible");
      assert.deepEqual(
        probeProcRights([{ pid: 1, uid: 0 }], roots).seesAllProcesses,
        { answer: "yes" },
        "process 1 can be read: exempt",
      );
      rmSync(join(roots.proc, "1"), { recursive: true });
      const hidden = probeProcRights([], roots);
      assert.deepEqual(hidden.seesAllProcesses, {
        answer: "no",
        lacks: "right",
        why: `${roots.proc} is mounted with hidepid=invisible`,
      });
      assert.equal(hidden.ptrace.answer, "unknown");
    },
  ),
);
