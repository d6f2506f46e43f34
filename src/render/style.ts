/** Colour, where it is wanted. */
import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly accent: (text: string) => string;
}

const plain = (text: string): string => text;

export function createStyle(colour: boolean): Style {
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
  };
}
