/**
 * A listener whose only descriptor is on its way: sent through a Unix socket (SCM_RIGHTS) to a stopped process, and closed by the sender.
 * Prints the receiver's pid, for whoever has to end it, then a line once that is so.
 */
import { fork } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

if (process.argv.includes("receive")) {
  process.on("message", () => undefined);
  process.send?.("ready");
} else {
  const port = Number(process.argv[2]);
  const receiver = fork(import.meta.filename, ["receive"], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  process.stdout.write(`${receiver.pid}\n`);
  const server = createServer();
  await new Promise((resolve) => receiver.once("message", resolve));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  receiver.kill("SIGSTOP");
  while (!/ T /.test(readFileSync(`/proc/${receiver.pid}/stat`, "utf8"))) await sleep(2);
  receiver.send("take it", server);
  const waits = (fd: string): boolean =>
    /^scm_fds:\s*[1-9]/m.test(readFileSync(`/proc/${receiver.pid}/fdinfo/${fd}`, "utf8"));
  while (!readdirSync(`/proc/${receiver.pid}/fdinfo`).some(waits)) await sleep(2);
  await new Promise((resolve) => server.close(resolve));
  process.stdout.write("on its way\n");
  process.stdin.resume().on("end", () => process.exit());
}
