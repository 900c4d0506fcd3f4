import type { MessagePart } from '../../../imap-core/index.ts';

interface Draft {
  index: number;
  children: number[];
  kind: MessagePart['kind'];
  headerStart: number;
  bodyStart: number;
  bodyEnd: number;
}

/** Parts of a well-formed message with CRLF line ends; knows multipart and message/rfc822 and nothing else. */
export function naiveParts(octets: Buffer): readonly MessagePart[] {
  const text = octets.toString('latin1');
  const parts: Draft[] = [];
  parse(text, 0, text.length, parts);
  return parts;
}

function parse(text: string, start: number, end: number, parts: Draft[]): number {
  const blank = text.startsWith('\r\n', start) ? start - 2 : text.indexOf('\r\n\r\n', start);
  const bodyStart = blank < 0 || blank >= end ? end : blank + 4;
  const header = text.slice(start, bodyStart).replace(/\r\n[ \t]/g, ' ');
  const type = /^content-type:\s*([^;\r\n]+)/im.exec(header)?.[1]?.trim().toLowerCase() ?? 'text/plain';
  const boundary = /^content-type:.*boundary="?([^";\r\n]+)/im.exec(header)?.[1];
  const part: Draft = { index: parts.length, children: [], kind: 'leaf', headerStart: start, bodyStart, bodyEnd: end };
  parts.push(part);
  if (type === 'message/rfc822') {
    part.kind = 'message';
    part.children.push(parse(text, bodyStart, end, parts));
  } else if (type.startsWith('multipart/') && boundary !== undefined) {
    part.kind = 'multipart';
    const delimiter = `--${boundary}`;
    let at = text.indexOf(delimiter, bodyStart);
    while (at >= 0 && at < end && !text.startsWith('--', at + delimiter.length)) {
      const from = at + delimiter.length + 2;
      const next = text.indexOf(`\r\n${delimiter}`, from - 2);
      const to = next < 0 ? end : Math.max(from, next);
      part.children.push(parse(text, from, to, parts));
      at = next < 0 ? -1 : next + 2;
    }
  }
  return part.index;
}
