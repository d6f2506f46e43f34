/** Connects to 127.0.0.1:PORT from one of LOCALPORTS with portmortem/graceful, and prints the port it got, or the code and errno of the failure. */
import { connect, isPortmortemError } from "../../src/graceful/graceful.ts";

const [port = "", localPorts = ""] = process.argv.slice(2);
const answer = await connect({ host: "127.0.0.1", port: Number(port), localPorts }).then(
  ({ localPort }) => `${localPort}`,
  (error: unknown) => (isPortmortemError(error) ? `${error.code} ${error.errno}` : String(error)),
);
process.stdout.write(`${answer}\n`);
process.exit();
