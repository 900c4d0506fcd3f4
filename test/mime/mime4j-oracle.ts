import { decodeHeaderText } from '../../lib/mime/index.ts';
import type { NormalMessage, NormalPart } from './oracle-normaliser.ts';
import { asImapSees, childPath, decodedHash, identifier, parametersText, plain } from './oracle-normaliser.ts';

/**
 * Reads james-mime4j's `.xml`: elements for messages, multiparts and bodies with the header fields and body octets as
 * they stand in the message, each behind a line end that is the dump's. Types are read from the fields here, for the
 * dump does not tell them apart; what a part holds inside is the dump's own word. Its `_decoded.xml` names a file for each
 * body instead, with the transfer encoding undone.
 */
export function normaliseMime4j(xml: Buffer, readDecoded: (file: string) => Buffer): NormalMessage {
  const parts: NormalPart[] = [];
  const envelopes: NormalPart[] = [];
  const root = readXml(xml.toString('latin1'));
  const walk = (element: XmlElement, path: string, isInDigest: boolean): void => {
    const header = fieldsOf(element);
    const multipart = element.children.find((child) => child.name === 'multipart');
    const message = element.children.find((child) => child.name === 'message');
    const body = element.children.find((child) => child.name === 'body');
    const declared = /^\s*([^\s/;()]+)\s*\/\s*([^\s/;()]+)/.exec(header.get('content-type') ?? '');
    const type = declared === null ? '' : `${declared[1]}/${declared[2]}`.toLowerCase();
    if (multipart !== undefined) {
      const children = multipart.children.filter((child) => child.name === 'body-part');
      const fields = new Map([
        ['type', type],
        ['parts', String(children.length)],
      ]);
      parts.push({ path, fields });
      children.forEach((child, index) => walk(child, childPath(path, index), type === 'multipart/digest'));
      return;
    }
    const encoding = (header.get('content-transfer-encoding') ?? '').trim().toLowerCase();
    const fields = new Map([
      ['type', message === undefined ? (type === '' ? 'text/plain' : type) : 'message/rfc822'],
      ['id', identifier(header.get('content-id') ?? '')],
      ['encoding', encoding === '' ? '7bit' : encoding],
    ]);
    if (type === '' && isInDigest) fields.set('type', 'message/rfc822');
    if (body !== undefined) fields.set('octets', String(body.text.length));
    const file = element.children.find((child) => child.name.endsWith('-body'))?.file;
    if (file !== undefined) fields.set('decoded', decodedHash(readDecoded(file)));
    const charset = /;\s*charset="?([^\s";]+)"?/i.exec(header.get('content-type') ?? '')?.[1];
    if (charset !== undefined) fields.set('charset', parametersText([['charset', charset]]));
    parts.push({ path, fields });
    if (message !== undefined) walkMessage(message, path);
  };
  const walkMessage = (element: XmlElement, path: string): void => {
    const header = fieldsOf(element);
    const fields = ['subject', 'message-id', 'in-reply-to'].map((name): [string, string] => {
      const text = header.get(name) ?? '';
      return [name, name === 'subject' ? plain(decodeHeaderText(text)) : identifier(text)];
    });
    envelopes.push({ path, fields: new Map(fields) });
    walk(element, path === '' ? '0' : `${path}/0`, false);
  };
  walkMessage(root, '');
  return asImapSees({ parts, envelopes });
}

interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  readonly text: string;
  /** The file that an empty element names. */
  readonly file?: string;
}

function readXml(xml: string): XmlElement {
  const open: XmlElement[] = [{ name: '', children: [], text: '' }];
  for (const [, close, name, file, text] of xml.matchAll(
    /<(\/?)([a-z-]+)(?:\s+name="([^"]*)"\/)?>(?:\r?\n)?([^<]*)/g,
  )) {
    if (close === '/') open.pop();
    else if (file !== undefined) open.at(-1)!.children.push({ name: name!, children: [], text: '', file });
    else {
      const element = { name: name!, children: [], text: unescapeXml(text!) };
      open.at(-1)!.children.push(element);
      open.push(element);
    }
  }
  return open[0]!.children[0]!;
}

function unescapeXml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

/** The first field of each name, unfolded. */
function fieldsOf(element: XmlElement): ReadonlyMap<string, string> {
  const header = element.children.find((child) => child.name === 'header');
  const fields = new Map<string, string>();
  for (const { text } of header?.children ?? []) {
    const colon = text.indexOf(':');
    const name = text.slice(0, colon).trim().toLowerCase();
    if (!fields.has(name))
      fields.set(
        name,
        text
          .slice(colon + 1)
          .replace(/\r?\n/g, '')
          .trim(),
      );
  }
  return fields;
}
