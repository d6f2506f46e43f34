import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { listen, shutdownOnSignals } from "portmortem/graceful";

const app = new Hono();
app.get("/", (context) => context.text("hello"));
app.post("/echo", (context) => context.body(context.req.raw.body));

const server = createAdaptorServer({ fetch: app.fetch });

shutdownOnSignals(server, { afterDrain: (report) => console.log(JSON.stringify(report)) });
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
