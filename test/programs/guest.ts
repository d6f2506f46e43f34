/** Connects to 127.0.0.1:PORT, says so, and prints how the connection ends: an errno's name, or "end". */
import { connect } from "node:net";

const [address = "", port = ""] = (process.argv[2] ?? "").split(":");
const socket = connect(Number(port), address);
socket.on("connect", () => process.stdout.write("connected\n"));
socket.on("end", () => process.stdout.write("end\n"));
socket.on("error", (error: NodeJS.ErrnoException) => process.stdout.write(`${error.code}\n`));
// Until the test's end closes stdin.
process.stdin.resume();
process.stdin.on("end", () => process.exit());
