/** Clients of an http server that ask again and again, and retry nothing: each request that is not answered is counted by its error. */
import http from "node:http";
import net from "node:net";

export class HttpLoad {
  answered = 0;
  /** By the error's code. */
  readonly failures = new Map<string, number>();
  readonly #port: number;
  readonly #clients: Promise<void>[];
  #stopped = false;

  /** So many with a connection that they keep, and so many with a new one for each request, which they close first. */
  constructor(port: number, { keepAlive, perRequest }: { readonly keepAlive: number; readonly perRequest: number }) {
    this.#port = port;
    this.#clients = [
      ...Array.from({ length: keepAlive }, () => this.#keepAsking()),
      ...Array.from({ length: perRequest }, () => this.#askAnew()),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  #count(error: NodeJS.ErrnoException | undefined): void {
    if (error === undefined) this.answered++;
    else {
      const code = error.code ?? error.message;
      this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
    }
  }

  async #keepAsking(): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const options = { host: "127.0.0.1", port: this.#port, agent };
    while (!this.#stopped)
      this.#count(
        await new Promise((resolve) => {
          const request = http.get(options, (response) => {
            // A response that is cut off has an error; one that was begun is not ended without one.
            response.resume().once("error", resolve).once("end", resolve);
          });
          request.once("error", resolve);
        }),
      );
    agent.destroy();
  }

  async #askAnew(): Promise<void> {
    while (!this.#stopped)
      this.#count(
        await new Promise((resolve) => {
          let text = "";
          const socket = net.connect(this.#port, "127.0.0.1", () =>
            socket.write("GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
          );
          socket.setEncoding("latin1").on("data", (part: string) => {
            text += part;
            if (text.endsWith("done")) socket.end();
          });
          let failed: Error | undefined;
          socket.once("error", (error) => (failed = error));
          socket.once("close", () => resolve(failed ?? (text.endsWith("done") ? undefined : new Error("no answer"))));
        }),
      );
  }
}
