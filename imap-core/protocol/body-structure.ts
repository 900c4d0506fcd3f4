import type { Envelope } from './envelope.ts';

/** BODYSTRUCTURE as a plain value (RFC 3501 section 7.4.2). Texts hold one character an octet (latin1), undecoded. */
export type BodyStructure = MultipartBody | MessageBody | TextBody | BasicBody;

export interface MultipartBody extends BodyExtension {
  readonly kind: 'multipart';
  readonly subtype: string;
  /** At least one, or there is nothing to write. */
  readonly parts: readonly BodyStructure[];
  readonly parameters: ReadonlyMap<string, string>;
}

export interface MessageBody extends SinglePartBody {
  readonly kind: 'message';
  /** `rfc822` or `global` (RFC 9051 section 7.5.2). */
  readonly subtype: string;
  readonly envelope: Envelope;
  readonly body: BodyStructure;
  readonly lines: number;
}

export interface TextBody extends SinglePartBody {
  readonly kind: 'text';
  readonly subtype: string;
  readonly lines: number;
}

export interface BasicBody extends SinglePartBody {
  readonly kind: 'basic';
  readonly type: string;
  readonly subtype: string;
}

interface SinglePartBody extends BodyExtension {
  readonly parameters: ReadonlyMap<string, string>;
  readonly id: string | undefined;
  readonly description: string | undefined;
  readonly encoding: string;
  /** Of the body as it is encoded. */
  readonly octets: number;
  readonly md5: string | undefined;
}

/** What BODYSTRUCTURE tells and BODY does not. */
interface BodyExtension {
  readonly disposition: { readonly value: string; readonly parameters: ReadonlyMap<string, string> } | undefined;
  readonly language: readonly string[] | undefined;
  readonly location: string | undefined;
}
