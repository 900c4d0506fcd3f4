/**
 * Well-formed messages made from a seed, with the structure that they have by construction; the same seed gives the same
 * octets for ever.
 */
export interface GeneratedMessage {
  readonly name: string;
  readonly octets: Buffer;
  /** In the order of the part table. */
  readonly parts: readonly GeneratedPart[];
}

export interface GeneratedPart {
  readonly section: string;
  readonly kind: 'leaf' | 'multipart' | 'message';
  readonly type: string;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

export function generateMessages(seed: number, count: number): GeneratedMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const writer = new MessageWriter(new Random(seed * 1000 + index));
    return { name: `generated/${seed}-${index}`, ...writer.write() };
  });
}

/** A message damaged at random: octets dropped, doubled, swapped for line ends, dashes, quotes and controls. */
export function damage(octets: Buffer, seed: number): Buffer {
  const random = new Random(seed);
  const pieces: Buffer[] = [];
  const junk = ['\r', '\n', '\r\n', '--', '"', '(', '\0', '\xff', ';', ' ', '=?', ':'];
  let position = 0;
  while (position < octets.length) {
    const end = Math.min(octets.length, position + random.below(80) + 1);
    pieces.push(octets.subarray(position, end));
    position = end + (random.below(4) === 0 ? random.below(5) : 0);
    if (random.below(3) === 0) pieces.push(Buffer.from(random.oneOf(junk), 'latin1'));
    if (random.below(20) === 0) position = Math.max(0, position - random.below(30));
  }
  return Buffer.concat(pieces);
}

/** mulberry32: small, and the same everywhere. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … limit - 1 */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

const WORDS = ['Grüße', 'report', '你好', 'invoice', 'a', 'the', 'Привет', 'meeting', 'über', 'x'.repeat(30)];

class MessageWriter {
  readonly #random: Random;
  readonly #lineEnd: string;
  readonly #parts: (GeneratedPart & { bodyStart: number; bodyEnd: number })[] = [];
  readonly #pieces: Buffer[] = [];
  #length = 0;
  #boundaries = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#lineEnd = random.below(4) === 0 ? '\n' : '\r\n';
  }

  write(): { octets: Buffer; parts: readonly GeneratedPart[] } {
    this.#messageHeader();
    this.#entity('', '', 0, true);
    return { octets: Buffer.concat(this.#pieces), parts: this.#parts };
  }

  #put(text: string): void {
    const octets = Buffer.from(text, 'utf8');
    this.#pieces.push(octets);
    this.#length += octets.length;
  }

  #line(text = ''): void {
    this.#put(text + this.#lineEnd);
  }

  #phrase(words: number): string {
    return Array.from({ length: words }, () => this.#random.oneOf(WORDS)).join(' ');
  }

  #messageHeader(): void {
    const encoded = Buffer.from(this.#phrase(2)).toString('base64');
    this.#line(`From: =?utf-8?B?${encoded}?= <from${this.#random.below(100)}@example.org>`);
    this.#line(`To: ${this.#phrase(1)} <to@example.net>,${this.#lineEnd} group:a@b,c@d;`);
    this.#line(`Subject: ${this.#phrase(this.#random.below(5) + 1)}`);
    this.#line(`Date: Mon, ${this.#random.below(28) + 1} Nov 2026 10:00:0${this.#random.below(10)} +0100`);
    this.#line(`Message-ID: <${this.#random.below(1e9)}@example.org>`);
    this.#line('MIME-Version: 1.0');
  }

  /** The rest of a header, and the body. `number` is what the parts inside are numbered under. */
  #entity(section: string, number: string, depth: number, isRoot: boolean): void {
    const kind = depth >= 5 ? 0 : this.#random.below(10);
    if (kind < 5) this.#leaf(section);
    else if (kind < 8) this.#multipart(section, number, depth);
    else this.#message(section, isRoot ? (number === '' ? '1' : `${number}.1`) : number, depth);
  }

  #begin(section: string, kind: GeneratedPart['kind'], type: string): { bodyStart: number; bodyEnd: number } {
    const part = { section, kind, type, bodyStart: 0, bodyEnd: 0 };
    this.#parts.push(part);
    return part;
  }

  #leaf(section: string): void {
    const type = this.#random.oneOf(['text/plain', 'text/html', 'image/png', 'application/octet-stream']);
    const encoding = this.#random.oneOf(['7bit', '8bit', 'base64', 'quoted-printable']);
    const part = this.#begin(section, 'leaf', type);
    this.#line(`Content-Type: ${type}; charset=utf-8; name="${this.#phrase(2)}"`);
    this.#line(`Content-Transfer-Encoding: ${encoding}`);
    if (this.#random.below(2) === 0) this.#line(`Content-Disposition: attachment;${this.#lineEnd}\tfilename="a.bin"`);
    this.#line();
    part.bodyStart = this.#length;
    const lines = this.#random.below(12);
    for (let line = 0; line < lines; line += 1) {
      const text = this.#phrase(this.#random.below(8));
      // Dashes at the start of a line that are no delimiter.
      this.#line(
        encoding === 'base64' ? Buffer.from(text).toString('base64') : this.#random.oneOf(['', '--', '-']) + text,
      );
    }
    if (this.#random.below(3) === 0) this.#put('no line end');
    part.bodyEnd = this.#length;
  }

  #multipart(section: string, number: string, depth: number): void {
    this.#boundaries += 1;
    // Boundaries of one message begin alike, and some with each other.
    const boundary = `=_b${'-'.repeat(this.#random.below(3))}${this.#boundaries}`;
    const subtype = this.#random.oneOf(['mixed', 'alternative', 'related']);
    const part = this.#begin(section, 'multipart', `multipart/${subtype}`);
    this.#line(`Content-Type: multipart/${subtype}; boundary="${boundary}"`);
    this.#line();
    part.bodyStart = this.#length;
    if (this.#random.below(2) === 0) this.#line('This is a preamble.');
    const children = this.#random.below(4) + 1;
    for (let child = 1; child <= children; child += 1) {
      if (child > 1) this.#line();
      this.#line(`--${boundary}${this.#random.oneOf(['', ' ', '\t '])}`);
      const childSection = number === '' ? String(child) : `${number}.${child}`;
      this.#entity(childSection, childSection, depth + 1, false);
    }
    this.#line();
    this.#put(`--${boundary}--`);
    if (this.#random.below(2) === 0) this.#put(`${this.#lineEnd}An epilogue.`);
    part.bodyEnd = this.#length;
  }

  #message(section: string, number: string, depth: number): void {
    const part = this.#begin(section, 'message', 'message/rfc822');
    this.#line('Content-Type: message/rfc822');
    this.#line();
    part.bodyStart = this.#length;
    this.#messageHeader();
    const first = this.#parts.length;
    this.#entity('', number, depth + 1, true);
    // The root of a message inside has a number of its own unless it is a multipart.
    const root = this.#parts[first]!;
    this.#parts[first] = { ...root, section: root.kind === 'multipart' ? number : `${number}.1` };
    part.bodyEnd = this.#length;
  }
}
