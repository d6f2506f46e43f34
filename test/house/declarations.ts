// The public declarations, and only those: starting from an entry point's exports, every declaration that they need, in a fixed order.
import { posix } from "node:path";
import { read } from "./repository.ts";
import { children, parse, type Node } from "./syntax.ts";

interface Module {
  readonly text: string;
  /** Name → the statement that declares it here (several for overloads and merged interfaces). */
  readonly declared: Map<string, Node[]>;
  /** Name → where it comes from. */
  readonly imported: Map<string, { file: string; name: string }>;
  /** Exported name → its local name, or its place elsewhere. */
  readonly exported: Map<string, { file?: string; name: string }>;
  readonly exportedStars: string[];
}

/** Text of all declarations that can be reached from the exports of `entry`, a d.ts file. */
export function publicDeclarations(entry: string): string {
  const modules = new Map<string, Module>();
  const load = (file: string): Module => {
    const known = modules.get(file) ?? readModule(file);
    modules.set(file, known);
    return known;
  };
  const reached = new Map<string, Set<string>>();
  const reach = (file: string, name: string): void => {
    const { declared, imported } = load(file);
    const from = imported.get(name);
    if (from) return reachExport(from.file, from.name);
    const statements = declared.get(name);
    const seen = reached.get(file) ?? new Set();
    if (!statements || seen.has(name)) return;
    reached.set(file, seen.add(name));
    for (const statement of statements) for (const used of namesUsed(statement)) if (used !== name) reach(file, used);
  };
  const reachExport = (file: string, name: string): void => {
    const { exported, exportedStars } = load(file);
    if (name === "*") for (const each of exported.keys()) reachExport(file, each);
    const target = exported.get(name);
    if (!target) for (const star of exportedStars) reachExport(star, name);
    else if (target.file !== undefined) reachExport(target.file, target.name);
    else reach(file, target.name);
  };
  for (const name of load(entry).exported.keys()) reachExport(entry, name);
  const sections = [...reached]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, names]) => sectionOf(file, load(file), names));
  return [`// ${entry} exports: ${[...load(entry).exported.keys()].sort().join(", ")}`, ...sections].join("\n\n");
}

function sectionOf(file: string, { declared, text }: Module, names: ReadonlySet<string>): string {
  const statements = [...names].sort().flatMap((name) => declared.get(name) ?? []);
  const code = [...new Set(statements)].map((statement) => text.slice(statement.start, statement.end));
  return `// ${file}\n${code.join("\n")}`;
}

function readModule(file: string): Module {
  const text = read(file);
  const module: Module = { text, declared: new Map(), imported: new Map(), exported: new Map(), exportedStars: [] };
  for (const statement of parse(file, text)["body"] as Node[]) readStatement(file, statement, module);
  return module;
}

function readStatement(file: string, statement: Node, module: Module): void {
  const source = statement["source"] as Node | null | undefined;
  const from = source
    ? posix.join(posix.dirname(file), String(source["value"])).replace(/\.[jt]s$/, ".d.ts")
    : undefined;
  const isOurs = source !== null && source !== undefined && String(source["value"]).startsWith(".");
  const specifiers = (statement["specifiers"] ?? []) as Node[];
  if (statement.type === "ImportDeclaration") {
    if (!isOurs || from === undefined) return;
    for (const one of specifiers)
      module.imported.set(nameOf(one["local"]), { file: from, name: nameOf(one["imported"], "*") });
  } else if (statement.type === "ExportAllDeclaration") {
    if (isOurs && from !== undefined) module.exportedStars.push(from);
  } else if (statement.type === "ExportNamedDeclaration" && !statement["declaration"]) {
    for (const one of specifiers)
      module.exported.set(nameOf(one["exported"]), {
        ...(from === undefined ? {} : { file: from }),
        name: nameOf(one["local"]),
      });
  } else {
    const declaration = (statement["declaration"] ?? statement) as Node;
    for (const name of namesDeclared(declaration)) {
      module.declared.set(name, [...(module.declared.get(name) ?? []), statement]);
      if (statement.type === "ExportNamedDeclaration") module.exported.set(name, { name });
    }
  }
}

function namesDeclared(declaration: Node): string[] {
  const variables = declaration["declarations"] as Node[] | undefined;
  return (variables ?? [declaration]).map((one) => nameOf(one["id"])).filter((name) => name !== "");
}

function nameOf(node: unknown, fallback = ""): string {
  const { name, value } = (node ?? {}) as { name?: string; value?: string };
  return name ?? value ?? fallback;
}

/** All identifiers in it: too many (parameters, keys) rather than too few; only those that are declarations count. */
function* namesUsed(node: Node): Generator<string> {
  if (node.type === "Identifier") yield nameOf(node);
  for (const child of children(node)) yield* namesUsed(child);
}
