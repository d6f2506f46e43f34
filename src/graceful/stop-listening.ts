/** The listener closed, and nothing else. */
import type { Server as HttpServer } from "node:http";
import { Server } from "node:net";

/**
 * New clients are refused, or wait for a process that has the same listener. `close` of http servers would close idle keep-alive connections at
 * once (since Node 19), and that of http2 servers every idle session (since Node 24): the server would be the active closer of all of them.
 */
export function stopListening(server: Server): void {
  if (!server.listening) return;
  const { closeIdleConnections } = server as Partial<HttpServer>;
  const isHttp2 = "updateSettings" in server;
  if (closeIdleConnections === undefined || isHttp2) {
    Server.prototype.close.call(server);
    return;
  }
  const own = Object.hasOwn(server, "closeIdleConnections");
  (server as HttpServer).closeIdleConnections = () => {};
  try {
    server.close();
  } finally {
    if (own) (server as HttpServer).closeIdleConnections = closeIdleConnections;
    else Reflect.deleteProperty(server, "closeIdleConnections");
  }
}
