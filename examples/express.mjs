import { createServer } from "node:http";
import express from "express";
import { listen, shutdownOnSignals } from "portmortem/graceful";

const app = express();
app.get("/", (_, response) => void response.send("hello"));
app.post("/echo", (request, response) => void request.pipe(response));

const server = createServer(app);

shutdownOnSignals(server, { afterDrain: (report) => console.log(JSON.stringify(report)) });
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
