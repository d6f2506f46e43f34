// One file in parts. What a command does not need is text in the bundle, which costs little to read over, where code has to be parsed before
// anything runs: 30 ns a byte, 9 ms for all of it, a third of an empty Node program. A part is compiled when it is first needed.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * `modules` are what esbuild made of an entry, by name: ES modules that import each other by "./name.js", which it made with `splitting`, or
 * CommonJS ones. Answers one CommonJS file that runs `entry`.
 */
export async function joinParts(esbuild, modules, entry, options) {
  const parts = {};
  for (const [name, text] of Object.entries(modules))
    parts[name] = (await esbuild.transform(text, { ...options, format: "cjs" })).code;
  const { [entry]: main, ...others } = parts;
  const texts = Object.entries(others).map(([name, code]) => `${JSON.stringify(`./${name}`)}:${JSON.stringify(code)}`);
  return `const parts = {\n${texts.join(",\n")}\n};\n${loader}${main}`;
}

/** In the bundle, `require` finds the parts by their names and everything else as before. A part's stack traces name it after the file. */
const loader = `
const requireOutside = require;
const loaded = new Map();
require = (name) => {
  if (!Object.hasOwn(parts, name)) return requireOutside(name);
  let module = loaded.get(name);
  if (module === undefined) {
    loaded.set(name, (module = { exports: {} }));
    requireOutside("node:vm").compileFunction(
      parts[name], ["require", "module", "exports", "__filename", "__dirname"], { filename: __filename + "#" + name.slice(2) },
    )(require, module, module.exports, __filename, __dirname);
  }
  return module.exports;
};
`;

/**
 * Modules of functions that few commands call are a part of their own: whoever imports one gets functions of the same names, which load the
 * part at the first call. What such a part needs besides, it has a copy of: shared with the others, all would fall to pieces of one file
 * each. `later` has lists of paths below src/, by the name of the part.
 */
export function laterPlugin(later) {
  const partOf = new Map(Object.entries(later).flatMap(([part, sources]) => sources.map((source) => [source, part])));
  const names = [...partOf.keys()].map((source) => basename(source));
  return {
    name: "parts-later",
    setup(build) {
      build.onResolve({ filter: /^\.\/later-/ }, ({ path }) => ({ path, external: true }));
      build.onResolve({ filter: new RegExp(`/(${names.join("|")})\\.ts$`) }, async ({ path, pluginData, ...rest }) => {
        if (pluginData === "itself") return undefined;
        const { path: file } = await build.resolve(path, { ...rest, pluginData: "itself" });
        const part = partOf.get(file.replace(/^.*\/src\//, "").replace(/\.ts$/, ""));
        return part === undefined ? { path: file } : { path: file, namespace: "later", pluginData: part };
      });
      build.onLoad({ filter: /.*/, namespace: "later" }, ({ path, pluginData: part }) => ({
        contents: `const load = () => require("./later-${part}.js");\n${exportedFunctions(path)
          .map((name) => `export const ${name} = (...args) => load().${name}(...args);`)
          .join("\n")}`,
      }));
    },
  };
}

/** The entry of a later part. */
export function laterEntry(sources, folder) {
  return sources
    .map((source) => `export { ${exportedFunctions(`${folder}/${source}.ts`).join(", ")} } from "./${source}.ts";`)
    .join("\n");
}

function exportedFunctions(path) {
  const exported = [...readFileSync(path, "utf8").matchAll(/^export (?!type |interface )(?:async )?(\w+)\*? (\w+)/gm)];
  const other = exported.find(([, kind]) => kind !== "function");
  if (other !== undefined) throw new Error(`${path} exports more than functions: ${other[0]}`);
  return exported.map(([, , name]) => name);
}
