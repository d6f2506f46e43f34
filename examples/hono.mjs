import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { drain, watch } from "portmortem/graceful";

const app = new Hono();
app.get("/", (context) => context.text("hello"));
app.post("/echo", (context) => context.body(context.req.raw.body));

const server = createAdaptorServer({ fetch: app.fetch });
watch(server);
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`port ${server.address().port}`));

process.once("SIGTERM", async () => {
  console.log(JSON.stringify(await drain(server)));
});
