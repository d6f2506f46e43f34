import { createServer } from "node:http";
import Koa from "koa";
import { drain, watch } from "portmortem/graceful";

const app = new Koa();
app.use((context) => {
  if (context.method === "POST" && context.path === "/echo") context.body = context.req;
  else if (context.path === "/") context.body = "hello";
});

const server = createServer(app.callback());
watch(server);
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`port ${server.address().port}`));

process.once("SIGTERM", async () => {
  console.log(JSON.stringify(await drain(server)));
});
