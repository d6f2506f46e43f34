// The scene of README.md: a server that does not set SO_REUSEADDR (Node's own always do) serves one client, closes the connection first
// and exits. It leaves the port in TIME-WAIT, with nobody who holds it.
//
//   node build/test/programs/readme-scene.js PORT
import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM } from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { encodeSockaddr } from "../../src/wire/sockaddr.ts";

const native = loadLibc();
if ("why" in native) throw new Error(native.why);
const { libc } = native;

const address = encodeSockaddr("127.0.0.1", Number(process.argv[2] ?? 49200))!;
const listener = check("socket", libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
check("bind", libc.bind(listener, address, address.length));
check("listen", libc.listen(listener, 1));
const client = check("socket", libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
check("connect", libc.connect(client, address, address.length));
const served = check("accept", libc.accept(listener, SOCK_CLOEXEC));
// Whoever closes first keeps the port.
check("close", libc.close(served));
check("close", libc.close(client));
check("close", libc.close(listener));

function check(call: string, result: number): number {
  if (result < 0) throw new Error(`${call} failed: errno ${-result}`);
  return result;
}
