// A machine that is busy and well has nothing that anybody should do something about: nginx in front of Node in front of PostgreSQL, real
// ones, under load, with connections that are kept and others that are closed at once.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DATABASE_USER, NGINX, POSTGRES, startNginx, startPostgres } from "./healthy-servers.ts";
import { SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

test(
  "doctor has no warning for nginx, Node and PostgreSQL under load",
  story(
    async (s) => {
      const programs = await startPostgres(s, 5432);
      const api = s.program("api-server", ["3000", "5432", DATABASE_USER]);
      assert.equal(await api.line(), "listening");
      await startNginx(s, 80, 3000);
      const loads = [
        s.program("web-load", ["http://127.0.0.1/", "32", "keep"]),
        s.program("web-load", ["http://127.0.0.1/", "16", "close"]),
        s.program("web-load", ["http://[::1]/", "4", "close"]),
        s.program("web-load", ["http://127.0.0.1:3000/", "8", "close"]),
      ];
      for (const load of loads) assert.ok(Number(await load.line()) > 0, "the load gets answers");
      // New connections to the database, too: each transaction has its own.
      const bench = (...args: string[]): string =>
        s.system(join(programs, "pgbench"), "-h", "127.0.0.1", "-U", DATABASE_USER, ...args, "postgres");
      bench("-i", "-q");
      bench("-n", "-C", "-S", "-c", "4", "-t", "20");
      await until("there is TIME-WAIT", async () => (await s.sockets("state time-wait")).length > 100);
      const { status, json } = await s.doctor({ watchSeconds: 2 });
      assert.deepEqual(
        json.findings.filter(({ level }) => level !== "info"),
        [],
      );
      assert.equal(status, 0);
      assert.ok(json.looked.sockets > 150 && json.looked.listeners >= 4, JSON.stringify(json.looked));
      for (const load of loads) assert.ok(Number(await load.line()) > 0, "and gets them still");
    },
    NGINX,
    POSTGRES,
    SECOND_USER,
  ),
);
