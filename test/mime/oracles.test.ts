import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { imapRenderer } from '../../lib/frontends/imap/render-message.ts';
import { decodeTransfer } from '../../lib/mime/index.ts';
import { corporaDirectory, hasOtherCorpora, otherCorpusMessages } from '../support/corpora.ts';
import { readImapValue } from '../support/imap-value.ts';
import { scan } from '../support/scan.ts';
import { normaliseMime4j } from './mime4j-oracle.ts';
import { EXCEPTIONS } from './oracle-exceptions.ts';
import { agrees, decodedHash, normaliseMailParser, normaliseRendered, partsByPath } from './oracle-normaliser.ts';
import type { NormalMessage, NormalPart } from './oracle-normaliser.ts';

const REQUIRED_PERCENT = 95;

/** How much of what an oracle tells we tell too. */
interface Score {
  readonly oracle: string;
  messages: number;
  readonly parts: { agreed: number; total: number };
  readonly envelopes: { agreed: number; total: number };
}

const scores: Score[] = [];
const usedExceptions = new Set<string>();

function emptyScore(): Omit<Score, 'oracle'> {
  return { messages: 0, parts: { agreed: 0, total: 0 }, envelopes: { agreed: 0, total: 0 } };
}

function newScore(oracle: string): Score {
  const score = { oracle, ...emptyScore() };
  scores.push(score);
  return score;
}

/** What we render of a message, in the normal form, with hashes of decoded leaves. */
function rendered(octets: Buffer): NormalMessage {
  const scanned = scan(octets);
  const { envelope, bodyStructure } = imapRenderer.render(scanned);
  const normal = normaliseRendered(readImapValue(envelope), readImapValue(bodyStructure));
  const byPath = partsByPath(scanned.parts);
  const parts = normal.parts.map(({ path, fields }) => {
    const part = byPath.get(path);
    if (part?.kind !== 'leaf') return { path, fields };
    const decoded = decodeTransfer(octets.subarray(part.bodyStart, part.bodyEnd), part.encoding);
    return { path, fields: new Map([...fields, ['decoded', decodedHash(decoded)]]) };
  });
  return { ...normal, parts };
}

/** @returns `path field: ours / oracle's` for each disagreement */
function compare(ours: readonly NormalPart[], oracle: readonly NormalPart[], score: Score['parts']): string[] {
  const disagreements: string[] = [];
  const left = new Map(ours.map((part) => [part.path, part.fields]));
  for (const { path, fields } of oracle) {
    const own = left.get(path);
    left.delete(path);
    const before = disagreements.length;
    if (own === undefined) disagreements.push(`${path} missing`);
    else {
      for (const [name, value] of fields) {
        const text = own.get(name);
        if (text !== undefined && !agrees(text, value)) disagreements.push(`${path} ${name}: ${text} / ${value}`);
      }
    }
    score.total += 1;
    if (disagreements.length === before) score.agreed += 1;
  }
  for (const path of left.keys()) disagreements.push(`${path} extra`);
  return disagreements;
}

/** @returns what disagrees and is not listed as an exception */
function check(name: string, octets: Buffer, oracle: NormalMessage, score: Score): string[] {
  const ours = rendered(octets);
  score.messages += 1;
  const disagreements = [
    ...compare(ours.parts, oracle.parts, score.parts).map((text) => `part ${text}`),
    ...compare(ours.envelopes, oracle.envelopes, score.envelopes).map((text) => `envelope ${text}`),
  ];
  const listed = EXCEPTIONS.get(name)?.disagreements ?? [];
  const unlisted = disagreements.filter((text) => {
    const key = text.replace(/:.*/s, '');
    if (listed.includes(key)) usedExceptions.add(`${name} ${key}`);
    return !listed.includes(key);
  });
  return unlisted.map((text) => `${name} ${text}`);
}

const skip = hasOtherCorpora ? false : 'the corpora of others are not here (EIDER_CORPORA)';

describe('BODYSTRUCTURE and ENVELOPE against other parsers', { skip }, () => {
  it('agrees with mail-parser', () => {
    const score = newScore('mail-parser');
    const unlisted: string[] = [];
    for (const { name, octets } of otherCorpusMessages('mail-parser')) {
      const oracle = join(corporaDirectory, name.replace(/\.eml$/, '.json'));
      // Its oracles were made of the messages with every CR taken out; octets are counted so.
      const withoutCr = Buffer.from(octets.toString('latin1').replaceAll('\r', ''), 'latin1');
      const short = name.replace(/^mail-parser\/resources\/eml\/(.*)\.eml$/, 'mail-parser $1');
      const disagreements = check(
        short,
        withoutCr,
        normaliseMailParser(JSON.parse(readFileSync(oracle, 'utf8'))),
        score,
      );
      unlisted.push(...disagreements);
    }
    assert.deepEqual(unlisted, []);
    assert.equal(score.messages, 107);
  });

  for (const suffix of ['', '_decoded']) {
    it(`agrees with james-mime4j${suffix}`, () => {
      const score = newScore(`james-mime4j${suffix}`);
      const unlisted: string[] = [];
      for (const { name, octets } of otherCorpusMessages('james-mime4j')) {
        const oracle = join(corporaDirectory, name.replace(/\.msg$/, `${suffix}.xml`));
        if (!existsSync(oracle)) continue;
        const short = name.replace(/^.*\/resources\/(.*)\.msg$/, `james-mime4j${suffix} $1`);
        const readDecoded = (file: string): Buffer => readFileSync(join(dirname(oracle), file));
        unlisted.push(...check(short, octets, normaliseMime4j(readFileSync(oracle), readDecoded), score));
      }
      assert.deepEqual(unlisted, []);
      assert.equal(score.messages, 80);
    });
  }

  it('lists no exception that is none any more', () => {
    const listed = [...EXCEPTIONS].flatMap(([name, { disagreements }]) => disagreements.map((key) => `${name} ${key}`));
    assert.deepEqual(
      listed.filter((key) => !usedExceptions.has(key)),
      [],
    );
    for (const [name, { section }] of EXCEPTIONS) assert.match(section, /RFC \d+ section|docs: limits/, name);
  });

  it(`agrees for at least ${REQUIRED_PERCENT} % of all parts`, (test) => {
    const total: Score = { oracle: 'together', ...emptyScore() };
    for (const score of scores) {
      test.diagnostic(summary(score));
      total.messages += score.messages;
      for (const what of ['parts', 'envelopes'] as const) {
        total[what].agreed += score[what].agreed;
        total[what].total += score[what].total;
      }
    }
    test.diagnostic(summary(total));
    test.diagnostic(`exceptions: ${usedExceptions.size} in ${EXCEPTIONS.size} messages, each with its RFC section`);
    assert.ok(total.parts.agreed * 100 >= total.parts.total * REQUIRED_PERCENT, summary(total));
    assert.ok(total.envelopes.agreed * 100 >= total.envelopes.total * REQUIRED_PERCENT, summary(total));
  });
});

function summary({ oracle, messages, parts, envelopes }: Score): string {
  return `${oracle}: ${messages} messages, parts ${share(parts)}, envelopes ${share(envelopes)}`;
}

function share({ agreed, total }: { readonly agreed: number; readonly total: number }): string {
  return `${agreed}/${total} (${((agreed * 100) / total).toFixed(1)} %)`;
}
