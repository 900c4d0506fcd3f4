import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { documentValue, fieldNamed, intOf } from '../../lib/embedded/bson/value.ts';
import { DocumentWriter } from '../../lib/embedded/bson/write.ts';
import { Engine } from '../../lib/embedded/server/engine.ts';
import { SqliteStore } from '../../lib/embedded/store/sqlite-store.ts';
import { Connection } from '../../lib/embedded/wire/connection.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

/** Extended codes of SQLite. */
const FULL = 13;
const FSYNC_FAILED = 1034;

type Step = 'add' | 'commit';

/** A real store whose next such step fails. */
class FailingStore extends SqliteStore {
  failing: { readonly step: Step; readonly code: number } | undefined;

  #check(step: Step): void {
    if (this.failing?.step !== step) return;
    const { code } = this.failing;
    this.failing = undefined;
    throw Object.assign(new Error(`SQLite error ${code}`), { errcode: code });
  }

  override add(key: Uint8Array, value: Uint8Array): void {
    this.#check('add');
    super.add(key, value);
  }

  override commit(): void {
    this.#check('commit');
    super.commit();
  }
}

function message(command: 'insert' | 'count', id: number): Parameters<Engine['accept']>[1] {
  const writer = new DocumentWriter().string(command, 'rows');
  if (command === 'insert') writer.openArray('documents').openDocument('0').int('_id', id).close().close();
  const body = documentValue(writer.string('$db', 'test').finish());
  return { requestId: 1, body, sequences: new Map(), wantsReply: true, isLegacy: false };
}

describe('an engine whose disk fails', () => {
  let directory: string;
  let store: FailingStore;
  let engine: Engine;
  let failures: unknown[];

  beforeEach(async () => {
    directory = await temporaryDirectory('failing');
    store = new FailingStore(join(directory, 'engine.sqlite'));
    failures = [];
    engine = new Engine({
      store,
      clock: systemClock,
      logger: silentLogger,
      onCommit: () => undefined,
      onFatal: (error) => failures.push(error),
    });
  });

  afterEach(async () => {
    store.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** The answer's `n`, or its negated error code; undefined where none comes. */
  async function send(command: 'insert' | 'count', id = 0): Promise<number | undefined> {
    let answer: number | undefined;
    engine.accept(new Connection(1, new Socket(), engine), message(command, id), (octets) => {
      const document = documentValue(octets);
      const code = fieldNamed(document, 'code');
      const n = fieldNamed(document, 'n');
      answer = code === undefined ? n && intOf(n) : -intOf(code);
    });
    await turn();
    await turn();
    return answer;
  }

  for (const step of ['add', 'commit'] as const) {
    it(`answers nothing any more once a sync failed: ${step}`, async () => {
      assert.equal(await send('insert', 1), 1);
      store.failing = { step, code: FSYNC_FAILED };
      assert.equal(await send('insert', 2), undefined);
      assert.equal(failures.length, 1);
      assert.equal(await send('insert', 3), undefined);
      assert.equal(await send('count'), undefined);
      engine.close();
    });

    it(`says that the disk is full, leaves nothing, and goes on when it is not: ${step}`, async () => {
      assert.equal(await send('insert', 1), 1);
      store.failing = { step, code: FULL };
      assert.equal(await send('insert', 2), -14031);
      assert.equal(await send('count'), 1);
      assert.equal(await send('insert', 2), 1);
      assert.equal(await send('count'), 2);
      assert.equal(failures.length, 0);
    });
  }
});
