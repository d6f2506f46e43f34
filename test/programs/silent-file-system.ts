/**
 * A file system (FUSE) that never answers once it is mounted. Whoever looks at it sleeps in the kernel; once the request has been read and a
 * signal has come, he sleeps in state D, and SIGKILL does not wake him (request_wait_answer() in fs/fuse/dev.c). Prints its folder's path as other mount namespaces see it,
 * then "read" when somebody's request was. Its end is the end of the file system, and wakes all who wait. Needs `FUSE` of needs.ts.
 */
import { spawnSync } from "node:child_process";
import { openSync, readSync, writeSync } from "node:fs";

/** linux/fuse.h */
const FUSE_INIT = 26;
const IN_HEADER_BYTES = 40;
const OUT_HEADER_BYTES = 16;
const INIT_OUT_BYTES = 64;
/** Less is refused (FUSE_MIN_READ_BUFFER). */
const READ_BYTES = 135_168;
const FOLDER = "/tmp";

const device = openSync("/dev/fuse", "r+");
const options = "fd=3,rootmode=40000,user_id=0,group_id=0,allow_other";
const { status, stderr } = spawnSync("mount", ["-i", "-t", "fuse", "-o", options, "none", FOLDER], {
  stdio: ["ignore", "ignore", "pipe", device],
  encoding: "utf8",
});
if (status !== 0) throw new Error(stderr);

const request = new DataView(new ArrayBuffer(READ_BYTES));
readRequest();
if (request.getUint32(4, true) !== FUSE_INIT) throw new Error("the first request is not FUSE_INIT");
const answer = new DataView(new ArrayBuffer(OUT_HEADER_BYTES + INIT_OUT_BYTES));
answer.setUint32(0, answer.byteLength, true);
answer.setBigUint64(8, request.getBigUint64(8, true), true);
// The version is 7.31; all the rest may be 0.
answer.setUint32(OUT_HEADER_BYTES, 7, true);
answer.setUint32(OUT_HEADER_BYTES + 4, 31, true);
writeSync(device, answer);
process.stdout.write(`/proc/${process.pid}/root${FOLDER}\n`);
readRequest();
process.stdout.write("read\n");
// The end of stdin is the end of the test that wanted this process.
process.stdin.resume();
process.stdin.on("end", () => process.exit());

function readRequest(): void {
  if (readSync(device, request) < IN_HEADER_BYTES) throw new Error("a request is shorter than its header");
}
