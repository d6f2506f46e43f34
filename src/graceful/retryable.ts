/** A request that a closing connection lost is made again. */
import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";

/**
 * Answers the response to the request that `make` makes, as by `() => http.get(url, { agent })`. Where a kept connection ended before any
 * response, it is made again, up to three times: the server may have closed while the request was on its way (RFC 9112, 9.3.1; RFC 9110, 9.2.2), and
 * on a connection that was new it would not have happened. Only for methods that may be repeated: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
 *
 * `make` writes the body anew each time. Rejects with the request's error.
 */
export async function retryable(make: () => ClientRequest): Promise<IncomingMessage> {
  for (let left = 3; ; left--) {
    const request = make();
    try {
      const [response] = (await once(request, "response")) as [IncomingMessage];
      return response;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      const isStale = request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(code);
      if (left === 0 || !isStale || !REPEATABLE.test(request.method)) throw error;
    } finally {
      // What fails after the response is the response's to tell.
      request.on("error", () => {});
    }
  }
}

const REPEATABLE = /^(?:GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/;
