/** Unit files of systemd: systemd.syntax(7). Sections in brackets, `Key=value`, comments, and lines that a backslash continues. */

/** The values that a key of a section got, in order. An empty one takes back all before it. */
export function unitValues(texts: readonly string[], section: string, key: string): string[] {
  let values: string[] = [];
  for (const text of texts) {
    let inside = false;
    for (const line of logicalLines(text)) {
      const header = /^\[(.*)\]$/.exec(line)?.[1];
      if (header !== undefined) inside = header === section;
      const assignment = inside ? /^([^=]+?)\s*=\s*(.*)$/.exec(line) : null;
      if (assignment === null || assignment[1] !== key) continue;
      values = assignment[2] === "" ? [] : [...values, assignment[2]!];
    }
  }
  return values;
}

function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open = "";
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    // A comment between continued lines is passed over, and does not end them.
    if (/^[#;]/.test(line)) continue;
    if (line.endsWith("\\")) open += `${line.slice(0, -1)} `;
    else {
      lines.push((open + line).trim());
      open = "";
    }
  }
  return lines;
}

/** The port that a value of ListenStream= or ListenDatagram= names: `8080`, `127.0.0.1:8080`, `[::1]:8080`; undefined for a path and the like. */
export function listenPort(value: string): number | undefined {
  const port = /^(?:(?:\[[^\]]*\]|[\d.]+)(?:%[^:]*)?:)?(\d{1,5})$/.exec(value)?.[1];
  return port === undefined ? undefined : Number(port);
}
