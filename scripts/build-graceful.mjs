// portmortem/graceful, bundled: for import and for require one file each, and another with what is loaded when it is first called. Modules from a
// folder, or a third file with what the two share, would take longer to load than all else that a small server loads of ours.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const sources = join(root, "src/graceful");
const folder = join(root, "dist/graceful");
const options = {
  absWorkingDir: root,
  outdir: folder,
  write: false,
  bundle: true,
  minify: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external: ["portmortem"],
  legalComments: "none",
  logLevel: "warning",
};

export async function buildGraceful() {
  const esbuild = await import("esbuild");
  const build = async (entry, plugins) => (await esbuild.build({ ...options, ...entry, plugins })).outputFiles[0].text;
  const later = { entryPoints: [join(sources, "later.ts")] };
  const shared = await sharedNames(esbuild, later);
  const names = Object.values(shared).flat();
  const entry = [
    'export * from "./graceful.ts";',
    ...Object.entries(shared).map(([path, used]) => `import { ${used.join()} } from ${JSON.stringify(path)};`),
    `export const internal = { ${names.join()} };`,
  ].join("\n");
  const stdin = { contents: entry, resolveDir: sources, loader: "ts" };
  const texts = {
    graceful: await build({ stdin }, [ownErrorsPlugin, laterPlugin, libraryPlugin]),
    later: await build(later, [fromEntryPlugin(Object.keys(shared), names), libraryPlugin]),
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(folder, `${name}.js`), withoutFacades(text));
    const { code } = await esbuild.transform(text.replace(/("\.\/\w+)\.js"/g, '$1.cjs"'), {
      minify: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      legalComments: "none",
    });
    writeFileSync(join(folder, `${name}.cjs`), code);
  }
  writeDeclarations();
}

/**
 * For an `import` of its own modules Node makes a module of ours each, with all the names that they export: a third of the time of loading this one.
 * process.getBuiltinModule() is there since 20.16 and 22.3.
 */
function withoutFacades(text) {
  const direct = text.replace(
    /\bimport\{([^}]*)\}from("node:[^"]*");/g,
    (_, names, module) => `const{${names.replaceAll(" as ", ":")}}=process.getBuiltinModule(${module});`,
  );
  if (/\bfrom"node:/.test(direct)) throw new Error("an import of node: that is not of names");
  return direct;
}

/** Module → what the second bundle takes of it, where the first has that module: there is one PortmortemError, and one memory of who is connected. */
async function sharedNames(esbuild, later) {
  const { metafile } = await esbuild.build({
    ...options,
    entryPoints: [join(sources, "graceful.ts")],
    metafile: true,
    plugins: [laterPlugin, libraryPlugin],
  });
  const inEntry = Object.keys(metafile.inputs).map((path) => join(root, path));
  const { outputFiles } = await esbuild.build({
    ...options,
    ...later,
    minify: false,
    plugins: [resolvePlugin(inEntry, (path) => ({ path, external: true })), libraryPlugin],
  });
  const imports = outputFiles[0].text.matchAll(/^import \{([^}]*)\} from "(\/[^"]*)";$/gm);
  const shared = {};
  for (const [, list, path] of imports)
    shared[path] = [...new Set([...(shared[path] ?? []), ...list.split(",").map((one) => one.trim().split(" ")[0])])];
  return shared;
}

function fromEntryPlugin(paths, names) {
  return {
    name: "from-entry",
    setup(build) {
      resolvePlugin(paths, () => ({ path: "shared", namespace: "from-entry" })).setup(build);
      build.onResolve({ filter: /^\.\/graceful\.js$/ }, ({ path }) => ({ path, external: true }));
      build.onLoad({ filter: /.*/, namespace: "from-entry" }, () => ({
        contents: `import { internal } from "./graceful.js"; export const { ${names.join()} } = internal;`,
      }));
    },
  };
}

/** Imports of these modules are answered otherwise. */
function resolvePlugin(paths, answer) {
  return {
    name: "resolve",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ kind, path, resolveDir }) => {
        const full = join(resolveDir, path);
        return kind === "import-statement" && paths.includes(full) ? answer(full) : undefined;
      });
    },
  };
}

const laterPlugin = {
  name: "later",
  setup(build) {
    build.onResolve({ filter: /^\.\/later\.ts$/ }, () => ({ path: "./later.js", external: true }));
  },
};

function writeDeclarations() {
  // Of the modules that are bundled now only the declarations are read.
  for (const file of readdirSync(join(root, "dist/lib/graceful")))
    if (!file.endsWith(".d.ts")) rmSync(join(root, "dist/lib/graceful", file));
  // The compiler takes a .d.ts of this package for ES modules, which `require` of older compilers may not read: copies for CommonJS.
  for (const layer of ["base", "graceful"]) {
    mkdirSync(join(folder, "require", layer), { recursive: true });
    for (const file of readdirSync(join(root, "dist/lib", layer)).filter((name) => name.endsWith(".d.ts")))
      writeFileSync(
        join(folder, "require", layer, file.replace(/\.d\.ts$/, ".d.cts")),
        readFileSync(join(root, "dist/lib", layer, file), "utf8").replace(/("\.{1,2}\/[^"]*)\.js"/g, '$1.cjs"'),
      );
  }
}

/** What graceful/ takes from other folders, by import() once it is needed, stays a module of the library; seen from dist/graceful/. */
const libraryPlugin = {
  name: "library",
  setup(build) {
    build.onResolve({ filter: /^\.\.\/.*\.ts$/ }, ({ kind, path }) =>
      kind === "dynamic-import"
        ? { path: path.replace("..", "../lib").replace(/ts$/, "js"), external: true }
        : undefined,
    );
  },
};

/** Of the table of errors only the lines that graceful/ names: it raises no others, and the rest would be a twentieth of it. */
const ownErrorsPlugin = {
  name: "own-errors",
  setup(build) {
    build.onLoad({ filter: /\/src\/base\/errors\.ts$/ }, ({ path }) => {
      const folder = join(root, "src/graceful");
      const sources = readdirSync(folder)
        .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
        .map((name) => readFileSync(join(folder, name), "utf8"))
        .join("");
      const contents = readFileSync(path, "utf8").replace(/^ {2}(PM_\w+): \{.*\},\n/gm, (line, code) =>
        sources.includes(`"${code}"`) ? line : "",
      );
      return { contents, loader: "ts" };
    });
  },
};
