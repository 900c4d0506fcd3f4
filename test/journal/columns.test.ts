import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AppendedRow } from '../../lib/journal/changes.ts';
import { Columns } from '../../lib/journal/columns.ts';
import { flagMask, type FlagMask } from '../../lib/journal/flag-mask.ts';
import { KeywordTable } from '../../lib/journal/keywords.ts';
import { planExpunge, planFlags } from '../../lib/journal/plan-changes.ts';
import { addRowSegment, packRowSegment, planSegments, SEGMENT_ROWS } from '../../lib/journal/segments.ts';
import { rangesOf } from '../../lib/journal/uid-set.ts';
import { messageIdOf } from './journal-node.ts';

const wide = new KeywordTable(Array.from({ length: 40 }, (_, index) => `K${index}`));

function rowOf(uid: number, overrides: Partial<AppendedRow> = {}): AppendedRow {
  return {
    uid,
    messageId: messageIdOf(`m${uid}`),
    thread: messageIdOf(`t${uid}`),
    system: 0,
    keywords: [],
    size: uid * 10,
    crlfSize: uid * 10 + 1,
    internalDate: { at: 1000 + uid, zoneMinutes: 60 },
    sentDate: uid % 2 === 0 ? { at: 500, zoneMinutes: -90 } : undefined,
    ...overrides,
  };
}

function filled(count: number, table = KeywordTable.empty): Columns {
  const columns = new Columns();
  columns.append(
    Array.from({ length: count }, (_, index) => rowOf(index + 1)),
    5,
    777,
    table,
  );
  return columns;
}

const byNumber = (a: number, b: number): number => a - b;
const systemFlags = (mode: 'replace' | 'add' | 'remove', system: number): FlagMask =>
  flagMask({ mode, flags: { system, keywords: [] } }, KeywordTable.empty);

describe('columns', () => {
  it('gives back the row that went in', () => {
    const columns = new Columns();
    columns.append([rowOf(4, { system: 9, keywords: ['k3', 'K39'] })], 12, 99, wide);
    assert.deepEqual(columns.row(0, wide), {
      uid: 4,
      messageId: messageIdOf('m4'),
      flags: { system: 9, keywords: ['K3', 'K39'] },
      modseq: 12,
      size: 40,
      crlfSize: 41,
      internalDate: { at: 1004, zoneMinutes: 60 },
      sentDate: { at: 500, zoneMinutes: -90 },
      savedAt: 99,
      thread: messageIdOf('t4'),
    });
    assert.equal(filled(1).row(0, wide).sentDate, undefined);
  });

  it('finds positions by UID', () => {
    const columns = filled(10);
    columns.expunge([{ from: 3, to: 5 }], 0, 6);
    const cases = [[1, 0], [2, 1], [3, 2], [5, 2], [6, 2], [10, 6], [11, 7]] as const; // prettier-ignore
    for (const [uid, position] of cases) assert.equal(columns.lowerBound(uid), position, `UID ${uid}`);
    assert.equal(columns.position(4), undefined);
    assert.equal(columns.position(6), 2);
  });

  it('appends lengthen the view of UIDs in the same memory; earlier views stay as they were', () => {
    const columns = filled(3);
    const before = columns.uids();
    columns.append([rowOf(4)], 6, 0, KeywordTable.empty);
    assert.deepEqual([...before], [1, 2, 3]);
    assert.deepEqual([...columns.uids()], [1, 2, 3, 4]);
    assert.equal(columns.uids().buffer, before.buffer);
    for (let uid = 5; uid < 1000; uid += 1) columns.append([rowOf(uid)], 7, 0, KeywordTable.empty);
    assert.deepEqual([...before], [1, 2, 3]);
    assert.equal(columns.uids(), columns.uids());
  });

  it('an expunge leaves views of UIDs alone, and so do appends after it', () => {
    const columns = filled(6);
    const before = columns.uids();
    columns.expunge([{ from: 2, to: 3 }, { from: 6, to: 6 }], 42, 9); // prettier-ignore
    columns.append([rowOf(7)], 10, 0, KeywordTable.empty);
    assert.deepEqual([...before], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([...columns.uids()], [1, 4, 5, 7]);
    assert.equal(columns.row(1, wide).messageId, messageIdOf('m4'));
    assert.equal(columns.row(3, wide).size, 70);
    const { tombstones } = columns;
    assert.deepEqual(
      [0, 1, 2].map((at) => [tombstones.uid(at), tombstones.messageId(at), tombstones.at(at), tombstones.q(at)]),
      [2, 3, 6].map((uid) => [uid, messageIdOf(`m${uid}`), 42, 9]),
    );
    assert.equal(tombstones.firstAfter(8), 0);
    assert.equal(tombstones.firstAfter(9), 3);
  });

  const masks: readonly [mode: 'replace' | 'add' | 'remove', before: string[], change: string[], after: string[]][] = [
    ['add', ['K1'], ['K30', 'K1'], ['K1', 'K30']],
    ['add', ['K30'], ['K25', 'K30'], ['K25', 'K30']],
    ['remove', ['K1', 'K30'], ['K30', 'K2'], ['K1']],
    ['remove', ['K1'], ['Unknown'], ['K1']],
    ['replace', ['K1', 'K30'], ['K31'], ['K31']],
    ['replace', ['K30'], [], []],
  ];
  for (const [mode, before, keywords, after] of masks) {
    it(`${mode} ${keywords.join()} to ${before.join()}`, () => {
      const columns = new Columns();
      columns.append([rowOf(1, { keywords: before, system: 1 })], 1, 0, wide);
      const mask = flagMask({ mode, flags: { system: 1, keywords } }, wide);
      const isSame = before.join() === after.join() && mode !== 'remove';
      assert.equal(planFlags(columns, [{ from: 1, to: 1 }], mask, undefined).changed.length === 0, isSame);
      columns.changeFlags([{ from: 1, to: 1 }], mask, 8);
      assert.deepEqual(columns.keywords(0, wide), after);
      assert.equal(columns.systemFlags(0), mode === 'remove' ? 0 : 1);
      assert.equal(columns.modseq(0), 8);
    });
  }

  /** Of 600 messages some UIDs are missing, flags and mod-sequences are mixed. */
  function mixed(): Columns {
    const columns = filled(900);
    columns.changeFlags(
      [
        { from: 1, to: 250 },
        { from: 400, to: 500 },
      ],
      systemFlags('add', 1),
      20,
    );
    columns.changeFlags(
      [
        { from: 200, to: 300 },
        { from: 480, to: 482 },
      ],
      systemFlags('add', 8),
      30,
    );
    columns.expunge(
      rangesOf(Array.from({ length: 300 }, (_, index) => (index * 7919) % 900 || 900).sort(byNumber)),
      0,
      40,
    );
    return columns;
  }

  for (const [mode, system, unchangedSince] of [
    ['add', 1, undefined],
    ['remove', 9, undefined],
    ['replace', 8, 20],
    ['replace', 2, 5],
  ] as const) {
    it(`plans ${mode} ${String(system)} unchanged since ${String(unchangedSince)} as message by message`, () => {
      const columns = mixed();
      const mask = systemFlags(mode, system);
      const changed: number[] = [];
      const modified: number[] = [];
      let [unseen, deleted] = [0, 0];
      for (let at = 0; at < columns.count; at += 1) {
        const uid = columns.uid(at);
        if (uid < 50 || (uid > 420 && uid < 470)) continue;
        const before = columns.systemFlags(at);
        const after = mode === 'add' ? before | system : mode === 'remove' ? before & ~system : system;
        if (columns.modseq(at) > (unchangedSince ?? Infinity)) modified.push(uid);
        else if (before !== after) {
          changed.push(uid);
          unseen += (before & 1) - (after & 1);
          deleted += ((after & 8) - (before & 8)) / 8;
        }
      }
      assert.ok(changed.length > 0);
      assert.equal(modified.length > 0, unchangedSince !== undefined);
      const ranges = [
        { from: 50, to: 420 },
        { from: 470, to: 2 ** 32 - 1 },
      ];
      assert.deepEqual(planFlags(columns, ranges, mask, unchangedSince), {
        changed: rangesOf(changed),
        modified: rangesOf(modified),
        unseen,
        deleted,
      });
    });
  }

  for (const force of [false, true]) {
    it(`plans an expunge of ${force ? 'everything' : 'what is marked'} as message by message`, () => {
      const columns = mixed();
      const gone = Array.from({ length: columns.count }, (_, at) => at).filter(
        (at) => force || (columns.systemFlags(at) & 8) > 0,
      );
      assert.ok(gone.length > 0);
      const { uids, tally } = planExpunge(columns, [{ from: 1, to: 2 ** 32 - 1 }], force);
      assert.deepEqual(uids, rangesOf(gone.map((at) => columns.uid(at))));
      assert.deepEqual(tally, {
        octets: gone.reduce((sum, at) => sum + columns.size(at), 0),
        unseen: gone.filter((at) => (columns.systemFlags(at) & 1) === 0).length,
        deleted: gone.filter((at) => (columns.systemFlags(at) & 8) > 0).length,
      });
    });
  }

  it('a clone is independent', () => {
    const columns = filled(5, wide);
    const copy = columns.clone();
    copy.changeFlags([{ from: 1, to: 5 }], flagMask({ mode: 'add', flags: { system: 1, keywords: ['K30'] } }, wide), 9);
    copy.expunge([{ from: 2, to: 2 }], 0, 10);
    copy.append([rowOf(6)], 11, 0, wide);
    assert.deepEqual([...columns.uids()], [1, 2, 3, 4, 5]);
    assert.equal(columns.systemFlags(0), 0);
    assert.deepEqual(columns.keywords(0, wide), []);
    assert.equal(columns.tombstones.count, 0);
  });

  it('copies read the same rows until one of them changes: then each has its own', () => {
    const rows = (columns: Columns): unknown[] =>
      Array.from({ length: columns.count }, (_, at) => columns.row(at, wide));
    const seen = flagMask({ mode: 'add', flags: { system: 1, keywords: ['K2', 'K30'] } }, wide);
    const changes: readonly ((columns: Columns) => void)[] = [
      (columns) => columns.changeFlags([{ from: 2, to: 90 }], seen, 9),
      (columns) => columns.expunge([{ from: 3, to: 3 }, { from: 20, to: 60 }], 0, 10), // prettier-ignore
      (columns) => columns.append([rowOf(columns.uid(columns.count - 1) + 1)], 11, 0, wide),
    ];
    for (const order of [
      [0, 1, 2],
      [1, 0, 2],
      [2, 1, 0],
      [2, 2, 0],
      [0, 0, 2],
    ]) {
      for (const [changed, kept] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const original = filled(100, wide);
        const pair = [original, original.clone()] as const;
        const before = rows(pair[kept]);
        const alone = filled(100, wide);
        for (const index of order) {
          changes[index]?.(pair[changed]);
          changes[index]?.(alone);
          assert.deepEqual(rows(pair[kept]), before);
          assert.deepEqual(rows(pair[changed]), rows(alone));
        }
        changes[2]?.(pair[kept]);
        assert.deepEqual(rows(pair[changed]), rows(alone));
      }
    }
  });

  it('what is expunged is given back as it was', () => {
    const columns = filled(50, wide);
    columns.changeFlags(
      [{ from: 7, to: 7 }],
      flagMask({ mode: 'add', flags: { system: 1, keywords: ['K33'] } }, wide),
      6,
    );
    const ranges = [{ from: 2, to: 3 }, { from: 7, to: 30 }]; // prettier-ignore
    const before = [1, 2, ...Array.from({ length: 24 }, (_, at) => at + 6)].map((at) => columns.row(at, wide));
    const gone = columns.expunge(ranges, 0, 9);
    columns.append([rowOf(51)], 10, 0, wide);
    assert.deepEqual(
      before,
      Array.from({ length: gone.count }, (_, at) => gone.row(at, wide)),
    );
  });

  it('renumbers keywords for a smaller table', () => {
    const columns = new Columns();
    columns.append(
      [rowOf(1, { keywords: ['K2', 'K30'] }), rowOf(2), rowOf(3, { keywords: ['K39'], system: 8 })],
      1,
      0,
      wide,
    );
    assert.deepEqual(
      [...columns.usedKeywords()].sort((a, b) => a - b),
      [2, 30, 39],
    );
    const table = new KeywordTable(['K2', 'K30', 'K39']);
    columns.renumberKeywords(wide, table);
    assert.deepEqual([0, 1, 2].map((at) => columns.keywords(at, table)), [['K2', 'K30'], [], ['K39']]); // prettier-ignore
    assert.equal(columns.systemFlags(2), 8);
  });
});

describe('row segments', () => {
  it('hold what the columns hold', () => {
    const columns = filled(100, wide);
    columns.changeFlags(
      [{ from: 7, to: 7 }],
      flagMask({ mode: 'add', flags: { system: 3, keywords: ['K1', 'K33'] } }, wide),
      20,
    );
    const copy = new Columns();
    addRowSegment(copy, packRowSegment(columns, 0, 60), 60);
    addRowSegment(copy, packRowSegment(columns, 60, 100), 40);
    assert.equal(copy.count, 100);
    for (let at = 0; at < 100; at += 1) assert.deepEqual(copy.row(at, wide), columns.row(at, wide));
  });

  it('of another format or length make the mailbox unavailable', () => {
    const packed = packRowSegment(filled(3), 0, 3);
    assert.throws(() => addRowSegment(new Columns(), packed, 4), { code: 'unavailable' });
    assert.throws(() => addRowSegment(new Columns(), packed.subarray(0, 50), 3), { code: 'unavailable' });
    assert.throws(() => addRowSegment(new Columns(), Buffer.concat([Buffer.of(9), packed.subarray(1)]), 3), {
      code: 'unavailable',
    });
  });

  const ref = (first: number, last: number, count = last - first + 1) => ({
    generation: '00',
    number: first,
    count,
    first,
    last,
  });
  const mask = flagMask({ mode: 'add', flags: { system: 1, keywords: [] } }, wide);
  const plans: readonly [name: string, make: () => Columns, refs: ReturnType<typeof ref>[], plan: string][] = [
    ['nothing yet', () => filled(0), [], ''],
    ['first rows', () => filled(10), [], '0-10'],
    [
      'more than a segment',
      () => filled(SEGMENT_ROWS + 1),
      [],
      `0-${SEGMENT_ROWS} ${SEGMENT_ROWS}-${SEGMENT_ROWS + 1}`,
    ],
    ['no change', () => filled(10), [ref(1, 10)], 'keep1'],
    ['rows after a last segment with room join it', () => filled(12), [ref(1, 10)], '0-12'],
    [
      'rows after a full segment stand alone',
      () => filled(SEGMENT_ROWS + 2),
      [ref(1, SEGMENT_ROWS)],
      `keep1 ${SEGMENT_ROWS}-${SEGMENT_ROWS + 2}`,
    ],
    [
      'a changed row',
      () => changed(filled(10), (columns) => columns.changeFlags([{ from: 2, to: 2 }], mask, 9)),
      [ref(1, 5), ref(6, 10)],
      '0-5 keep6',
    ],
    [
      'an expunged row',
      () => changed(filled(10), (columns) => columns.expunge([{ from: 7, to: 7 }], 0, 9)),
      [ref(1, 5), ref(6, 10)],
      'keep1 5-9',
    ],
    [
      'a segment that lost all rows',
      () => changed(filled(10), (columns) => columns.expunge([{ from: 1, to: 5 }], 0, 9)),
      [ref(1, 5), ref(6, 10)],
      'keep6',
    ],
    [
      'all rows lost',
      () => changed(filled(10), (columns) => columns.expunge([{ from: 1, to: 10 }], 0, 9)),
      [ref(1, 5), ref(6, 10)],
      '',
    ],
    [
      'neighbours that changed are written together',
      () => changed(filled(15), (columns) => columns.changeFlags([{ from: 5, to: 6 }], mask, 9)),
      [ref(1, 5), ref(6, 10), ref(11, 15)],
      '0-10 keep11',
    ],
  ];
  for (const [name, make, refs, expected] of plans) {
    it(`plan: ${name}`, () => {
      const plan = planSegments(make(), refs, 5);
      const text = plan
        .map((part) => (part.kind === 'keep' ? `keep${part.ref.first}` : `${part.from}-${part.to}`))
        .join(' ');
      assert.equal(text, expected);
    });
  }
});

function changed(columns: Columns, change: (columns: Columns) => void): Columns {
  change(columns);
  return columns;
}
