import type { BodyStructure, MultipartBody } from '../protocol/body-structure.ts';
import { envelopeText } from './envelope.ts';
import { nstringText } from './nstring.ts';
import { stringText } from './text.ts';

/**
 * BODYSTRUCTURE, or BODY where extension data is left out (RFC 3501 section 7.4.2), as text of one character an octet.
 * Recursive: nesting is bounded by whoever reads the message.
 */
export function bodyStructureText(body: BodyStructure, hasExtensions: boolean): string {
  return body.kind === 'multipart' ? multipartText(body, hasExtensions) : singlePartText(body, hasExtensions);
}

function multipartText(body: MultipartBody, hasExtensions: boolean): string {
  const parts = body.parts.map((part) => bodyStructureText(part, hasExtensions)).join('');
  const extensions = hasExtensions ? ` ${parametersText(body.parameters)} ${extensionText(body)}` : '';
  return `(${parts} ${stringText(body.subtype)}${extensions})`;
}

function singlePartText(body: Exclude<BodyStructure, MultipartBody>, hasExtensions: boolean): string {
  const fields = [
    stringText(body.kind === 'basic' ? body.type : body.kind),
    stringText(body.subtype),
    parametersText(body.parameters),
    nstringText(body.id),
    nstringText(body.description),
    stringText(body.encoding),
    String(body.octets),
  ];
  if (body.kind === 'message') fields.push(envelopeText(body.envelope), bodyStructureText(body.body, hasExtensions));
  if (body.kind !== 'basic') fields.push(String(body.lines));
  if (hasExtensions) fields.push(nstringText(body.md5), extensionText(body));
  return `(${fields.join(' ')})`;
}

function extensionText({ disposition, language, location }: BodyStructure): string {
  const dispositionText =
    disposition === undefined ? 'NIL' : `(${stringText(disposition.value)} ${parametersText(disposition.parameters)})`;
  const languageText = language === undefined ? 'NIL' : `(${language.map(stringText).join(' ')})`;
  return `${dispositionText} ${languageText} ${nstringText(location)}`;
}

function parametersText(parameters: ReadonlyMap<string, string>): string {
  if (parameters.size === 0) return 'NIL';
  return `(${Array.from(parameters, ([name, value]) => `${stringText(name)} ${stringText(value)}`).join(' ')})`;
}
