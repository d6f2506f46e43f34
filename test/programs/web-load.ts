/**
 * Asks a web server for a page again and again.
 *   node web-load.js URL CLIENTS keep|close     prints how many answers there were, once a second; ends with stdin
 */
import { Agent, get } from "node:http";

const [url = "", clients, mode] = process.argv.slice(2);
const keepAlive = mode === "keep";
const agent = new Agent({ keepAlive, maxSockets: Number(clients) });
/** A server that is new to each connection is busy enough with so many a second. */
const PAUSE_MS = keepAlive ? 1 : 20;
let answers = 0;

function ask(): void {
  get(url, { agent }, (response) => {
    if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
    response.resume().on("end", () => {
      answers++;
      setTimeout(ask, PAUSE_MS);
    });
  });
}

for (let client = 0; client < Number(clients); client++) ask();
setInterval(() => process.stdout.write(`${answers}\n`), 1000);
process.stdin.on("end", () => process.exit()).resume();
