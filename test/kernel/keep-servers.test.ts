// Servers as people run them, each killed under load: nobody is refused, and each life has the port again.
//   FILE_MINUTES=60 KEEP_KILLS=1000 npm test -- keep-servers
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KeptProgram } from "./kept-program.ts";
import { HAS_PYTHON, PYTHON, once } from "./needs.ts";
import type { Need } from "./needs.ts";
import { RequestLoad } from "./request-load.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const KILLS = Number(process.env["KEEP_KILLS"] ?? 100);
/** Of those whose point is another, and of many processes, which take their time to start. */
const FEWER_KILLS = Math.ceil(KILLS / 20);
const ANSWERS_A_LIFE = 20;
const CLIENTS = 3;
const PORT = 49_200;
const REQUEST = "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";

/** This file was compiled to build/test/kernel/. */
const ROOT = join(import.meta.dirname, "../../..");
const HAS_NGINX: Need = once(() => {
  const { error } = spawnSync("nginx", ["-v"]);
  return error === undefined ? undefined : `probed: the command nginx; ${error.message}`;
});
const HAS_GUNICORN: Need = once(() => {
  const { error, status } = spawnSync("gunicorn", ["--version"]);
  return status === 0 ? undefined : `probed: gunicorn --version; ${error?.message ?? `exit ${status}`}`;
});

/** Killed under load. */
async function surviveKills(s: Story, kills: number, command: string, ...args: string[]): Promise<KeptProgram> {
  const kept = new KeptProgram({ ports: [PORT] }, command, ...args);
  s.atEnd(() => kept.end());
  await kept.told("listening");
  const load = new RequestLoad(PORT, CLIENTS, REQUEST);
  for (let life = 2; life <= kills + 1; life++) {
    const from = load.counts.answered;
    await until(`answers of life ${life - 1}`, () => load.counts.answered >= from + ANSWERS_A_LIFE);
    await kept.crash();
    await until(`life ${life} listens`, () => kept.all("listening").some((one) => one.life === life));
  }
  const counts = await load.stop();
  assert.equal(counts.refused, 0, JSON.stringify(counts));
  assert.ok(counts.lost <= kills * CLIENTS, `${counts.lost} lost: no more than all clients' with each life`);
  assert.ok(load.answers.every((answer) => answer.startsWith("HTTP/1.")));
  await until("no zombie is left", async () => (await kept.report()).zombies === 0);
  return kept;
}

test(
  "Node's http",
  story(async (s) => {
    const program = 'require("node:http").createServer((_, answer) => answer.end("hello")).listen(49200)';
    await surviveKills(s, KILLS, process.execPath, "-e", program);
  }),
);

test(
  "Python's http.server",
  story(async (s) => {
    const source = join(ROOT, "test/programs/hello-http.py");
    await surviveKills(s, KILLS, PYTHON, source, "49200");
  }, HAS_PYTHON),
);

test(
  "a server that has its socket in an epoll set before it binds gets the port with a socket of its own",
  story(async (s) => {
    const source = join(ROOT, "test/programs/epoll-first.py");
    const kept = new KeptProgram({ ports: [49_200] }, PYTHON, source, "49200");
    s.atEnd(() => kept.end());
    for (let life = 1; life <= 3; life++) {
      await until(`life ${life} listens`, () => kept.all("listening").some((one) => one.life === life));
      const load = new RequestLoad(49_200, 1, REQUEST);
      await until("answers", () => load.counts.answered >= 3);
      await load.stop();
      await kept.crash();
    }
    assert.ok(kept.all("released").some(({ because }) => because === "watched"));
  }, HAS_PYTHON),
);

test(
  "Node's dgram: no datagram is answered by an ICMP error, and each life answers",
  story(async (s) => {
    const program = `const socket = require("node:dgram").createSocket("udp4");
      socket.on("message", (text, { port }) => socket.send(String(process.pid), port)).bind(49200);`;
    const kept = new KeptProgram({ ports: [PORT] }, process.execPath, "-e", program);
    s.atEnd(() => kept.end());
    await kept.told("kept");
    // That is told before the kernel carries the bind out.
    await until("it is bound", async () => (await s.udpSockets()).some(({ local }) => local.port === PORT));
    const client = createSocket("udp4");
    s.atEnd(() => client.close());
    const errors: Error[] = [];
    const answers = new Set<string>();
    client.on("error", (error) => errors.push(error)).on("message", (text) => answers.add(text.toString()));
    await new Promise<void>((resolve) => client.connect(PORT, "127.0.0.1", resolve));
    const sending = setInterval(() => client.send("hello"), 2);
    s.atEnd(() => clearInterval(sending));
    for (let life = 1; life <= FEWER_KILLS; life++) {
      await until(`an answer of life ${life}`, () => answers.has(`${kept.programPid}`));
      await kept.crash();
    }
    await until("an answer of the last life", () => answers.has(`${kept.programPid}`));
    assert.deepEqual(errors, []);
    await kept.told("returned", FEWER_KILLS);
  }),
);

test(
  "Node's cluster: workers take what the first process listens on",
  story(async (s) => {
    const program = `
      const cluster = require("node:cluster");
      if (cluster.isPrimary) for (let n = 0; n < 2; n++) cluster.fork();
      else require("node:http").createServer((_, answer) => answer.end("hello")).listen(49200);
      process.on("disconnect", () => process.exit());`;
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "cluster.cjs"), program);
    await surviveKills(s, FEWER_KILLS, process.execPath, join(folder, "cluster.cjs"));
  }),
);

for (const [what, options] of [
  ["its socket", []],
  ["its socket with SO_REUSEPORT", ["--reuse-port"]],
] as const)
  test(
    `gunicorn: two workers have inherited ${what}`,
    story(async (s) => {
      const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
      s.atEnd(() => rmSync(folder, { recursive: true }));
      const app =
        'def app(environ, start):\n    start("200 OK", [("content-length", "6")])\n    return [b"hello\\n"]\n';
      writeFileSync(join(folder, "hello.py"), app);
      const words = ["--bind", "127.0.0.1:49200", "--workers", "2", "--chdir", folder, "--log-level", "critical"];
      await surviveKills(s, FEWER_KILLS, "gunicorn", ...words, ...options, "hello:app");
    }, HAS_GUNICORN),
  );

test(
  "nginx as a daemon: its first process ends, and the one in the background is kept",
  story(async (s) => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    const conf = nginxConf(folder, "").replace("daemon off", "daemon on");
    writeFileSync(join(folder, "nginx.conf"), conf);
    const kept = new KeptProgram({ ports: [49_200] }, "nginx", "-c", join(folder, "nginx.conf"), "-e", "stderr");
    s.atEnd(() => kept.end());
    for (let life = 1; life <= 3; life++) {
      const { pid } = await kept.told("daemonized", life);
      assert.notEqual(pid, kept.programPid);
      const load = new RequestLoad(49_200, 1, REQUEST);
      await until("answers", () => load.counts.answered > 5);
      assert.equal((await load.stop()).refused, 0);
      process.kill(pid, "SIGKILL");
      assert.deepEqual((await kept.told("ended", life)).end, { signal: "SIGKILL" });
    }
  }, HAS_NGINX),
);

function nginxConf(folder: string, reuseport: string): string {
  return `daemon off; worker_processes 2; pid ${folder}/pid; error_log stderr crit; user root;
    events { worker_connections 64; }
    http { access_log off; client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
      uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
      server { listen 127.0.0.1:49200${reuseport}; location / { return 200 "hello"; } } }`;
}

for (const reuseport of ["", " reuseport"]) {
  test(
    `nginx with two workers, listen 49200${reuseport}`,
    story(async (s) => {
      const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
      s.atEnd(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, "nginx.conf"), nginxConf(folder, reuseport));
      const kills = reuseport === "" ? KILLS : FEWER_KILLS;
      const kept = await surviveKills(s, kills, "nginx", "-c", join(folder, "nginx.conf"), "-e", "stderr");
      assert.equal(kept.all("returned").length, kills * (reuseport === "" ? 1 : 2), "a socket a worker with reuseport");
      // Workers outlive a master that is killed; the next life has taken over, so they are ended.
      const nginx = (): number =>
        spawnSync("ps", ["--ppid", `${kept.pid},${kept.programPid}`, "-o", "comm="], { encoding: "utf8" })
          .stdout.split("\n")
          .filter((name) => name === "nginx").length;
      await until("one nginx is left, with its two workers", () => nginx() === 3);
    }, HAS_NGINX),
  );
}
