import { createServer } from "node:http";
import Koa from "koa";
import { listen, shutdownOnSignals } from "portmortem/graceful";

const app = new Koa();
app.use((context) => {
  if (context.method === "POST" && context.path === "/echo") context.body = context.req;
  else if (context.path === "/") context.body = "hello";
});

const server = createServer(app.callback());

shutdownOnSignals(server, { afterDrain: (report) => console.log(JSON.stringify(report)) });
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
