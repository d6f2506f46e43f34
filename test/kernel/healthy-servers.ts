// nginx and PostgreSQL from the distribution's packages, in a story's namespace, with their files in a folder of their own. Nothing of the
// machine's own configuration is read or touched.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Need } from "./needs.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** `nobody`: PostgreSQL does not run as root. */
const NOBODY = 65_534;
export const DATABASE_USER = "api";

export const NGINX: Need = () => {
  const { error } = spawnSync("nginx", ["-v"]);
  return error === undefined ? undefined : `probed: the command nginx; ${error.message}`;
};

/** Debian keeps its versions side by side, and none of them in PATH. */
function postgresFolder(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(root, version, "bin")).find((folder) => existsSync(join(folder, "initdb")));
}

export const POSTGRES: Need = () =>
  postgresFolder() === undefined ? "probed: /usr/lib/postgresql/*/bin/initdb; there is none" : undefined;

function ownFolder(s: Story): string {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-server-"));
  s.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  return folder;
}

/** Started, and asked to end by its own signal when the story is over: these have children that a SIGKILL would leave behind. */
function serve(s: Story, command: string, args: readonly string[], end: NodeJS.Signals, uid = 0): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], cwd: "/", uid, gid: uid });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
  const gone = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("exit", (status) => {
      resolve();
      if (status !== 0 && status !== null) process.stderr.write(`${command} ended with ${status}:\n${said}`);
    });
  });
  s.atEnd(async () => {
    child.kill(end);
    await gone;
  });
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

/** As Debian's example site, in front of an application on `upstreamPort`. */
export async function startNginx(s: Story, port: number, upstreamPort: number): Promise<void> {
  const folder = ownFolder(s);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join("\n");
  writeFileSync(
    join(folder, "nginx.conf"),
    `user nobody nogroup; worker_processes 2; daemon off; pid ${join(folder, "pid")}; error_log stderr;
events { worker_connections 768; }
http {
  access_log off; ${paths}
  upstream app { server 127.0.0.1:${upstreamPort}; keepalive 16; }
  server {
    listen ${port} default_server; listen [::]:${port} default_server;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  serve(s, "nginx", ["-c", join(folder, "nginx.conf"), "-e", "stderr"], "SIGTERM");
  await until("nginx answers", () => answers(port));
}

/** Empty, on 127.0.0.1 only, and everybody is trusted. Answers where its programs are. */
export async function startPostgres(s: Story, port: number): Promise<string> {
  const programs = postgresFolder()!;
  const folder = ownFolder(s);
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, NOBODY, NOBODY);
  const made = spawnSync(
    join(programs, "initdb"),
    ["--pgdata", data, "--auth=trust", `--username=${DATABASE_USER}`, "--no-sync", "--no-instructions"],
    { uid: NOBODY, gid: NOBODY, cwd: "/", encoding: "utf8", env: { PATH: process.env["PATH"], LC_ALL: "C" } },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
  const settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: data, fsync: "off" };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  serve(s, join(programs, "postgres"), ["-D", data, ...args], "SIGINT", NOBODY);
  await until("PostgreSQL is ready", () => isReady(programs, port));
  return programs;
}

function isReady(programs: string, port: number): boolean {
  return spawnSync(join(programs, "pg_isready"), ["-h", "127.0.0.1", "-p", String(port)]).status === 0;
}
