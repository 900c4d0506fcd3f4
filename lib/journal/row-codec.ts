import type { ZonedTime } from '../kernel/clock.ts';
import type { MessageId } from '../kernel/ids.ts';
import type { AppendedRow } from './changes.ts';
import { PackReader, PackWriter } from './packing.ts';

const HAS_THREAD = 1;
const HAS_SENT_DATE = 2;

/**
 * Appended rows in one Binary: keywords once, then each row with its UID and times as differences. About 40
 * octets a message.
 * @param at the record's time, which most dates are near
 */
export function encodeRows(rows: readonly AppendedRow[], at: number): Buffer {
  const writer = new PackWriter(64 + rows.length * 48);
  const keywords = [...new Set(rows.flatMap((row) => row.keywords))];
  const positions = new Map(keywords.map((keyword, position) => [keyword, position]));
  writer.varint(keywords.length);
  for (const keyword of keywords) writer.text(keyword);
  writer.varint(rows.length);
  let uid = 0;
  for (const row of rows) {
    writer.varint(row.uid - uid - 1);
    uid = row.uid;
    writer.octet(row.system);
    writer.varint(row.keywords.length);
    for (const keyword of row.keywords) writer.varint(positions.get(keyword) ?? 0);
    const hasThread = row.thread !== row.messageId;
    writer.octet((hasThread ? HAS_THREAD : 0) | (row.sentDate === undefined ? 0 : HAS_SENT_DATE));
    writer.hex(row.messageId);
    if (hasThread) writer.hex(row.thread);
    writer.varint(row.size);
    writer.signed(row.crlfSize - row.size);
    writeTime(writer, row.internalDate, at);
    if (row.sentDate !== undefined) writeTime(writer, row.sentDate, at);
  }
  return writer.finish();
}

/** @throws RangeError where the octets are not what `encodeRows` makes */
export function decodeRows(packed: Buffer, at: number): AppendedRow[] {
  const reader = new PackReader(packed);
  const keywords = Array.from({ length: reader.varint() }, () => reader.text());
  const count = reader.varint();
  const rows: AppendedRow[] = [];
  let uid = 0;
  for (let index = 0; index < count; index += 1) {
    uid += reader.varint() + 1;
    const system = reader.octet();
    const own = Array.from({ length: reader.varint() }, () => keywords[reader.varint()] ?? '');
    const marks = reader.octet();
    const messageId = reader.hex(16) as MessageId;
    const thread = (marks & HAS_THREAD) === 0 ? messageId : (reader.hex(16) as MessageId);
    const size = reader.varint();
    const crlfSize = size + reader.signed();
    const internalDate = readTime(reader, at);
    const sentDate = (marks & HAS_SENT_DATE) === 0 ? undefined : readTime(reader, at);
    rows.push({ uid, messageId, thread, system, keywords: own, size, crlfSize, internalDate, sentDate });
  }
  return rows;
}

function writeTime(writer: PackWriter, time: ZonedTime, at: number): void {
  writer.signed(time.at - at);
  writer.signed(time.zoneMinutes);
}

function readTime(reader: PackReader, at: number): ZonedTime {
  return { at: at + reader.signed(), zoneMinutes: reader.signed() };
}
