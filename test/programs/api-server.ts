/**
 * A web server as people write them in Node: answers each request after a query to PostgreSQL, over a few connections that it keeps.
 *   node api-server.js PORT POSTGRES_PORT USER     prints "listening"; ends with stdin
 */
import { createServer } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

const [port, databasePort, user] = process.argv.slice(2);
const POOL = 4;
const READY_FOR_QUERY = "Z".charCodeAt(0);
const PROTOCOL_3 = 196_608;

/** One connection of the pool, in PostgreSQL's own words: a message is a letter, its length, and its body. */
class Database {
  readonly #socket: Socket;
  readonly #waiting: (() => void)[] = [];
  #unread = Buffer.alloc(0);

  constructor() {
    this.#socket = connect(Number(databasePort), "127.0.0.1");
    this.#socket.on("data", (bytes) => this.#read(bytes));
    this.#socket.on("error", (error) => {
      throw error;
    });
    const words = Buffer.from(`\0\0\0\0\0\0\0\0user\0${user}\0database\0postgres\0\0`);
    words.writeInt32BE(words.length, 0);
    words.writeInt32BE(PROTOCOL_3, 4);
    this.#socket.write(words);
  }

  /** Until the server is ready for the first query, or the next one. */
  ready(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  query(text: string): Promise<void> {
    const words = Buffer.from(`Q\0\0\0\0${text}\0`);
    words.writeInt32BE(words.length - 1, 1);
    this.#socket.write(words);
    return this.ready();
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#unread.length >= 5) {
      const length = this.#unread.readInt32BE(1) + 1;
      if (this.#unread.length < length) return;
      if (this.#unread[0] === READY_FOR_QUERY) this.#waiting.shift()?.();
      this.#unread = this.#unread.subarray(length);
    }
  }
}

const pool = Array.from({ length: POOL }, () => new Database());
await Promise.all(pool.map((database) => database.ready()));
let next = 0;
const server = createServer((_, response) => {
  const database = pool[next++ % POOL]!;
  void database.query("select 1").then(() => response.end("hello\n"));
});
server.listen(Number(port), () => process.stdout.write("listening\n"));
process.stdin.on("end", () => process.exit()).resume();
