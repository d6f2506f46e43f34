/** One request to a container engine, over HTTP on its Unix socket. `node:http` is loaded by the first. */

/** An inspected container is about 10 KB, a listed one 2. */
const MOST_BYTES = 16 << 20;

export interface EngineRequest {
  readonly socketPath: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The whole answer, or why there is none. The errno is that of connect() where it is one: EACCES, ENOENT, ECONNREFUSED (nobody listens, or
 * it is no socket). Ours: ETIMEDOUT after the limit, ECANCELED by the signal, EMSGSIZE for an answer that is too long, EPROTO for one that
 * is not HTTP, ECONNRESET for one that was cut.
 */
export type EngineReply =
  | { readonly status: number; readonly text: string; readonly podman: boolean }
  | { readonly errno: string };

/** Settles within the limit, whatever the other side does. Never throws. */
export async function requestEngine(question: EngineRequest): Promise<EngineReply> {
  const { socketPath, method, path, limitMs, signal } = question;
  if (signal?.aborted === true) return { errno: "ECANCELED" };
  const http = await import("node:http");
  return new Promise((resolve) => {
    const headers = { host: "localhost", connection: "close", ...(method === "POST" ? { "content-length": 0 } : {}) };
    const request = http.request({ socketPath, path, method, agent: false, headers }, (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > MOST_BYTES) settle({ errno: "EMSGSIZE" });
        else pieces.push(piece);
      });
      response.on("end", () =>
        settle({
          status: response.statusCode ?? 0,
          text: Buffer.concat(pieces).toString("utf8"),
          podman: response.headers["libpod-api-version"] !== undefined,
        }),
      );
      response.on("error", (error) => settle({ errno: errnoOf(error) }));
    });
    const timer = setTimeout(() => settle({ errno: "ETIMEDOUT" }), limitMs);
    const cancel = (): void => settle({ errno: "ECANCELED" });
    signal?.addEventListener("abort", cancel);
    request.on("error", (error) => settle({ errno: errnoOf(error) }));
    request.on("close", () => settle({ errno: "ECONNRESET" }));
    request.end();

    function settle(reply: EngineReply): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      resolve(reply);
      request.destroy();
    }
  });
}

/** What Node's parser complains about is called HPE_ and something. */
function errnoOf({ code }: NodeJS.ErrnoException): string {
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : "EPROTO";
}
