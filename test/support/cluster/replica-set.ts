import { setTimeout as sleep } from 'node:timers/promises';
import type { Document, Long } from 'mongodb';
import { startBearer, type DataBearer } from './engine.ts';
import { failureOf, withConcernError } from './failures.ts';
import type { ClientConnection } from './listener.ts';
import { Member, setUri } from './member.ts';
import { ReplicatedData, type Applied, type Interruption } from './replicated-data.ts';
import { replyDocument, type WireCommand } from './wire.ts';

/** What becomes, at an election, of writes that no majority has: the new primary has them, or nobody has any more. */
export type Fate = 'kept' | 'rolled-back';

/**
 * What a command meets. `before`: nothing of it is carried out. A write that is carried out is on the primary alone
 * until it is replicated; of reads `kept` and `rolled-back` are the same.
 */
export type Fault =
  /** An error of the member's state, as when it steps down and is elected again; 91: it shuts down. */
  | { readonly kind: 'error'; readonly code: 10107 | 11602 | 91 | 189; readonly at: 'before' | Fate }
  /** Carried out and answered so, but with a write-concern error: the time for replication is over. */
  | { readonly kind: 'concern-timeout'; readonly fate: Fate }
  /** The connection breaks, and nothing else happens. */
  | { readonly kind: 'cut'; readonly at: 'before' | 'after' }
  /** No answer ever, on a connection that stays. */
  | { readonly kind: 'silence'; readonly at: 'before' | 'after' }
  /** The primary steps down: whoever waits for it is told, and another is elected. */
  | { readonly kind: 'step-down'; readonly at: 'before' | Fate }
  /** The primary is gone without a word, and another is elected. */
  | { readonly kind: 'kill'; readonly at: 'before' | Fate };

/** A command that is about to be carried out. */
export interface SeenCommand {
  readonly name: string;
  readonly collection: string;
  readonly isWrite: boolean;
  readonly body: Document;
}

const WRITES = new Set(['insert', 'update', 'delete', 'findAndModify', 'findandmodify', 'create', 'createIndexes']);
for (const name of ['drop', 'dropDatabase', 'dropIndexes']) WRITES.add(name);
const OPENS_CURSOR = new Set(['find', 'aggregate', 'listIndexes', 'listCollections']);
const HELLO = new Set(['hello', 'isMaster', 'ismaster']);

/** How long a member that died stays away, and how long a write-concern time-out precedes what becomes of the write. */
const AWAY_MS = 60;
const DOUBT_MS = 15;

interface Cursor {
  readonly member: Member;
  readonly bearer: DataBearer;
}

/** A replica set of three as drivers see it, in front of embedded engines. */
export class ReplicaSet {
  /** Asked for each command but hello; what it gives happens. */
  onCommand: (seen: SeenCommand) => Fault | undefined = () => undefined;
  /** How long there is no primary at an election, in milliseconds. */
  electionMs = 0;
  elections = 0;
  rollbacks = 0;
  readonly #members: readonly Member[];
  readonly #data: ReplicatedData;
  readonly #cursors = new Map<string, Cursor>();
  #primary: Member | undefined;
  #term = 1;
  /** True between one primary and the next. */
  #isVoting = false;
  #underWay = new Set<Promise<void>>();

  private constructor(data: ReplicatedData) {
    this.#data = data;
    const view = () => ({
      hosts: this.#members.map(({ listener }) => listener.address),
      primary: this.#primary?.listener.address,
      term: this.#term,
    });
    this.#members = Array.from({ length: 3 }, () => {
      const member: Member = new Member(view, (client, command) => this.#serve(member, client, command));
      return member;
    });
    this.#primary = this.#members[0];
  }

  static async start(): Promise<ReplicaSet> {
    const set = new ReplicaSet(new ReplicatedData(await startBearer(), await startBearer()));
    for (const { listener } of set.#members) await listener.listen();
    return set;
  }

  get uri(): string {
    return setUri(this.#members.map(({ listener }) => listener.address));
  }

  /** Writes go on, but no majority gets them: whoever waits for one waits. */
  stallReplication(): void {
    this.#data.stall();
  }

  async resumeReplication(): Promise<void> {
    await this.#data.resume();
  }

  stepDown(fate: Fate): Promise<void> {
    return this.#elect(fate, { kind: 'error', code: 11602 }, this.#primary, false);
  }

  killPrimary(fate: Fate): Promise<void> {
    return this.#elect(fate, { kind: 'cut' }, this.#primary, true);
  }

  /** Until everything that faults have begun is over: elections, members that come back. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async close(): Promise<void> {
    this.onCommand = () => undefined;
    await this.settled();
    for (const { listener } of this.#members) listener.die();
    for (const member of this.#members) member.change();
    await this.#data.close();
  }

  async #serve(member: Member, client: ClientConnection, command: WireCommand): Promise<void> {
    const { name, body } = command;
    if (HELLO.has(name)) return member.hello(client, command);
    if (name === 'endSessions') {
      for (const bearer of [this.#data.primary, this.#data.majority])
        await client.linkTo(bearer.socketPath).exchange(command.octets);
      client.reply(command, { ok: 1 });
      return;
    }
    if (name === 'buildInfo') {
      client.reply(command, { version: '7.0.0', versionArray: [7, 0, 0, 0], modules: [], ok: 1 });
      return;
    }
    const isWrite = WRITES.has(name);
    const fault = this.onCommand({ name, collection: String(body[name]), isWrite, body });
    if (fault !== undefined && (await this.#meetBefore(fault, member, client, command))) return;
    if (isWrite) await this.#write(fault, member, client, command);
    else await this.#read(fault, member, client, command);
  }

  /** @returns true where the command goes no further */
  async #meetBefore(fault: Fault, member: Member, client: ClientConnection, command: WireCommand): Promise<boolean> {
    if (fault.kind === 'concern-timeout' || fault.at !== 'before') return false;
    switch (fault.kind) {
      case 'cut':
        client.cut();
        return true;
      case 'silence':
        return true;
      case 'error':
        await this.#fail(fault.code, 'kept', member, client, command, false);
        return true;
      case 'step-down':
        await this.#elect('kept', { kind: 'error', code: 11602 }, member, false);
        client.reply(command, failureOf(command, 10107, member.topologyVersion, false));
        return true;
      case 'kill':
        await this.#elect('kept', { kind: 'cut' }, member, true);
        client.cut();
        return true;
    }
  }

  /** An error of the member's state, with what makes a member say it: it loses its office, if only for a moment. */
  async #fail(
    code: number,
    fate: Fate,
    member: Member,
    client: ClientConnection,
    command: WireCommand,
    hasApplied: boolean,
  ): Promise<void> {
    const { topologyVersion } = member;
    const next = { ...topologyVersion, counter: topologyVersion.counter.add(1) };
    if (fate === 'rolled-back') await this.#data.rollBack({ kind: 'error', code });
    client.reply(command, failureOf(command, code, next, hasApplied));
    if (code === 91) await this.#elect('kept', { kind: 'cut' }, member, true);
    else await this.#elect('kept', { kind: 'error', code }, member, false, true);
  }

  async #write(
    fault: Fault | undefined,
    member: Member,
    client: ClientConnection,
    command: WireCommand,
  ): Promise<void> {
    if (this.#primary !== member) {
      client.reply(command, failureOf(command, 10107, member.topologyVersion, false));
      return;
    }
    const isHeld = fault !== undefined && fault.kind !== 'cut' && fault.kind !== 'silence';
    const applied = await this.#data.write((bearer) => client.linkTo(bearer.socketPath), command.octets, isHeld);
    if (fault !== undefined) return this.#meetAfter(fault, applied, member, client, command);
    const result = await this.#untilReplicated(applied, command);
    if (result === 'replicated') {
      if (command.wantsReply) client.send(applied.reply);
    } else if (result.kind === 'cut') client.cut();
    else client.reply(command, withConcernError(command, replyDocument(applied.reply), result.code));
  }

  /** With `wtimeout` a write waits no longer than that for its majority; it stays where it is. */
  async #untilReplicated(applied: Applied, { body }: WireCommand): Promise<'replicated' | Interruption> {
    const concern = body['writeConcern'] as Document | undefined;
    if (concern?.['w'] !== 'majority') return 'replicated';
    const limit = Number(concern['wtimeout'] ?? 0);
    if (limit === 0) return applied.replicated;
    const ended = new AbortController();
    const late = sleep(limit, { kind: 'error', code: 64 } as const, { signal: ended.signal, ref: false });
    late.catch(() => undefined);
    try {
      return await Promise.race([applied.replicated, late]);
    } finally {
      ended.abort();
    }
  }

  async #meetAfter(
    fault: Fault,
    applied: Applied,
    member: Member,
    client: ClientConnection,
    command: WireCommand,
  ): Promise<void> {
    const doubted = (code: number): Document => withConcernError(command, replyDocument(applied.reply), code);
    if (fault.kind === 'silence') return;
    if (fault.kind === 'cut') {
      client.cut();
      return;
    }
    const interrupted = { kind: 'error', code: 11602 } as const;
    if (fault.kind === 'concern-timeout') {
      client.reply(command, doubted(64));
      this.#later(DOUBT_MS, () =>
        fault.fate === 'kept' ? this.#data.release() : this.#elect('rolled-back', interrupted, member, false),
      );
      return;
    }
    const fate = fault.at === 'kept' ? 'kept' : 'rolled-back';
    if (fault.kind === 'error') await this.#fail(fault.code, fate, member, client, command, true);
    else if (fault.kind === 'step-down') {
      await this.#elect(fate, interrupted, member, false);
      client.reply(command, doubted(189));
    } else {
      await this.#elect(fate, { kind: 'cut' }, member, true);
      client.cut();
    }
  }

  async #read(fault: Fault | undefined, member: Member, client: ClientConnection, command: WireCommand): Promise<void> {
    const refusal = this.#refusalOfRead(member, command);
    if (refusal !== undefined) {
      client.reply(command, failureOf(command, refusal, member.topologyVersion, false));
      return;
    }
    const bearer = this.#bearerFor(member, command);
    const reply = await client.linkTo(bearer.socketPath).exchange(command.octets);
    if (OPENS_CURSOR.has(command.name)) {
      const cursor = replyDocument(reply)['cursor'] as Document | undefined;
      if (cursor !== undefined && String(cursor['id']) !== '0')
        this.#cursors.set(String(cursor['id']), { member, bearer });
    }
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'cut') client.cut();
    else if (fault?.kind === 'error') await this.#fail(fault.code, 'kept', member, client, command, false);
    else if (fault?.kind === 'step-down') {
      await this.#elect('kept', { kind: 'error', code: 11602 }, member, false);
      client.reply(command, failureOf(command, 11602, member.topologyVersion, false));
    } else if (fault?.kind === 'kill') {
      await this.#elect('kept', { kind: 'cut' }, member, true);
      client.cut();
    } else if (command.wantsReply) client.send(reply);
  }

  /** Secondaries answer reads only where the client says that one may. */
  #refusalOfRead(member: Member, { name, body }: WireCommand): number | undefined {
    if (name === 'getMore' || name === 'killCursors')
      return this.#cursors.get(cursorOf(body))?.member === member ? undefined : 43;
    if (this.#primary === member || name === 'ping') return undefined;
    const mode = (body['$readPreference'] as Document | undefined)?.['mode'] as string | undefined;
    return mode === undefined || mode === 'primary' ? 13435 : undefined;
  }

  /** Reads of a majority see nothing that could be rolled back; a cursor stays with what it began on. */
  #bearerFor(member: Member, { name, body }: WireCommand): DataBearer {
    const cursor = name === 'getMore' || name === 'killCursors' ? this.#cursors.get(cursorOf(body)) : undefined;
    if (cursor !== undefined) return cursor.bearer;
    const level: unknown = (body['readConcern'] as Document | undefined)?.['level'];
    return member === this.#primary && level !== 'majority' ? this.#data.primary : this.#data.majority;
  }

  #elect(
    fate: Fate,
    interruption: Interruption,
    old: Member | undefined,
    isDead: boolean,
    isSame = false,
  ): Promise<void> {
    return this.#track(this.#runElection(fate, interruption, old, isDead, isSame));
  }

  async #runElection(
    fate: Fate,
    interruption: Interruption,
    old: Member | undefined,
    isDead: boolean,
    isSame: boolean,
  ): Promise<void> {
    // Somebody else's election was first.
    if (old === undefined || this.#primary !== old) {
      if (fate === 'kept') await this.#data.release();
      else await this.#data.rollBack(interruption);
      return;
    }
    this.#primary = undefined;
    this.#isVoting = true;
    this.elections += 1;
    for (const [id, { member }] of this.#cursors) if (member === old) this.#cursors.delete(id);
    if (isDead) {
      old.listener.die();
      this.#later(AWAY_MS, async () => {
        await old.restart();
        if (this.#isVoting || this.#primary !== undefined) return;
        this.#vote(undefined);
      });
    }
    // A version of its own for the time without a primary: an error tells that one, and what follows is newer.
    for (const member of this.#members) member.change();
    if (this.electionMs > 0) await sleep(this.electionMs);
    if (fate === 'rolled-back') {
      this.rollbacks += 1;
      await this.#data.rollBack(interruption);
    } else await this.#data.release();
    this.#isVoting = false;
    this.#vote(old, isSame);
  }

  /** Two of three make a primary, another one than before where that can be; one alone waits for a second. */
  #vote(old: Member | undefined, isSame = false): void {
    const alive = this.#members.filter(({ listener }) => listener.isListening);
    if (alive.length >= 2) {
      this.#term += 1;
      const at = old === undefined ? 0 : this.#members.indexOf(old);
      const others = [1, 2, 0].map((step) => this.#members[(at + step) % this.#members.length]);
      this.#primary = isSame ? old : others.find((member) => member?.listener.isListening === true);
    }
    for (const member of this.#members) member.change();
  }

  #later(ms: number, run: () => Promise<void>): void {
    void this.#track(sleep(ms).then(run));
  }

  #track(running: Promise<void>): Promise<void> {
    this.#underWay.add(running);
    return running.finally(() => this.#underWay.delete(running));
  }
}

/** The cursor that getMore or killCursors is about. */
function cursorOf(body: Document): string {
  const id = (body['getMore'] ?? (body['cursors'] as Long[] | undefined)?.[0]) as Long | undefined;
  return id?.toString() ?? '';
}
