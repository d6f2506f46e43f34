/** A command of portmortem as somebody types it into a shell: in advice, and where a right is missing. Pure. */
export interface TypedAs {
  /** The network namespace that it is about, as the user named it; left out: the one that he is in. */
  readonly netns?: string | undefined;
  /** It takes a right that the user does not have. */
  readonly asRoot?: boolean;
}

/** `words`: the command and its arguments, as the program is to get them. */
export function typedCommand(words: readonly string[], { netns, asRoot = false }: TypedAs = {}): string {
  const all = ["portmortem", ...words, ...(netns === undefined ? [] : ["--netns", netns])];
  return `${asRoot ? "sudo " : ""}${all.map(shellWord).join(" ")}`;
}

/** One word for a POSIX shell, in quotes where it could be read as anything else. */
export function shellWord(word: string): string {
  return /^[\w/.:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
