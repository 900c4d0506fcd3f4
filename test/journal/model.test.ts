import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  openJournalStore,
  type FlagChange,
  type Journal,
  type MailboxInfo,
  type OpenMailbox,
} from '../../lib/journal/index.ts';
import { uidsOf } from '../../lib/journal/uid-set.ts';
import type { MailError } from '../../lib/kernel/errors.ts';
import type { AccountId, MailboxId, MessageId } from '../../lib/kernel/ids.ts';
import { createAccount, EVERYTHING, newMessage, seeded, useDatabase } from './journal-node.ts';
import { UnreliableStore, type Fault } from './unreliable-store.ts';

interface ModelMessage {
  readonly messageId: MessageId;
  readonly size: number;
  system: number;
  keywords: string[];
  modseq: number;
}

interface ModelMailbox {
  readonly id: MailboxId;
  readonly uidValidity: number;
  uidNext: number;
  readonly messages: Map<number, ModelMessage>;
}

/** An account as anybody would write it down: maps, and no journal. */
class Model {
  readonly mailboxes = new Map<string, ModelMailbox>();

  add({ path, id, uidValidity }: MailboxInfo): void {
    this.mailboxes.set(path, { id, uidValidity, uidNext: 1, messages: new Map() });
  }

  append(path: string, messages: readonly ModelMessage[]): number[] {
    const mailbox = this.get(path);
    return messages.map((message) => {
      mailbox.messages.set(mailbox.uidNext, { ...message });
      mailbox.uidNext += 1;
      return mailbox.uidNext - 1;
    });
  }

  store(
    path: string,
    from: number,
    to: number,
    { mode, flags }: FlagChange,
    modseq: number,
    unchangedSince?: number,
  ): number[] {
    const changed: number[] = [];
    for (const [uid, message] of this.get(path).messages) {
      if (uid < from || uid > to || (unchangedSince !== undefined && message.modseq > unchangedSince)) continue;
      const before = `${message.system} ${[...message.keywords].sort().join()}`;
      const kept =
        mode === 'replace'
          ? []
          : message.keywords.filter((name) => mode !== 'remove' || !flags.keywords.includes(name));
      const keywords = mode === 'remove' ? kept : [...new Set([...kept, ...flags.keywords])];
      const system =
        mode === 'replace'
          ? flags.system
          : mode === 'add'
            ? message.system | flags.system
            : message.system & ~flags.system;
      if (`${system} ${[...keywords].sort().join()}` === before) continue;
      Object.assign(message, { system, keywords, modseq });
      changed.push(uid);
    }
    return changed;
  }

  take(path: string, from: number, to: number, isMarkedOnly: boolean): [number, ModelMessage][] {
    const { messages } = this.get(path);
    const taken = [...messages].filter(
      ([uid, { system }]) => uid >= from && uid <= to && (!isMarkedOnly || (system & 8) !== 0),
    );
    for (const [uid] of taken) messages.delete(uid);
    return taken;
  }

  get(path: string): ModelMailbox {
    const mailbox = this.mailboxes.get(path);
    assert.ok(mailbox, path);
    return mailbox;
  }
}

const setup = useDatabase();
const { node } = setup;
/** I6, I7: the account as the node sees it is the model, and its counters are what is counted. */
async function compare(journal: Journal, account: AccountId, model: Model): Promise<void> {
  const infos = await journal.list(account);
  assert.deepEqual(infos.map(({ path }) => path).sort(), [...model.mailboxes.keys()].sort());
  let octets = 0;
  for (const info of infos) {
    const expected = model.get(info.path);
    assert.deepEqual(
      [info.id, info.uidValidity, info.uidNext],
      [expected.id, expected.uidValidity, expected.uidNext],
      info.path,
    );
    const mailbox = await journal.open(account, info.id, { isReadOnly: true });
    const rows = [...mailbox.rows(EVERYTHING)].map(({ uid, messageId, size, modseq, flags }) => [
      uid,
      { messageId, size, system: flags.system, keywords: [...flags.keywords].sort(), modseq },
    ]);
    const wanted = [...expected.messages].map(([uid, message]) => [
      uid,
      { ...message, keywords: [...message.keywords].sort() },
    ]);
    assert.deepEqual(rows, wanted, info.path);
    assert.deepEqual([...mailbox.uids()], [...expected.messages.keys()]);
    countersAgree(info, mailbox);
    octets += info.octets;
    mailbox.close();
  }
  const usage = await journal.usage(account);
  assert.equal(usage.octets, octets);
}

function countersAgree(info: MailboxInfo, mailbox: OpenMailbox): void {
  const rows = [...mailbox.rows(EVERYTHING)];
  assert.equal(info.messages, rows.length);
  assert.equal(info.octets, rows.reduce((sum, { size }) => sum + size, 0)); // prettier-ignore
  assert.equal(info.unseen, rows.filter(({ flags }) => (flags.system & 1) === 0).length);
  assert.equal(info.deleted, rows.filter(({ flags }) => (flags.system & 8) !== 0).length);
  assert.ok(rows.every(({ modseq }) => modseq <= info.highestModSeq));
}

describe('model: one command after another, on any node', () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`seed ${seed}`, async () => {
      await runSeed(seed);
    });
  }
});

async function runSeed(seed: number): Promise<void> {
  const random = seeded(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const kinds: readonly Fault[] = ['none', 'none', 'none', 'none', 'cut-before', 'cut-after', 'twice'];
  const journals = [0, 1, 2].map(() => {
    const store = new UnreliableStore(openJournalStore(setup.database));
    store.nextFault = () => pick(kinds);
    return node({ store, settings: { foldRecords: 10 + below(20) } });
  });
  const account = await createAccount(pick(journals));
  const model = new Model();
  for (const info of await pick(journals).list(account)) model.add(info);
  let created = 0;
  const flags = (): FlagChange['flags'] => ({
    system: pick([0, 1, 8, 9, 4]),
    keywords: Array.from({ length: below(3) }, () => `k${below(40)}`).filter(
      (name, at, all) => all.indexOf(name) === at,
    ),
  });

  for (let step = 0; step < 120; step += 1) {
    const journal = pick(journals);
    const path = pick([...model.mailboxes.keys()]);
    const mailbox = model.get(path);
    const target = pick([...model.mailboxes.keys()]);
    const from = 1 + below(mailbox.uidNext);
    const to = from + below(6);
    const open = (): Promise<OpenMailbox> => journal.open(account, mailbox.id);
    switch (below(10)) {
      case 0:
      case 1:
      case 2: {
        const messages = Array.from({ length: 1 + below(4) }, () =>
          newMessage({ flags: flags(), size: 1 + below(500) }),
        );
        const result = await journal.append(account, mailbox.id, messages);
        const rows = messages.map(({ messageId, size, flags: own }) => ({
          messageId,
          size,
          system: own.system,
          keywords: [...own.keywords],
          modseq: result.modseq,
        }));
        assert.deepEqual(result.uids, model.append(path, rows));
        break;
      }
      case 3: {
        const message = newMessage({ size: 1 + below(500) });
        const result = await journal.deliver(account, { message, mailboxPath: path, existedSinceQ: undefined });
        const { messageId, size } = message;
        assert.deepEqual(
          result.uids,
          model.append(path, [{ messageId, size, system: 0, keywords: [], modseq: result.modseq }]),
        );
        const again = await pick(journals).deliver(account, {
          message,
          mailboxPath: 'INBOX',
          existedSinceQ: below(2) === 0 ? 0 : undefined,
        });
        assert.deepEqual([again.uids, again.mailbox], [result.uids, result.mailbox]);
        break;
      }
      case 4:
      case 5: {
        const change: FlagChange = { mode: pick(['add', 'remove', 'replace'] as const), flags: flags() };
        const unchangedSince = below(3) === 0 ? below(journal.knownQ(account) + 1) : undefined;
        const opened = await open();
        const options = unchangedSince === undefined ? {} : { unchangedSince };
        const result = await opened.storeFlags([{ from, to }], change, options);
        assert.deepEqual(
          [...uidsOf(result.changed)],
          model.store(path, from, to, change, result.modseq, unchangedSince),
        );
        opened.close();
        break;
      }
      case 6: {
        const opened = await open();
        const isForced = below(3) === 0;
        const result = await opened.expunge([{ from, to }], { force: isForced });
        const gone = model.take(path, from, to, !isForced).map(([uid]) => uid);
        assert.deepEqual(result.uids, gone);
        if (gone.length > 0)
          assert.deepEqual(
            (await opened.vanishedSince(result.modseq - 1)).flatMap((range) => [range.from]).at(0),
            gone[0],
          );
        opened.close();
        break;
      }
      case 7: {
        const opened = await open();
        const isMove = below(2) === 0;
        const result = await opened[isMove ? 'move' : 'copy']([{ from, to }], model.get(target).id);
        const source = [...mailbox.messages].filter(([uid]) => uid >= from && uid <= to);
        const uids = model.append(
          target,
          source.map(([, message]) => ({ ...message, modseq: result.modseq })),
        );
        if (isMove) for (const [uid] of source) mailbox.messages.delete(uid);
        assert.deepEqual([result.sourceUids, result.targetUids], [source.map(([uid]) => uid), uids]);
        opened.close();
        break;
      }
      case 8: {
        created += 1;
        const info = await journal.create(
          account,
          `${below(2) === 0 && path !== 'INBOX' ? `${path}/` : ''}n${created}`,
        );
        model.add(info);
        break;
      }
      default: {
        if (below(2) === 0 && path.startsWith('n')) {
          await journal.rename(account, path, `r${step}`);
          for (const [name, own] of [...model.mailboxes]) {
            if (name !== path && !name.startsWith(`${path}/`)) continue;
            model.mailboxes.delete(name);
            model.mailboxes.set(`r${step}${name.slice(path.length)}`, own);
          }
        } else if (path.startsWith('r') && ![...model.mailboxes.keys()].some((name) => name.startsWith(`${path}/`))) {
          await journal.remove(account, path);
          model.mailboxes.delete(path);
        } else if (path !== 'INBOX') {
          await pick(journals).fold(account);
        }
      }
    }
    if (step % 20 === 19) await compare(pick(journals), account, model);
  }
  for (const journal of journals) await compare(journal, account, model);
  const fresh = node();
  await compare(fresh, account, model);
  await fresh.fold(account);
  const afterFold = node();
  await compare(afterFold, account, model);
}

describe('model: commands of several nodes at once', () => {
  for (const seed of [11, 12]) {
    it(`seed ${seed}: every node converges, UIDs never go back, counters are what is counted`, async () => {
      const random = seeded(seed);
      const below = (limit: number): number => Math.floor(random() * limit);
      const kinds: readonly Fault[] = ['none', 'none', 'none', 'cut-before', 'cut-after', 'twice'];
      const journals = [0, 1, 2].map(() => {
        const store = new UnreliableStore(openJournalStore(setup.database));
        store.nextFault = () => kinds[below(kinds.length)] ?? 'none';
        return node({ store, settings: { foldRecords: 15 } });
      });
      const [first] = journals;
      assert.ok(first);
      const account = await createAccount(first);
      const [inbox, sent] = await first.list(account);
      assert.ok(inbox && sent);
      const opened = await Promise.all(journals.map((journal) => journal.open(account, inbox.id)));
      // I4, I5: what each session is told, as a client of its own would keep it.
      const clients = opened.map(() => ({ uids: new Set<number>(), highest: 0, modseq: 0 }));
      opened.forEach((mailbox, at) => {
        const client = clients[at];
        assert.ok(client);
        mailbox.onEvent((event) => {
          assert.ok(event.q >= client.modseq);
          client.modseq = event.q;
          if (event.kind === 'appended') {
            for (const uid of uidsOf(event.uids)) {
              assert.ok(uid > client.highest, `UID ${uid} after ${client.highest}`);
              client.highest = uid;
              client.uids.add(uid);
            }
          } else if (event.kind === 'expunged') {
            const uids = [...uidsOf(event.uids)];
            assert.deepEqual(uids.map((_, at) => event.gone.uid(at)), uids); // prettier-ignore
            for (const uid of uids) assert.ok(client.uids.delete(uid));
          }
        });
      });
      const commands = Array.from({ length: 90 }, (_, step) => async () => {
        const at = below(3);
        const journal = journals[at];
        const mailbox = opened[at];
        assert.ok(journal && mailbox);
        const from = 1 + below(40);
        const ranges = [{ from, to: from + below(10) }];
        switch (below(6)) {
          case 0:
          case 1:
            return journal.append(account, inbox.id, [newMessage(), newMessage()]);
          case 2:
            return mailbox.storeFlags(ranges, {
              mode: 'add',
              flags: { system: 1 + 8 * below(2), keywords: [`k${step % 30}`] },
            });
          case 3:
            return mailbox.expunge(ranges);
          case 4:
            return mailbox.move(ranges, sent.id);
          default:
            return journal.deliver(account, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined });
        }
      });
      for (let at = 0; at < commands.length; at += 15) {
        await Promise.all(
          commands
            .slice(at, at + 15)
            .map((run) => run().catch((error: unknown) => assert.fail(String((error as MailError).cause ?? error)))),
        );
      }
      await Promise.all(opened.map((mailbox) => mailbox.refresh()));
      const fresh = node();
      const truth = await fresh.open(account, inbox.id);
      for (const [at, mailbox] of opened.entries()) {
        assert.deepEqual([...mailbox.rows(EVERYTHING)], [...truth.rows(EVERYTHING)]);
        assert.deepEqual([...(clients[at]?.uids ?? [])], [...truth.uids()]);
        const { keywords, ...info } = mailbox.info();
        const { keywords: fewer, ...expected } = truth.info();
        assert.deepEqual(info, expected);
        assert.ok(fewer.every((name) => keywords.includes(name)));
        countersAgree(mailbox.info(), mailbox);
        mailbox.close();
      }
    });
  }
});
