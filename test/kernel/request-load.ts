/** Clients that connect, ask, read the answer, and begin again at once: what happens to each is counted. */
import { connect } from "node:net";

export interface LoadCounts {
  answered: number;
  refused: number;
  /** Accepted, and ended without an answer. */
  lost: number;
}

export class RequestLoad {
  readonly counts: LoadCounts = { answered: 0, refused: 0, lost: 0 };
  /** The last answers, newest last. */
  readonly answers: string[] = [];
  #stopped = false;
  readonly #clients: Promise<void>[];
  readonly #port: number;
  readonly #request: string;

  constructor(port: number, clients: number, request = "hello\n") {
    this.#port = port;
    this.#request = request;
    this.#clients = Array.from({ length: clients }, async () => {
      while (!this.#stopped) await this.#ask();
    });
  }

  async stop(): Promise<LoadCounts> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return this.counts;
  }

  #ask(): Promise<void> {
    return new Promise((resolve) => {
      let answer = "";
      let refused = false;
      const socket = connect(this.#port, "127.0.0.1", () => socket.write(this.#request));
      socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
      socket.on("error", (error: NodeJS.ErrnoException) => (refused = error.code === "ECONNREFUSED"));
      socket.on("close", () => {
        if (answer !== "") {
          this.counts.answered++;
          this.answers.push(answer);
          if (this.answers.length > 100) this.answers.shift();
        } else if (refused) this.counts.refused++;
        else this.counts.lost++;
        resolve();
      });
    });
  }
}
