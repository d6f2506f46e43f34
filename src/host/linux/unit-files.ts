/**
 * What the files of systemd's units say: systemd.unit(5), "Unit File Load Path". Read only for a unit that is in question, since asking the
 * manager takes a program or a bus, and milliseconds; a change that was not loaded yet (daemon-reload) is seen too early.
 */
import { readdirSync } from "node:fs";
import { listenPort, unitValues } from "../../wire/unit-file.ts";
import { readText } from "./read-file.ts";

/** The first directory that has a file of a name counts. */
const SYSTEM_DIRECTORIES: readonly string[] = [
  "/etc/systemd/system.control",
  "/run/systemd/system.control",
  "/run/systemd/transient",
  "/run/systemd/generator.early",
  "/etc/systemd/system",
  "/etc/systemd/system.attached",
  "/run/systemd/system",
  "/run/systemd/system.attached",
  "/run/systemd/generator",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
  "/run/systemd/generator.late",
];

/** A user whose manager is meant: his number, and his home where it is known. */
export interface UnitUser {
  readonly uid: number;
  readonly home?: string;
}

function userDirectories({ uid, home }: UnitUser): string[] {
  const run = `/run/user/${uid}/systemd`;
  const own = (...paths: readonly string[]): string[] => (home === undefined ? [] : paths.map((path) => home + path));
  return [
    ...own("/.config/systemd/user.control"),
    `${run}/user.control`,
    `${run}/transient`,
    `${run}/generator.early`,
    ...own("/.config/systemd/user"),
    "/etc/systemd/user",
    `${run}/user`,
    "/run/systemd/user",
    `${run}/generator`,
    ...own("/.local/share/systemd/user"),
    "/usr/local/share/systemd/user",
    "/usr/share/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
    `${run}/generator.late`,
  ];
}

/** `Restart=`, "no" where nothing is said; undefined for a unit that has no file which can be read. `root` is put before every path. */
export function readServiceRestart(unit: string, user?: UnitUser, root = ""): string | undefined {
  const texts = unitTexts(unit, directoriesOf(user, root));
  return texts === undefined ? undefined : (unitValues(texts, "Service", "Restart").at(-1) ?? "no");
}

/** The socket units whose files name a port, in the order of their names. */
export function readSocketUnits(port: number, user?: UnitUser, root = ""): string[] {
  const directories = directoriesOf(user, root);
  const names = new Set(directories.flatMap((directory) => namesIn(directory, /^[^@]+(?:@[^@]+)?\.socket$/)));
  return [...names].sort().filter((name) => {
    const texts = unitTexts(name, directories) ?? [];
    return ["ListenStream", "ListenDatagram"].some((key) =>
      unitValues(texts, "Socket", key).some((value) => listenPort(value) === port),
    );
  });
}

function directoriesOf(user: UnitUser | undefined, root: string): string[] {
  return (user === undefined ? SYSTEM_DIRECTORIES : userDirectories(user)).map((directory) => root + directory);
}

/** The unit's file and then its drop-ins, as they are applied. */
function unitTexts(unit: string, directories: readonly string[]): string[] | undefined {
  if (!/^[\w:.\\@-]+\.(?:service|socket)$/.test(unit)) return undefined;
  const template = /^([^@]+@)[^@]+(\.\w+)$/.exec(unit);
  const names = template === null ? [unit] : [unit, `${template[1]}${template[2]}`];
  const main = firstOf(names.flatMap((name) => directories.map((directory) => `${directory}/${name}`)));
  if (main === undefined) return undefined;
  const dropIns = new Map<string, string>();
  for (const folder of [...names, ...prefixesOf(unit)].map((name) => `${name}.d`))
    for (const directory of directories)
      for (const name of namesIn(`${directory}/${folder}`, /\.conf$/))
        if (!dropIns.has(name)) dropIns.set(name, `${directory}/${folder}/${name}`);
  const ordered = [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1));
  return [main, ...ordered.map(([, path]) => readText(path) ?? "")];
}

/** `a-b-c.service` has the drop-ins of `a-b-.service.d` and `a-.service.d`, and every service those of `service.d`. */
function prefixesOf(unit: string): string[] {
  const type = unit.slice(unit.lastIndexOf(".") + 1);
  const name = unit.slice(0, unit.lastIndexOf("."));
  const ends = [...name.matchAll(/-(?=.)/g)].map(({ index }) => index + 1);
  return [...ends.reverse().map((end) => `${name.slice(0, end)}.${type}`), type];
}

function firstOf(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const text = readText(path);
    if (text !== undefined) return text;
  }
  return undefined;
}

function namesIn(directory: string, pattern: RegExp): string[] {
  try {
    return readdirSync(directory).filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}
