import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseLocalFibEntries } from "./fib-trie.ts";
import { parseIfInet6 } from "./if-inet6.ts";
import { hidepidOf, parseMountinfo } from "./mountinfo.ts";
import { parseConnectedRoutes } from "./route.ts";
import { parseSysctlValue, sysctlPath } from "./sysctl.ts";
import { parseSysctlNumber, parseSysctlPortList, parseSysctlPortRange } from "../../tcp/sysctl-values.ts";

// Linux 6.18, `cat /proc/net/fib_trie` after: ip addr add 10.6.6.6/24 dev lo; ip route add local 10.200.0.0/16 dev lo; and a veth with
// 10.5.5.5/24 that has no carrier. Shortened to the local table.
const FIB = `Main:
  +-- 10.5.5.0/24 2 0 2
     |-- 10.5.5.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 10.0.0.0/8 2 0 2
        |-- 10.5.5.5
           /32 host LOCAL
        |-- 10.5.5.255
           /32 link BROADCAST
        |-- 10.6.6.0
           /24 host LOCAL
        |-- 10.6.6.6
           /32 host LOCAL
        |-- 10.200.0.0
           /16 host LOCAL
     +-- 127.0.0.0/31 1 0 0
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
`;
const FIB_ENTRIES = ["10.5.5.5/32", "10.6.6.0/24", "10.6.6.6/32", "10.200.0.0/16", "127.0.0.0/8", "127.0.0.1/32"];

test("parseLocalFibEntries() finds local addresses and networks that are local as a whole", () => {
  const entries = parseLocalFibEntries(FIB).map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  assert.deepEqual(entries, FIB_ENTRIES);
});

test("parseLocalFibEntries() makes no address of a cut or damaged text that was not in it", () => {
  for (let length = 0; length < FIB.length; length++) {
    const entries = parseLocalFibEntries(FIB.slice(0, length)).map(
      ({ address, prefixLength }) => `${address}/${prefixLength}`,
    );
    assert.deepEqual(entries, FIB_ENTRIES.slice(0, entries.length), `cut at ${length}`);
  }
  assert.deepEqual(
    parseLocalFibEntries("     |-- 10.0.0.256\n        /32 host LOCAL\n     |-- 10.0.0.1\n        /33 host LOCAL\n"),
    [],
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseLocalFibEntries(text)));
});

test("parseConnectedRoutes() reads words in the host's byte order", () => {
  // `cat /proc/net/route`, x86-64: a default route, a device's network.
  const little =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
    "v0\t0005050A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  assert.deepEqual(parseConnectedRoutes(little, { littleEndian: true }), [
    { interface: "v0", network: "10.5.5.0", prefixLength: 24 },
  ]);
  const big = little.replace("0005050A", "0A050500").replace("00FFFFFF", "FFFFFF00");
  assert.deepEqual(parseConnectedRoutes(big, { littleEndian: false }), [
    { interface: "v0", network: "10.5.5.0", prefixLength: 24 },
  ]);
  assert.deepEqual(
    parseConnectedRoutes(little.replace("00FFFFFF", "FF00FFFF"), { littleEndian: true }),
    [],
    "a mask with holes",
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => void parseConnectedRoutes(text, { littleEndian: true })),
  );
});

test("parseIfInet6() reads addresses and says which ones bind() refuses", () => {
  // Linux 6.18; the second one while duplicate detection runs (flag 40).
  const text =
    "00000000000000000000000000000001 01 80 10 80       lo\n" +
    "fe8000000000000000fc00fffe000001 04 40 20 c0     eth0\n" +
    "fd000001000000000000000000000005 03 40 00 80       v0\n";
  assert.deepEqual(parseIfInet6(text), [
    { address: "::1", interfaceIndex: 1, prefixLength: 128, interface: "lo", usable: true },
    { address: "fe80::fc:ff:fe00:1", interfaceIndex: 4, prefixLength: 64, interface: "eth0", usable: false },
    { address: "fd00:1::5", interfaceIndex: 3, prefixLength: 64, interface: "v0", usable: true },
  ]);
  const whole = parseIfInet6(text);
  for (let length = 0; length < text.length; length++) {
    const some = parseIfInet6(text.slice(0, length));
    assert.deepEqual(some, whole.slice(0, some.length));
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => void parseIfInet6(any)));
});

test("parseMountinfo() reads mounts, with escaped names and any number of optional fields", () => {
  // Linux 6.18; the second and third line after `mount --bind` on a directory with a space, and with hidepid.
  const text =
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n" +
    "90 27 254:0 /a\\040b /mnt/c\\040d rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard\n" +
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n" +
    "95 22 0:50 / /proc rw,relatime - proc proc rw,gid=30,hidepid=invisible\n";
  const mounts = parseMountinfo(text);
  assert.deepEqual(mounts[0], {
    major: 0,
    minor: 38,
    root: "/",
    mountPoint: "/sys/fs/cgroup/unified",
    type: "cgroup2",
    superOptions: ["rw", "nsdelegate"],
  });
  assert.deepEqual([mounts[1]?.root, mounts[1]?.mountPoint, mounts[1]?.type], ["/a b", "/mnt/c d", "ext4"]);
  assert.equal(hidepidOf(mounts, "/proc"), "invisible");
  assert.equal(hidepidOf(mounts.slice(0, 3), "/proc"), undefined);
  assert.equal(hidepidOf(parseMountinfo("22 27 0:21 / /proc rw - proc proc rw,hidepid=0\n"), "/proc"), undefined);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => void parseMountinfo(any)));
});

test("sysctlPath() follows sysctl(8) and cannot leave the directory", () => {
  assert.equal(sysctlPath("net.ipv4.tcp_fin_timeout"), "net/ipv4/tcp_fin_timeout");
  assert.equal(sysctlPath("net.ipv4.conf.eth0/100.forwarding"), "net/ipv4/conf/eth0.100/forwarding");
  for (const name of ["", "net", "net..x", "net.//.x", "/etc.passwd/", "a.b\0c", "net./..x"]) {
    const path = sysctlPath(name);
    if (path !== undefined) assert.ok(!path.split("/").includes("..") && !path.startsWith("/"), name);
  }
  assert.equal(sysctlPath("net.//.x"), undefined);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", ".", "/", "-") }), (name) => {
      assert.ok(!(sysctlPath(name) ?? "").split("/").includes(".."));
    }),
  );
});

test("sysctl values: numbers, ranges and lists, and nothing of what is none", () => {
  assert.equal(parseSysctlValue("32768\t60999\n"), "32768 60999");
  assert.equal(parseSysctlNumber("60"), 60);
  assert.equal(parseSysctlNumber("-1"), -1);
  for (const bad of ["", "6 0", "0x1", "99999999999999999", undefined]) assert.equal(parseSysctlNumber(bad), undefined);
  assert.deepEqual(parseSysctlPortRange("32768\t60999"), { first: 32768, last: 60999 });
  for (const bad of ["60999 32768", "1 65536", "1", undefined]) assert.equal(parseSysctlPortRange(bad), undefined);
  assert.deepEqual(parseSysctlPortList("8080,9000-9010"), [
    { first: 8080, last: 8080 },
    { first: 9000, last: 9010 },
  ]);
  assert.deepEqual(parseSysctlPortList(""), []);
  for (const bad of ["8080,", "1-2-3", "70000", "9-8"]) assert.equal(parseSysctlPortList(bad), undefined);
});
