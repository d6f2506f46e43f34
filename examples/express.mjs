import { createServer } from "node:http";
import express from "express";
import { drain, watch } from "portmortem/graceful";

const app = express();
app.get("/", (_, response) => void response.send("hello"));
app.post("/echo", (request, response) => void request.pipe(response));

const server = createServer(app);
watch(server);
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`port ${server.address().port}`));

process.once("SIGTERM", async () => {
  console.log(JSON.stringify(await drain(server)));
});
