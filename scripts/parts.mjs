// The command in parts. Code has to be parsed before anything runs: 30 ns a byte, a third of an empty Node program for all of it; even as text
// within the script it costs 10 ns a byte. So the parts lie one after the other in a file beside it, and each is read and compiled when it is
// first needed.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * `modules` are what esbuild made of an entry, by name: ES modules that import each other by "./name.js", which it made with `splitting`, or
 * CommonJS ones. Answers a CommonJS script that runs `entry`, and the file of parts that it looks for in its own folder. The file is named
 * after what is in it: a script never meets the parts of another build.
 */
export async function joinParts(esbuild, modules, entry, options) {
  const index = {};
  let text = "";
  let main = "";
  for (const [name, source] of Object.entries(modules)) {
    const { code } = await esbuild.transform(source, { ...options, format: "cjs", charset: "ascii" });
    if (name === entry) main = code;
    else {
      index[`./${name}`] = [text.length, code.length];
      text += code;
    }
  }
  const partsFile = `cli-${createHash("sha256").update(text).digest("hex").slice(0, 12)}.parts`;
  return { script: `${loader(partsFile, index)}${main}`, partsFile, parts: text };
}

/** In the bundle, `require` finds the parts by their names and everything else as before. A part's stack traces name it after the file. */
const loader = (partsFile, index) => `
const parts = ${JSON.stringify(index)};
const requireOutside = require;
const loaded = new Map();
require = (name) => {
  if (!Object.hasOwn(parts, name)) return requireOutside(name);
  let module = loaded.get(name);
  if (module === undefined) {
    loaded.set(name, (module = { exports: {} }));
    requireOutside("node:vm").compileFunction(
      readPart(parts[name]), ["require", "module", "exports", "__filename", "__dirname"], { filename: __filename + "#" + name.slice(2) },
    )(require, module, module.exports, __filename, __dirname);
  }
  return module.exports;
};
const readPart = ([at, length]) => {
  const fs = requireOutside("node:fs");
  const bytes = Buffer.allocUnsafeSlow(length);
  const fd = fs.openSync(__dirname + "/${partsFile}", "r");
  try {
    if (fs.readSync(fd, bytes, 0, length, at) !== length) throw new Error("${partsFile} is cut short: install portmortem again");
  } finally {
    fs.closeSync(fd);
  }
  return bytes.latin1Slice();
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
