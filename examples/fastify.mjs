// fastify's own close() answers 503 to what comes after it, and closes idle connections itself: it comes last, for its hooks.
import fastify from "fastify";
import { drain, watch } from "portmortem/graceful";

const app = fastify();
app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
app.get("/", () => "hello");
app.post("/echo", (request, reply) => reply.send(request.body));

watch(app.server);
await app.listen({ port: Number(process.env.PORT ?? 8080), host: "0.0.0.0" });
console.log(`port ${app.server.address().port}`);

process.once("SIGTERM", async () => {
  console.log(JSON.stringify(await drain(app.server)));
  await app.close();
});
