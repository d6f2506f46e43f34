// What a source file imports and touches, from its syntax tree: comments and strings cannot mislead it.
import { posix } from "node:path";
import { parseSync } from "oxc-parser";
import { read } from "./repository.ts";

export interface Import {
  readonly from: string;
  /** A file of this repository ("src/tcp/states.ts"), or what was written ("node:fs", "koffi"). */
  readonly to: string;
  readonly line: number;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  /** By import(). */
  readonly later: boolean;
}

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export function parse(path: string, text: string): Node {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message ?? "cannot be parsed"}`);
  return program as unknown as Node;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

export function children(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode);
}

export function* walk(node: Node): Generator<Node> {
  yield node;
  for (const child of children(node)) yield* walk(child);
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** Every way to name another module: import, export from, import(), require(), require.resolve() and import("…") in types. */
export function importsOf(path: string, text = read(path)): Import[] {
  const found: Import[] = [];
  for (const node of walk(parse(path, text))) {
    const specifier = specifierOf(node);
    if (specifier === undefined) continue;
    const to = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
    found.push({
      from: path,
      to,
      line: lineOf(text, node.start),
      typeOnly: isTypeOnly(node),
      later: node.type === "ImportExpression",
    });
  }
  return found;
}

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return literal(node["source"] ?? node["argument"]);
    case "TSExternalModuleReference":
      return literal(node["expression"]);
    case "CallExpression": {
      const callee = node["callee"] as Node;
      const name = callee.type === "MemberExpression" ? (callee["object"] as Node)["name"] : callee["name"];
      return name === "require" ? literal((node["arguments"] as Node[])[0]) : undefined;
    }
    default:
      return undefined;
  }
}

function literal(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === "TSLiteralType") return literal(value["literal"]);
  if (value.type === "Literal" && typeof value["value"] === "string") return value["value"];
  // A template names a module as far as its fixed beginning goes: `@koromix/koffi-${platform}`.
  if (value.type === "TemplateLiteral") return (value["quasis"] as { value: { cooked: string } }[])[0]?.value.cooked;
  return undefined;
}

function isTypeOnly(node: Node): boolean {
  if (node.type === "TSImportType") return true;
  if (node["importKind"] === "type" || node["exportKind"] === "type") return true;
  const specifiers = node["specifiers"];
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false;
  return specifiers.every((one: Node) => one["importKind"] === "type" || one["exportKind"] === "type");
}
