import { BSON, type Document } from 'mongodb';

/** A row of plain fields as a line of text that keeps the type of every value (extended JSON in its canonical form). */
export function rowToText(row: Document): string {
  return BSON.EJSON.stringify(row, { relaxed: false });
}

/** @throws Error where it is none */
export function textToRow(text: string): Readonly<Record<string, unknown>> {
  return BSON.EJSON.parse(text, { relaxed: true }) as Record<string, unknown>;
}
