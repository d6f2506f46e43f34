/** A server that is handed its sockets as it starts (sd_listen_fds(3)): it answers each connection with the socket's name and its own pid. */
import { createServer } from "node:net";

const FIRST_FD = 3;
const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" } = process.env;
if (LISTEN_PID !== `${process.pid}`) throw new Error(`LISTEN_PID is ${LISTEN_PID}, not ${process.pid}`);
const names = LISTEN_FDNAMES.split(":");
if (LISTEN_FDS !== `${names.length}`) throw new Error(`LISTEN_FDS is ${LISTEN_FDS}, names: ${LISTEN_FDNAMES}`);
for (const [index, name] of names.entries())
  createServer((connection) => connection.end(`${name} ${process.pid}\n`)).listen({ fd: FIRST_FD + index });
