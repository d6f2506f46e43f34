// One file in parts: what a command does not need is a string in the bundle, which costs nothing to read over, where code has to be parsed
// before anything runs (30 ns a byte: 9 ms for all of it, a third of an empty Node program). Each part is compiled when it is first needed.

/**
 * `files` are what esbuild made of an entry with `splitting`: ES modules that import each other by "./name.js". Answers one CommonJS file
 * that runs `entry`.
 */
export async function joinParts(esbuild, files, entry, options) {
  const parts = {};
  for (const { path, text } of files) parts[path] = (await esbuild.transform(text, { ...options, format: "cjs" })).code;
  const { [entry]: main, ...others } = parts;
  return `const parts = {\n${Object.entries(others)
    .map(([path, code]) => `${JSON.stringify(`./${path}`)}:${JSON.stringify(code)}`)
    .join(",\n")}\n};\n${loader}${main}`;
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
