/** Where we do not say what an oracle says, and what settles it. */
export interface OracleException {
  /** `part PATH FIELD` or `envelope PATH FIELD`. */
  readonly disagreements: readonly string[];
  /** A section of an RFC, or our published limits. */
  readonly section: string;
  readonly reason: string;
}

/** By oracle and message. */
export const EXCEPTIONS: ReadonlyMap<string, OracleException> = new Map([
  [
    'mail-parser malformed/000',
    {
      disagreements: ['part 0 type', 'part 1 extra', 'part 2 extra', 'part 3 extra', 'part 4 extra'],
      section: 'RFC 2046 section 5.1.1',
      reason:
        'Each delimiter ends the part before it, though only its header has begun; the oracle sees no part at all.',
    },
  ],
  [
    'mail-parser malformed/001',
    {
      disagreements: [
        'part 0 parts',
        'part 1 type',
        'part 1 parameters',
        'part 1.1 missing',
        'part 1.2 missing',
        'part 2 extra',
      ],
      section: 'RFC 2046 section 5.1.2',
      reason: 'The outer delimiter `--ab` ends the inner multipart, whose boundary `a` it also begins with.',
    },
  ],
  [
    'mail-parser malformed/007',
    {
      disagreements: ['part 0 parts', 'part 3 extra'],
      section: 'RFC 2046 section 5.1.1',
      reason: 'The line `--ab--` begins with the outer boundary `a`, the only one open, and so begins a part.',
    },
  ],
  [
    'mail-parser malformed/008',
    {
      disagreements: ['part 0 parts', 'part 1 parts', 'part 1.2 missing', 'part 2 extra'],
      section: 'RFC 2046 section 5.1.2',
      reason: 'The outer delimiter `--ab` ends the inner multipart, whose boundary `a` it also begins with.',
    },
  ],
  [
    'mail-parser malformed/009',
    {
      disagreements: ['part 0 parts', 'part 1.2 octets', 'part 2 extra'],
      section: 'RFC 2046 section 5.1.2',
      reason: 'The outer delimiter ends the inner multipart, which has no close delimiter.',
    },
  ],
  [
    'mail-parser malformed/011',
    {
      disagreements: ['part 0 parts', 'part 1.2 octets', 'part 2 extra'],
      section: 'RFC 2046 section 5.1.2',
      reason: 'The outer delimiter ends the inner multipart, which has no close delimiter.',
    },
  ],
  [
    'mail-parser malformed/012',
    {
      disagreements: [
        'part 0 parts',
        'part 1.2 octets',
        'part 1.2/0 octets',
        'part 2 extra',
        'part 2/0 extra',
        'envelope 2 extra',
      ],
      section: 'RFC 2046 section 5.1.2',
      reason: 'The outer delimiter ends the inner multipart, which has no close delimiter.',
    },
  ],
  [
    'mail-parser malformed/016',
    {
      disagreements: [
        'part 0 parts',
        'part 1.1 parts',
        'part 1.1.2 missing',
        'part 1.1.3 missing',
        'part 1.1.4 missing',
        'part 2 extra',
      ],
      section: 'RFC 2046 section 5.1.2',
      reason: 'Delimiters of the outer multiparts end the inner ones, whose boundaries they also begin with.',
    },
  ],
  [
    'mail-parser malformed/017',
    {
      disagreements: ['part 1 disposition'],
      section: 'RFC 2183 section 2.8',
      reason: 'A disposition without a type is kept as an attachment, for the file name that comes with it.',
    },
  ],
  [
    'mail-parser malformed/020',
    {
      disagreements: ['part 1 type', 'part 1.1 extra', 'part 1.2 extra'],
      section: 'RFC 2045 section 5',
      reason:
        'Of two Content-Type fields the first counts, as with every field that may stand once (RFC 5322 section 3.6).',
    },
  ],
  [
    'mail-parser malformed/021',
    {
      disagreements: ['part 1 type', 'part 1.1 extra', 'part 1.2 extra'],
      section: 'RFC 2045 section 5',
      reason:
        'Of two Content-Type fields the first counts, as with every field that may stand once (RFC 5322 section 3.6).',
    },
  ],
  [
    'mail-parser malformed/022',
    {
      disagreements: ['part 2 octets', 'part 2/0 extra', 'envelope 2 extra'],
      section: 'RFC 2046 section 5.2.1',
      reason: 'The body of a message/rfc822 is a message, one without fields too.',
    },
  ],
  [
    'mail-parser rfc/000',
    {
      disagreements: ['envelope 5 from', 'envelope 5 to'],
      section: 'RFC 5322 section 3.2.2',
      reason: 'A comment is no address.',
    },
  ],
  [
    'mail-parser rfc/002',
    {
      disagreements: ['envelope 2 to'],
      section: 'RFC 5322 section 3.2.2',
      reason: 'A comment between words is no part of the name.',
    },
  ],
  [
    'mail-parser thirdparty/005',
    {
      disagreements: ['part 5 octets'],
      section: 'RFC 2046 section 5.1.1',
      reason: 'A delimiter stands at the beginning of a line; this one follows text.',
    },
  ],
  [
    'mail-parser thirdparty/010',
    {
      disagreements: ['part 0 parameters'],
      section: 'RFC 2231 section 3',
      reason: 'A parameter given twice: the first counts.',
    },
  ],
  [
    'mail-parser thirdparty/015',
    {
      disagreements: [
        'part 0 parts',
        'part 2 octets',
        'part 2/0/0 missing',
        'part 3 extra',
        'part 3/0 extra',
        'part 4 extra',
        'part 4/0 extra',
        'envelope 2 date',
        'envelope 2 subject',
        'envelope 2 from',
        'envelope 2 in-reply-to',
        'envelope 2 message-id',
        'envelope 2/0 missing',
        'envelope 3 extra',
        'envelope 4 extra',
      ],
      section: 'RFC 2046 section 5.1.2',
      reason: 'The outer delimiter ends messages whose own multiparts have neither parts nor close delimiters.',
    },
  ],
  [
    'james-mime4j testmsgs/malformedHeaderStartsBody-nocrlfcrlf',
    {
      disagreements: ['part 0 octets'],
      section: 'RFC 5322 section 2.1',
      reason: 'A header ends with an empty line; a line that is no field does not end it.',
    },
  ],
  [
    'james-mime4j testmsgs/malformedHeaderStartsBody-noheader',
    {
      disagreements: ['part 0 octets'],
      section: 'RFC 5322 section 2.1',
      reason: 'A header ends with an empty line; a line that is no field does not end it.',
    },
  ],
  [
    'james-mime4j testmsgs/very-long-boundary',
    {
      disagreements: ['part 0 type', 'part 1 missing'],
      section: 'docs: limits',
      reason: 'A boundary of more than 200 octets is not looked for (RFC 2046 section 5.1.1 allows 70).',
    },
  ],
  [
    'james-mime4j testmsgs/very-very-long-boundary',
    {
      disagreements: ['part 0 type', 'part 1 missing'],
      section: 'docs: limits',
      reason: 'A boundary of more than 200 octets is not looked for (RFC 2046 section 5.1.1 allows 70).',
    },
  ],
  [
    'james-mime4j_decoded mimetools-testmsgs/frag',
    {
      disagreements: ['part 2/2/2/2 decoded'],
      section: 'RFC 2045 section 6.8',
      reason: 'Base64 that stops within a quantum gives the octets that are complete.',
    },
  ],
  [
    'james-mime4j_decoded mimetools-testmsgs/multi-frag',
    {
      disagreements: ['part 3.2 decoded'],
      section: 'RFC 2045 section 6.8',
      reason: 'Base64 that stops within a quantum gives the octets that are complete.',
    },
  ],
  [
    'james-mime4j_decoded testmsgs/malformedHeaderStartsBody-nocrlfcrlf',
    {
      disagreements: ['part 0 decoded'],
      section: 'RFC 5322 section 2.1',
      reason: 'A header ends with an empty line; a line that is no field does not end it.',
    },
  ],
  [
    'james-mime4j_decoded testmsgs/malformedHeaderStartsBody-noheader',
    {
      disagreements: ['part 0 decoded'],
      section: 'RFC 5322 section 2.1',
      reason: 'A header ends with an empty line; a line that is no field does not end it.',
    },
  ],
  [
    'james-mime4j_decoded testmsgs/very-long-boundary',
    {
      disagreements: ['part 0 type', 'part 1 missing'],
      section: 'docs: limits',
      reason: 'A boundary of more than 200 octets is not looked for (RFC 2046 section 5.1.1 allows 70).',
    },
  ],
  [
    'james-mime4j_decoded testmsgs/very-very-long-boundary',
    {
      disagreements: ['part 0 type', 'part 1 missing'],
      section: 'docs: limits',
      reason: 'A boundary of more than 200 octets is not looked for (RFC 2046 section 5.1.1 allows 70).',
    },
  ],
]);
