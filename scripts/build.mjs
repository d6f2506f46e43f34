// node scripts/build.mjs cli|lib|all
//   cli  src/cli/main.ts and all it needs, but the native parts: dist/cli.cjs and its parts, dist/cli-HASH.parts. Needs esbuild only.
//   lib  the library as ES modules with their types: dist/lib/; and portmortem/graceful, bundled for import and for require:
//        dist/graceful/. Needs the TypeScript compiler and esbuild.
import { builtinModules, createRequire } from "node:module";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled, root } from "./setup.mjs";
import { buildGraceful } from "./build-graceful.mjs";
import { cliFile } from "./freshness.mjs";
import { joinParts, laterEntry, laterPlugin } from "./parts.mjs";

const require = createRequire(import.meta.url);

/** Built-in modules that cost half a millisecond or more to load. The bundle loads each when something of it is first used. */
const lazyBuiltins = [
  "child_process",
  "crypto",
  "dgram",
  "dns",
  "http",
  "http2",
  "https",
  "net",
  "os",
  "readline",
  "tls",
  "worker_threads",
  "zlib",
];

/** What no looking needs; what `ls` does not need as long as nothing is out of the ordinary, and `why` only in part. */
const later = {
  actions: ["host/linux/linux-actions"],
  containers: ["host/linux/container-engine", "host/linux/container-files"],
  filters: ["tcp/filter/match-filter", "tcp/filter/parse-filter", "wire/diag-bytecode"],
  probes: [
    "host/linux/bind-probe",
    "host/linux/counters",
    "host/linux/descriptor-count",
    "host/linux/destroy-probe",
    "host/linux/detached-sockets",
    "host/linux/diag-get",
    "host/linux/held-socket",
    "host/linux/local-addresses",
    "host/linux/namespace-owner",
    "host/linux/namespaces",
    "host/linux/proc-net-sockets",
    "host/linux/relatives",
    "host/linux/resolve-name",
    "host/linux/rights-from-proc",
    "host/linux/source-address",
    "host/linux/surroundings",
    "host/linux/sysctl-lines",
  ],
};

/** `readable`: names and lines stay as they are in the sources, for reading a stack trace. */
export async function buildCli(readable = false) {
  const esbuild = await import("esbuild");
  const startedAt = new Date();
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const options = {
    absWorkingDir: root,
    outdir: dirname(cliFile),
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "esm",
    external: ["koffi", "@koromix/*"],
    define: {
      __PORTMORTEM_VERSION__: JSON.stringify(version),
      // The only use of it is to find koffi, which takes a path as well.
      "import.meta.url": "__filename",
      "import.meta.filename": "__filename",
      "import.meta.dirname": "__dirname",
    },
    legalComments: "none",
    logLevel: "warning",
  };
  const result = await esbuild.build({
    ...options,
    entryPoints: ["src/cli/main.ts"],
    splitting: true,
    metafile: true,
    plugins: [laterPlugin(later), lazyBuiltinsPlugin],
  });
  const modules = Object.fromEntries(result.outputFiles.map(({ path, text }) => [basename(path), text]));
  for (const [part, sources] of Object.entries(later)) {
    const stdin = { contents: laterEntry(sources, join(root, "src")), resolveDir: join(root, "src") };
    const { outputFiles } = await esbuild.build({ ...options, stdin, plugins: [lazyBuiltinsPlugin] });
    modules[`later-${part}.js`] = outputFiles[0].text;
  }
  const { script, partsFile, parts } = await joinParts(esbuild, modules, "main.js", {
    target: "node20",
    platform: "node",
    // import() would go through the loader of ES modules, 3 ms: require() of a part or of a built-in module does not.
    supported: { "dynamic-import": false },
    // Parsing is most of what a short command costs, and short names make it 3 ms less. What a stack trace of a release says is found out
    // by doing the same, or replaying the recording, with a readable build of that version.
    minify: !readable,
    lineLimit: 200,
    legalComments: "none",
  });
  mkdirSync(dirname(cliFile), { recursive: true });
  writeFileSync(join(root, "dist/cli.licenses.txt"), licencesOf(result.metafile));
  // Written aside and renamed: whoever starts at this moment gets the old file or the new one, never half of one. Its time is that of
  // the beginning, so that a source saved during the build counts as newer.
  const folder = dirname(cliFile);
  const before = readdirSync(folder).filter((name) => /^cli-.*\.parts$/.test(name) && name !== partsFile);
  writeFileSync(join(folder, `${partsFile}.${process.pid}`), parts);
  renameSync(join(folder, `${partsFile}.${process.pid}`), join(folder, partsFile));
  const aside = `${cliFile}.${process.pid}`;
  writeFileSync(aside, `#!/usr/bin/env node\n${script}`);
  chmodSync(aside, 0o755);
  utimesSync(aside, startedAt, startedAt);
  renameSync(aside, cliFile);
  for (const name of before) rmSync(join(folder, name), { force: true });
}

/**
 * Puts a stand-in with one getter a name between the bundle and a costly built-in module. It serves `require()` in dependencies (commander
 * requires child_process on load, 3 ms, and uses it only for subcommands that are programs) and `import` in ours.
 */
const lazyBuiltinsPlugin = {
  name: "lazy-builtins",
  setup(build) {
    const filter = new RegExp(`^(node:)?(${lazyBuiltins.filter((name) => builtinModules.includes(name)).join("|")})$`);
    build.onResolve({ filter }, ({ path, namespace }) =>
      namespace === "lazy-builtin"
        ? { path, external: true }
        : { path: path.replace(/^node:/, ""), namespace: "lazy-builtin" },
    );
    build.onLoad({ filter: /.*/, namespace: "lazy-builtin" }, ({ path }) => ({
      contents: `
        let loaded;
        const load = () => (loaded ??= require("node:${path}"));
        for (const name of ${JSON.stringify(Object.keys(require(`node:${path}`)))})
          Object.defineProperty(exports, name, { enumerable: true, get: () => load()[name] });`,
    }));
  },
};

/** The licences of what is bundled have to travel with it. */
function licencesOf(metafile) {
  const folders = new Set(
    Object.keys(metafile.inputs).flatMap((path) => path.match(/^.*?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
  );
  if (folders.size === 0) throw new Error("no licence was found of what is bundled: their notices must travel with it");
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
      const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, folder, file), "utf8") : ""}\n`;
    })
    .join(`${"-".repeat(80)}\n\n`);
}

export async function buildLib() {
  const { spawnSync } = await import("node:child_process");
  if (!existsSync(join(root, "src/index.ts"))) throw new Error("src/index.ts is missing: there is no library to build");
  rmSync(join(root, "dist/lib"), { recursive: true, force: true });
  const { status } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.lib.json"],
    {
      cwd: root,
      stdio: ["ignore", 2, 2],
    },
  );
  if (status !== 0) throw new Error("tsc -p tsconfig.lib.json failed");
  // The compiler rewrites "./x.ts" to "./x.js" in the code but not in the declarations, where only newer compilers understand it.
  for (const file of readdirSync(join(root, "dist/lib"), { recursive: true }).filter((path) =>
    path.endsWith(".d.ts"),
  )) {
    const path = join(root, "dist/lib", file);
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(/((?:from |import\(|import )"\.{1,2}\/[^"]*)\.ts"/g, '$1.js"'),
    );
  }
  await buildGraceful();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const what = process.argv[2] ?? "all";
  if (!["cli", "lib", "all"].includes(what)) {
    process.stderr.write("usage: node scripts/build.mjs cli|lib|all [--readable]\n");
    process.exit(2);
  }
  await ensureInstalled();
  try {
    if (what !== "lib") await buildCli(process.argv.includes("--readable"));
    if (what !== "cli") await buildLib();
  } catch (error) {
    process.stderr.write(`portmortem: the build failed: ${error.message}\n`);
    process.exitCode = 1;
  }
}
