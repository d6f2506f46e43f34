// Needs what `next build` leaves in .next.
import { createServer } from "node:http";
import next from "next";
import { drain, watch } from "portmortem/graceful";

const app = next({ dir: import.meta.dirname });
await app.prepare();
const handle = app.getRequestHandler();

const server = createServer((request, response) => void handle(request, response));
watch(server);
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`port ${server.address().port}`));

process.once("SIGTERM", async () => {
  console.log(JSON.stringify(await drain(server)));
  await app.close();
});
