// Names say the subject, and nothing in the repository knows the machine it was written on.
import { basename } from "node:path";
import { test } from "node:test";
import { expectNone, read, repositoryFiles, sourceFiles } from "./repository.ts";

const BINARY = /\.(pcap|pcapng|bin|png|gz)$/;
/** Folders in which people and machines keep their own things. A home of nobody in particular is fine in an example: /home/alice/. */
const PRIVATE_PATH = /(?<![\w.~-])\/(?:(?:work|root)\/\w|home\/(?!alice\/|deploy\/)\w|Users\/\w)/;
const REGISTRY = /\bregistry\.[a-z]+|"resolved":/;

test("files of src/ and test/ are named in kebab case", () => {
  expectNone(
    repositoryFiles().filter(
      (path) => /^(src|test)\/.*\.(ts|mjs)$/.test(path) && !/^[a-z0-9/-]+(\.test)?\.(ts|mjs)$/.test(path),
    ),
    "not in kebab case",
  );
});

test("files of src/ are named after their subject", () => {
  const offends = (path: string) =>
    /^(utils?|helpers?|common|misc|shared|types)\.ts$/.test(basename(path)) || /.\/index\.ts$/.test(path.slice(4));
  expectNone(sourceFiles().filter(offends), "junk drawers, or an index.ts inside a folder");
});

test("no file names a path of one machine, or a registry", () => {
  const offenders = repositoryFiles()
    .filter((path) => !BINARY.test(path) && path !== "test/house/names.test.ts")
    .flatMap((path) =>
      read(path)
        .split("\n")
        .flatMap((line, at) =>
          PRIVATE_PATH.test(line) || REGISTRY.test(line) ? [`${path}:${at + 1} ${line.trim().slice(0, 100)}`] : [],
        ),
    );
  expectNone(offenders, "belongs to one machine");
});
