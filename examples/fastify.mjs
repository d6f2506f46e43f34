// fastify's own close() answers 503 to what comes after it, and closes idle connections itself: it comes last, for its hooks.
import fastify from "fastify";
import { listen, shutdownOnSignals } from "portmortem/graceful";

const app = fastify();
app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
app.get("/", () => "hello");
app.post("/echo", (request, reply) => reply.send(request.body));

shutdownOnSignals(app.server, {
  afterDrain: async (report) => {
    await app.close();
    console.log(JSON.stringify(report));
  },
});
await app.ready();
const { port } = await listen(app.server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
