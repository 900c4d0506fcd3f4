import { createHash } from 'node:crypto';

/**
 * Mail in the proportions of ordinary mailboxes, made from a seed: 48 % small text, 32 % newsletters, 13 % with
 * inline images, 7 % with files, of which a third went to somebody before. Text is made of words as often as they are
 * used, so that it compresses as text does; images and four of five files are random octets, as what is compressed
 * already; links carry random tokens, as newsletters' do.
 */
export interface MixedMessage {
  readonly kind: 'small text' | 'newsletter' | 'inline images' | 'files';
  readonly octets: Buffer;
}

const KINDS = [
  ['small text', 48],
  ['newsletter', 32],
  ['inline images', 13],
  ['files', 7],
] as const;

const KIB = 1024;

export class MixedMail {
  readonly #words: readonly string[];
  readonly #sent: Buffer[] = [];
  #block = Buffer.alloc(0);
  #at = 0;
  #counter = 0;
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
    const syllables = 'ba de ki lo mu na pe ri so tu va we xi yo zu the ing er an on st re al it le'.split(' ');
    this.#words = Array.from({ length: 4000 }, () =>
      Array.from({ length: 1 + this.#below(4) }, () => syllables[this.#below(syllables.length)]).join(''),
    );
  }

  next(): MixedMessage {
    let rest = this.#below(100);
    for (const [kind, share] of KINDS) {
      if (rest < share) return { kind, octets: this.#message(kind) };
      rest -= share;
    }
    throw new Error('the shares add up to a hundred');
  }

  #message(kind: MixedMessage['kind']): Buffer {
    switch (kind) {
      case 'small text':
        return Buffer.from(`${this.#header()}Content-Type: text/plain; charset=utf-8\r\n\r\n${this.#text(600, 4000)}`);
      case 'newsletter':
        return this.#multipart('alternative', [
          `Content-Type: text/plain; charset=utf-8\r\n\r\n${this.#text(2 * KIB, 6 * KIB)}`,
          `Content-Type: text/html; charset=utf-8\r\n\r\n${this.#html(20 * KIB, 70 * KIB)}`,
        ]);
      case 'inline images':
        return this.#multipart('related', [
          `Content-Type: text/html; charset=utf-8\r\n\r\n${this.#html(3 * KIB, 10 * KIB)}`,
          ...Array.from({ length: 1 + this.#below(3) }, () =>
            this.#attached('image/jpeg', 'inline', this.#octets(this.#between(8 * KIB, 80 * KIB))),
          ),
        ]);
      case 'files':
        return this.#multipart('mixed', [
          `Content-Type: text/plain; charset=utf-8\r\n\r\n${this.#text(300, 2000)}`,
          ...Array.from({ length: 1 + this.#below(2) }, () =>
            this.#attached('application/pdf', 'attachment', this.#file()),
          ),
        ]);
    }
  }

  #file(): Buffer {
    if (this.#sent.length > 0 && this.#below(3) === 0) return this.#sent[this.#below(this.#sent.length)] as Buffer;
    // Many small ones, few large ones.
    const size = Math.round(50 * KIB * 24 ** (this.#below(1000) / 1000));
    const file = this.#below(5) === 0 ? Buffer.from(this.#text(size, size + KIB)) : this.#octets(size);
    this.#sent.push(file);
    return file;
  }

  #header(): string {
    const id = this.#octets(12).toString('hex');
    return (
      `Return-Path: <${this.#word()}@example.org>\r\n` +
      `Received: from mail.example.org (mail.example.org [192.0.2.${String(this.#below(255))}])\r\n` +
      `\tby mx.example.com (Postfix) with ESMTPS id ${id.slice(0, 10)}\r\n\tfor <${this.#word()}@example.com>; Sun, 22 Nov 2026 10:00:00 +0100 (CET)\r\n` +
      `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n\th=from:to:subject:date; bh=${this.#octets(32).toString('base64')};\r\n` +
      `\tb=${this.#octets(128)
        .toString('base64')
        .replace(/(.{70})/g, '$1\r\n\t ')}\r\n` +
      `From: ${this.#word()} ${this.#word()} <${this.#word()}@example.org>\r\nTo: <${this.#word()}@example.com>\r\n` +
      `Subject: ${this.#word()} ${this.#word()} ${this.#word()}\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\n` +
      `Message-ID: <${id}@example.org>\r\nMIME-Version: 1.0\r\n`
    );
  }

  #multipart(subtype: string, parts: readonly string[]): Buffer {
    const boundary = `=_${this.#octets(8).toString('hex')}`;
    return Buffer.from(
      `${this.#header()}Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n` +
        `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`,
    );
  }

  #attached(type: string, disposition: string, octets: Buffer): string {
    const name = `${this.#word()}.${type.slice(-3)}`;
    const lines = octets.toString('base64').replace(/(.{76})/g, '$1\r\n');
    return (
      `Content-Type: ${type}; name="${name}"\r\nContent-Transfer-Encoding: base64\r\n` +
      `Content-Disposition: ${disposition}; filename="${name}"\r\nContent-ID: <${name}@example.org>\r\n\r\n${lines}`
    );
  }

  #text(least: number, most: number): string {
    const wanted = this.#between(least, most);
    let text = '';
    let column = 0;
    while (text.length < wanted) {
      const word = this.#word();
      text += column + word.length > 72 ? `\r\n${word} ` : `${word} `;
      column = column + word.length > 72 ? word.length : column + word.length + 1;
    }
    return `${text}\r\n`;
  }

  #html(least: number, most: number): string {
    const wanted = this.#between(least, most);
    let html = '<!DOCTYPE html>\r\n<html><body style="margin:0;padding:0;background-color:#f4f4f4">\r\n';
    while (html.length < wanted) {
      html +=
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>\r\n' +
        '<td align="left" style="padding:20px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px">\r\n' +
        `<a href="https://news.example.org/c/${this.#octets(36).toString('base64url')}" style="color:#0b5394">${this.#word()} ${this.#word()}</a>\r\n` +
        `<p>${this.#text(150, 500)}</p></td></tr></table>\r\n`;
    }
    return `${html}</body></html>\r\n`;
  }

  /** The first words are used the most, as in any language. */
  #word(): string {
    const share = this.#below(1_000_000) / 1_000_000;
    return this.#words[Math.floor(this.#words.length ** share) - 1] ?? 'the';
  }

  #between(least: number, most: number): number {
    return least + this.#below(Math.max(1, most - least));
  }

  #below(limit: number): number {
    return this.#octets(4).readUInt32BE() % limit;
  }

  /** Random octets of the seed. */
  #octets(count: number): Buffer {
    const pieces: Buffer[] = [];
    for (let left = count; left > 0;) {
      if (this.#at >= this.#block.length) {
        this.#counter += 1;
        this.#block = createHash('shake256', { outputLength: 64 * KIB })
          .update(`${this.#seed} ${String(this.#counter)}`)
          .digest();
        this.#at = 0;
      }
      const piece = this.#block.subarray(this.#at, this.#at + left);
      pieces.push(piece);
      this.#at += piece.length;
      left -= piece.length;
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }
}
