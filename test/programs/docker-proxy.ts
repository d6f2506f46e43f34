/**
 * What docker-proxy is to the kernel: a process that listens on the host for a container's port, and says on its command line where it
 * sends what comes in. Arguments: -host-ip A -host-port N -container-ip A -container-port N. It is started with the argv[0] of the real one.
 */
import { createServer } from "node:net";

const valueOf = (option: string): string => process.argv[process.argv.indexOf(option) + 1] ?? "";

createServer()
  .listen(Number(valueOf("-host-port")), valueOf("-host-ip"))
  .on("listening", () => process.stdout.write("listening\n"));
// The end of stdin is the end of the test that wanted this process.
process.stdin.resume().on("end", () => process.exit());
