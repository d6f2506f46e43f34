import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { redacted, withoutSecretValues, withoutSecrets } from "./secrets.ts";

const cases: readonly (readonly [args: readonly string[], clean: readonly string[]])[] = [
  [
    ["mysql", "--password=hunter2"],
    ["mysql", "--password=<hidden>"],
  ],
  [
    ["mysql", "--password", "hunter2", "-v"],
    ["mysql", "--password", "<hidden>", "-v"],
  ],
  [
    ["app", "--db.password:hunter2"],
    ["app", "--db.password:<hidden>"],
  ],
  [
    ["app", "-token", "abc"],
    ["app", "-token", "<hidden>"],
  ],
  [
    ["app", "--token", "-9x/abc="],
    ["app", "--token", "<hidden>"],
  ],
  [
    ["app", "--no-auth", "--port", "80"],
    ["app", "--no-auth", "--port", "80"],
  ],
  [
    ["env", "API_KEY=abc", "AWS_SECRET_ACCESS_KEY=x/y"],
    ["env", "API_KEY=<hidden>", "AWS_SECRET_ACCESS_KEY=<hidden>"],
  ],
  [
    ["curl", "-H", "Authorization: Bearer abc.def"],
    ["curl", "-H", "Authorization:<hidden>"],
  ],
  [
    ["curl", "-H", "X: Basic dXNlcjpwdw=="],
    ["curl", "-H", "X: Basic <hidden>"],
  ],
  [
    ["app", "postgres://deploy:hunter2@db/app"],
    ["app", "postgres://deploy:<hidden>@db/app"],
  ],
  [
    ["app", "--url=redis://:hunter2@db:6379/0"],
    ["app", "--url=redis://:<hidden>@db:6379/0"],
  ],
  [
    ["app", "postgres://deploy:p@ss/w:rd@db/app"],
    ["app", "postgres://deploy:<hidden>@db/app"],
  ],
  [
    ["git", "clone", "https://ghp_abc@github.com/a/b"],
    ["git", "clone", "https://<hidden>@github.com/a/b"],
  ],
  [
    ["curl", "http://h/p?user=a&access_token=abc&x=1"],
    ["curl", "http://h/p?user=a&access_token=<hidden>&x=1"],
  ],
  [
    ["sh", "-c", "PGPASSWORD=hunter2 psql -h db"],
    ["sh", "-c", "PGPASSWORD=<hidden>"],
  ],
  [
    ["sh", "-c", "cd /srv; TOKEN='a b' ./run -v"],
    ["sh", "-c", "cd /srv; TOKEN=<hidden> ./run -v"],
  ],
  [
    ["env", "PASSWORD=correct horse", "run"],
    ["env", "PASSWORD=<hidden>", "run"],
  ],
  [
    ["sh", "-c", "mysql --password hunter2 -v"],
    ["sh", "-c", "mysql --password <hidden> -v"],
  ],
  [
    ["app", '{"password": "hunter 2", "port": 80}'],
    ["app", '{"password": <hidden>, "port": 80}'],
  ],
  [
    ["mysql", "-phunter2", "-uroot"],
    ["mysql", "-p<hidden>", "-uroot"],
  ],
  [
    ["sshpass", "-p", "hunter2", "ssh", "db"],
    ["sshpass", "-p", "<hidden>", "ssh", "db"],
  ],
  [
    ["curl", "-u", "deploy:hunter2", "http://h/"],
    ["curl", "-u", "deploy:<hidden>", "http://h/"],
  ],
];

for (const [args, clean] of cases)
  test(`withoutSecrets() cleans ${args.join(" ")}`, () => assert.deepEqual(withoutSecrets(args), clean));

test("withoutSecrets() leaves alone what holds no secret", () => {
  for (const args of [
    ["node", "server.js", "--port", "8080", "--host=0.0.0.0"],
    ["nginx: worker process"],
    ["/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", "::", "-host-port", "80", "-container-ip", "172.17.0.2"],
    ["curl", "http://example.org:8080/a?b=c", "ssh://host/"],
    [],
  ])
    assert.deepEqual(withoutSecrets(args), args);
});

/** As passwords and tokens are made; not one that reads as an option (--verbose). */
const secret = fc
  .string({ unit: fc.constantFrom(...Array.from("abcXYZ0189!#%^*()_+.~$-")), minLength: 8, maxLength: 20 })
  .filter((text) => !/^--?[a-z]/i.test(text));
const option = fc.constantFrom("--password", "--token", "--api-key", "-secret", "--db-passwd", "--auth");

/** Every place in which it would be read as a secret. */
const places: readonly (readonly [string, (option: string, secret: string) => readonly string[]])[] = [
  ["behind an option", (name, value) => [name, value]],
  ["behind an option's =", (name, value) => [`${name}=${value}`]],
  ["in a variable", (name, value) => [`${name.replace(/^-+/, "").toUpperCase()}=${value}`]],
  ["in a URL", (_, value) => [`postgres://user:${value}@host:5432/db`]],
  ["as a URL's user", (_, value) => [`https://${value}@host/`]],
  ["in a query", (name, value) => [`http://host/?a=b&${name.replace(/^-+/, "")}=${value}`]],
  ["in JSON", (name, value) => [JSON.stringify({ a: 1, [name.replace(/^-+/, "")]: value })]],
  ["in a shell's line", (name, value) => ["-c", `exec program ${name} ${value} --verbose`]],
  ["in a header", (_, value) => ["-H", `Authorization: Bearer ${value}`]],
];

for (const [place, at] of places)
  test(`withoutSecrets() lets no secret survive ${place}`, () => {
    fc.assert(
      fc.property(option, secret, fc.boolean(), (name, value, more) => {
        const args = ["/usr/bin/program", ...(more ? ["--verbose", "8080"] : []), ...at(name, value), "last"];
        const clean = withoutSecrets(args);
        assert.ok(!clean.join("\n").includes(value), `${JSON.stringify(args)} -> ${JSON.stringify(clean)}`);
        assert.equal(clean.length, args.length);
        assert.deepEqual([clean[0], clean.at(-1)], [args[0], "last"]);
        assert.ok(!redacted(args).join("\n").includes(value), `redacted: ${JSON.stringify(redacted(args))}`);
      }),
    );
  });

test("redacted() keeps the program, the names of options, numbers and addresses, and nothing else", () => {
  assert.deepEqual(redacted(["/opt/app/bin/server", "--port", "8080", "--name=web", "file.txt", "-v"]), [
    "/opt/app/bin/server",
    "--port",
    "8080",
    "…",
    "…",
    "-v",
  ]);
  assert.deepEqual(redacted(["mysql", "-phunter", "--password", "12345"]), ["mysql", "…", "--password", "…"]);
});

test("redacted() keeps docker-proxy's arguments, which are part of a verdict", () => {
  const args = [
    "/usr/bin/docker-proxy",
    "-proto",
    "tcp",
    "-host-ip",
    "::",
    "-host-port",
    "80",
    "-container-ip",
    "172.17.0.2",
    "-container-port",
    "8080",
  ];
  assert.deepEqual(redacted(args).filter((arg) => arg === "…").length, 1, "tcp alone");
  assert.deepEqual(redacted(args).slice(3), args.slice(3));
});

test("withoutSecretValues() hides what its name or its look gives away, and with --redact all but numbers", () => {
  const values = { name: "api", pm_id: "0", SUPERVISOR_SERVER_URL: "http://me:secret@host:9001", API_TOKEN: "abc" };
  assert.deepEqual(withoutSecretValues(values, false), {
    name: "api",
    pm_id: "0",
    SUPERVISOR_SERVER_URL: "http://me:<hidden>@host:9001",
    API_TOKEN: "<hidden>",
  });
  assert.deepEqual(withoutSecretValues(values, true), {
    name: "…",
    pm_id: "0",
    SUPERVISOR_SERVER_URL: "…",
    API_TOKEN: "…",
  });
});
