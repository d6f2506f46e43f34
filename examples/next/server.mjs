// Needs what `next build` leaves in .next.
import { createServer } from "node:http";
import next from "next";
import { listen, shutdownOnSignals } from "portmortem/graceful";

const app = next({ dir: import.meta.dirname });
await app.prepare();
const handle = app.getRequestHandler();

const server = createServer((request, response) => void handle(request, response));

shutdownOnSignals(server, {
  afterDrain: async (report) => {
    await app.close();
    console.log(JSON.stringify(report));
  },
});
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
