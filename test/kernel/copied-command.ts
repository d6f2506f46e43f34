/** The built command and its native binding in a folder that any user can read: a checkout often lies in a home that only its owner can. */
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CLI } from "./story.ts";

/** Whoever calls it removes it. */
export function copyCommand(): { readonly cli: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  chmodSync(folder, 0o755);
  const cli = join(folder, "cli.cjs");
  for (const name of readdirSync(dirname(CLI)).filter((file) => /^cli(?:-\w+\.parts|\.cjs)$/.test(file)))
    cpSync(join(dirname(CLI), name), join(folder, name));
  const modules = join(dirname(CLI), "../node_modules");
  for (const name of ["koffi", ...scoped(modules)])
    if (existsSync(join(modules, name)))
      cpSync(realpathSync(join(modules, name)), join(folder, "node_modules", name), { recursive: true });
  return { cli, remove: () => rmSync(folder, { recursive: true }) };
}

function scoped(modules: string): string[] {
  const folder = join(modules, "@koromix");
  return existsSync(folder) ? readdirSync(folder).map((name) => `@koromix/${name}`) : [];
}
