/** Colour, where it is wanted, and marks that the terminal can show. */
import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly accent: (text: string) => string;
  /** What a line of a list begins with. */
  readonly bullet: string;
  /** Where something is cut. */
  readonly ellipsis: string;
  /** Only characters that every terminal has. */
  readonly ascii: boolean;
}

const plain = (text: string): string => text;

export function createStyle(colour: boolean, ascii = false): Style {
  // The caller has decided whether there is a terminal: styleText shall not look for itself.
  const styled = (format: Format) =>
    colour ? (text: string): string => styleText(format, text, { validateStream: false }) : plain;
  return {
    bold: styled("bold"),
    dim: styled("dim"),
    good: styled("green"),
    bad: styled("red"),
    warn: styled("yellow"),
    accent: styled("cyan"),
    bullet: ascii ? "  - " : "  · ",
    ellipsis: ascii ? "..." : "…",
    ascii,
  };
}
