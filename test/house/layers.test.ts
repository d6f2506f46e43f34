// Imports point downwards only. The tables are the architecture; ARCHITECTURE.md tells why.
import { test } from "node:test";
import { expectNone, read, sourceFiles, sourceFolders } from "./repository.ts";
import { importsOf, lineOf, parse, walk, type Import } from "./syntax.ts";

/** Folder of src/ → what it may import. `types:x` only as types, `later:x` only by import(), `x/*.ts` only the files directly in it. Its own files always. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  tcp: ["base"],
  wire: ["base", "tcp"],
  host: ["base", "tcp", "wire"],
  inspect: ["base", "tcp", "host"],
  verdict: ["base", "tcp"],
  explain: ["base", "tcp", "verdict"],
  ask: ["base", "tcp", "host", "inspect", "verdict", "explain"],
  act: ["base", "tcp", "host", "inspect", "verdict", "ask"],
  keep: ["base", "tcp", "host", "inspect", "verdict", "ask", "act"],
  capture: ["base", "tcp", "wire", "verdict"],
  // guard() sets what Node cannot: its bundle has nothing of host/, and loads the binding only for that.
  graceful: ["base", "later:host/linux/libc.ts"],
  render: ["base", "tcp", "types:verdict", "types:inspect", "types:explain", "types:keep"],
  testing: ["base", "tcp", "host/*.ts"],
  cli: [
    "base",
    "tcp",
    "host",
    "inspect",
    "verdict",
    "explain",
    "ask",
    "act",
    "keep",
    "capture",
    "graceful",
    "render",
    "testing",
    "index.ts",
  ],
  "index.ts": [
    "base",
    "tcp",
    "wire",
    "host",
    "inspect",
    "verdict",
    "explain",
    "ask",
    "act",
    "keep",
    "capture",
    "graceful",
    "render",
    "testing",
  ],
};

/** Modules of Node that do input or output; importing their types is harmless. */
const IO =
  /^(node:)?(fs|net|dgram|http|https|http2|tls|dns|child_process|cluster|worker_threads|readline|repl|tty)(\/.*)?$/;
const ANY_BUILTIN = /^node:/;
const NO_BUILTINS: Record<string, RegExp> = {
  base: ANY_BUILTIN,
  tcp: ANY_BUILTIN,
  verdict: ANY_BUILTIN,
  explain: ANY_BUILTIN,
  wire: IO,
  capture: IO,
  render: IO,
  inspect: IO,
  act: IO,
  keep: IO,
};

/** The foreign-function binding is loaded in one file below this folder, and nowhere else. */
const FFI_FOLDER = "src/host/linux/";
const FFI = /^(koffi|@koromix\/)/;

const imports = sourceFiles().flatMap((path) => importsOf(path));
const place = ({ from, line, to }: Import) => `${from}:${line} imports ${to}`;
/** "src/tcp/states.ts" → "tcp"; "src/index.ts" → "index.ts". */
const layerOf = (path: string) => path.split("/")[1] ?? "";
const isOurs = (path: string) => path.startsWith("src/");

function isAllowed({ from, to, typeOnly, later }: Import): boolean {
  const layer = layerOf(to);
  if (layerOf(from) === layer) return true;
  return (MAY_IMPORT[layerOf(from)] ?? []).some((allowed) => {
    if (allowed.startsWith("types:")) return typeOnly && layer === allowed.slice("types:".length);
    if (allowed.startsWith("later:")) return later && to === `src/${allowed.slice("later:".length)}`;
    if (allowed.endsWith("/*.ts")) return layer === allowed.split("/")[0] && to.split("/").length === 3;
    return layer === allowed;
  });
}

test("the table of layers has a row for each folder of src/", () => {
  expectNone(
    sourceFolders().filter((folder) => !(folder in MAY_IMPORT)),
    "folders of src/ without a row in MAY_IMPORT",
  );
});

test("sources import only what their layer may", () => {
  expectNone(imports.filter((one) => isOurs(one.to) && !isAllowed(one)).map(place), "against the table of layers");
});

test("sources import nothing of this repository outside src/", () => {
  expectNone(imports.filter(({ to }) => /^(\.\.|test\/|scripts\/|bench\/)/.test(to)).map(place), "outside src/");
});

test("pure layers import no module of Node that they must not have", () => {
  const offends = ({ from, to, typeOnly }: Import) => !typeOnly && NO_BUILTINS[layerOf(from)]?.test(to) === true;
  expectNone(imports.filter(offends).map(place), "input, output or Node itself in a pure layer");
});

test("no module imports node:process, which opens stdin", () => {
  // An ES module that imports it has all its names read, and process.stdin makes the pipe that it shares with others non-blocking.
  expectNone(imports.filter(({ from, to }) => isOurs(from) && to === "node:process").map(place), "use the global");
});

test("modules of Node are written with node:", () => {
  expectNone(imports.filter(({ to }) => !ANY_BUILTIN.test(to) && IO.test(to)).map(place), "without node:");
});

test("the native binding is loaded in one file of host/linux/", () => {
  const loading = imports.filter(({ to, typeOnly }) => FFI.test(to) && !typeOnly);
  expectNone(loading.filter(({ from }) => !from.startsWith(FFI_FOLDER)).map(place), `not in ${FFI_FOLDER}`);
  const files = new Set(loading.map(({ from }) => from));
  expectNone(files.size > 1 ? [...files] : [], "more than one file loads the native binding");
});

/** Ends the process of a program that has asked for just that. */
const ENDS_PROCESS = "src/graceful/shutdown-on-signals.ts";

test("only cli/ prints, reads argv or ends the process", () => {
  const offenders: string[] = [];
  for (const path of sourceFiles().filter((file) => layerOf(file) !== "cli" && file !== ENDS_PROCESS)) {
    const text = read(path);
    for (const node of walk(parse(path, text))) {
      if (node.type !== "MemberExpression") continue;
      const code = text.slice(node.start, node.end);
      if (/^(console\.\w+|process\.(stdout|stderr|stdin|argv|exit|exitCode|abort))$/.test(code))
        offenders.push(`${path}:${lineOf(text, node.start)} ${code}`);
    }
  }
  expectNone(offenders, "belongs to cli/");
});
