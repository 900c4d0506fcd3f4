/**
 * `npm run scale`: what a store of so many users needs, by arithmetic from measured octets and counted round trips;
 * prints the tables of docs/scale.md, where the assumptions are explained.
 */
import { pathToFileURL } from 'node:url';

/** Octets of documents for each message received, by collection: `npm run bench storage`, its mixed mail. */
const DOCUMENT_OCTETS = {
  'attachmentFiles.chunks': 30_416,
  messages: 7_077,
  journal: 219,
  'attachmentFiles.files': 74,
  attachmentRefs: 61,
  attachments: 60,
  segments: 64,
} as const;

/** Documents for each message received, and octets of the key of each: what the index of `_id` holds. */
const INDEXED = {
  'attachmentFiles.chunks': { documents: 0.53, keyOctets: 12 + 4 },
  messages: { documents: 1, keyOctets: 28 },
  journal: { documents: 1.01, keyOctets: 18 },
  'attachmentFiles.files': { documents: 0.5, keyOctets: 12 },
  attachmentRefs: { documents: 0.53, keyOctets: 60 },
  attachments: { documents: 0.5, keyOctets: 32 },
  segments: { documents: 1 / 4096, keyOctets: 36 },
} as const;

/** Of an entry of an index beside its key: where the document lies, lengths, and a page that is not full. */
const INDEX_ENTRY_OCTETS = 16;

/** What users do. Change these to what yours do. */
const USE = {
  receivedADay: 25,
  messagesKept: 10_000,
  /** Share of the users with a session at the busiest time; most of them idle. */
  connected: 0.2,
  /** Of a connected user in an hour. */
  commandsAnHour: { select: 6, fetch: 20, store: 4, noop: 12, append: 0.5 },
  /** The busiest hour against the average one. */
  peak: 3,
  copies: 3,
  /** Days that the journal is kept. */
  retentionDays: 30,
} as const;

/** Round trips to the database, warm: test/e2e/round-trips holds them. */
const ROUND_TRIPS = {
  delivery: { reads: 0, writes: 2 },
  select: { reads: 1, writes: 0 },
  fetch: { reads: 1, writes: 0 },
  store: { reads: 0, writes: 1 },
  noop: { reads: 1, writes: 0 },
  append: { reads: 0, writes: 2 },
} as const;

/** Processor time of a node, microseconds: `npm run bench lmtp` and `npm run bench commands`. */
const NODE_MICROSECONDS = { delivery: 1000, command: 300 } as const;

/** Memory of a node for one idle connection over TLS with its share of columns, octets. */
const CONNECTION_OCTETS = 100_000;

const SIZES = [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000] as const;

interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Every table, for a reader and for the test that holds docs/scale.md against them. */
export function scaleTables(): readonly Table[] {
  return [perMessage(), storage(), traffic(), machines()];
}

function perMessage(): Table {
  const rows = (Object.keys(DOCUMENT_OCTETS) as (keyof typeof DOCUMENT_OCTETS)[]).map((name) => [
    name,
    count(DOCUMENT_OCTETS[name]),
    count(indexOctets(name)),
  ]);
  const documents = Object.values(DOCUMENT_OCTETS).reduce((sum, octets) => sum + octets, 0);
  const indexes = rows.reduce((sum, [, , octets]) => sum + Number(octets?.replaceAll(',', '')), 0);
  return {
    title: 'Octets for each message received (75 KB of mail on average)',
    head: ['collection', 'documents', 'index'],
    rows: [...rows, ['together', count(documents), count(indexes)]],
  };
}

const indexOctets = (name: keyof typeof INDEXED): number =>
  INDEXED[name].documents * (INDEXED[name].keyOctets + INDEX_ENTRY_OCTETS);

/** Of a user, on one copy: everything that is kept, and the journal for as long as it is. */
function userOctets(): { readonly documents: number; readonly indexes: number } {
  let documents = 0;
  let indexes = 0;
  for (const name of Object.keys(DOCUMENT_OCTETS) as (keyof typeof DOCUMENT_OCTETS)[]) {
    const messages =
      name === 'journal' ? Math.min(USE.messagesKept, USE.receivedADay * USE.retentionDays) : USE.messagesKept;
    documents += messages * DOCUMENT_OCTETS[name];
    indexes += messages * indexOctets(name);
  }
  return { documents, indexes };
}

function storage(): Table {
  const { documents, indexes } = userOctets();
  return {
    title: `Storage with ${count(USE.messagesKept)} messages a user and ${String(USE.copies)} copies`,
    head: ['users', 'documents, one copy', 'indexes, one copy', 'all copies'],
    rows: SIZES.map((users) => [
      count(users),
      octets(users * documents),
      octets(users * indexes),
      octets(users * (documents + indexes) * USE.copies),
    ]),
  };
}

/** At the busiest time, each second. */
function rates(users: number) {
  const deliveries = (users * USE.receivedADay * USE.peak) / 86_400;
  const connected = users * USE.connected;
  let reads = deliveries * ROUND_TRIPS.delivery.reads;
  let writes = deliveries * ROUND_TRIPS.delivery.writes;
  let commands = 0;
  let commits = deliveries;
  for (const name of Object.keys(USE.commandsAnHour) as (keyof typeof USE.commandsAnHour)[]) {
    const rate = (connected * USE.commandsAnHour[name]) / 3600;
    commands += rate;
    reads += rate * ROUND_TRIPS[name].reads;
    writes += rate * ROUND_TRIPS[name].writes;
    if (name === 'store' || name === 'append') commits += rate;
  }
  // Each commit is told once; whoever has the account open reads its tail once.
  const tails = commits * USE.connected;
  return { deliveries, connected, commands, reads: reads + tails, writes, hints: commits };
}

function traffic(): Table {
  return {
    title: 'Each second at the busiest time',
    head: ['users', 'connections', 'deliveries', 'commands', 'database reads', 'database writes', 'hints'],
    rows: SIZES.map((users) => {
      const { connected, deliveries, commands, reads, writes, hints } = rates(users);
      return [users, connected, deliveries, commands, reads, writes, hints].map(count);
    }),
  };
}

function machines(): Table {
  const { documents, indexes } = userOctets();
  return {
    title: 'Machines: nodes of 8 cores half busy and 32 GiB, shards of 8 TB or 10,000 writes a second',
    head: ['users', 'nodes by processor', 'nodes by memory', 'shards by storage', 'shards by writes', 'Redis shards'],
    rows: SIZES.map((users) => {
      const { connected, deliveries, commands, writes, hints } = rates(users);
      const cores = (deliveries * NODE_MICROSECONDS.delivery + commands * NODE_MICROSECONDS.command) / 1e6;
      return [
        count(users),
        ...[
          cores / 4,
          (connected * CONNECTION_OCTETS) / (24 * 2 ** 30),
          (users * (documents + indexes)) / 8e12,
          writes / 10_000,
          // A Redis server passes on some hundred thousand messages a second; half of that is planned with.
          hints / 50_000,
        ].map((needed) => count(Math.max(1, Math.ceil(needed)))),
      ];
    }),
  };
}

function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function octets(value: number): string {
  const units = ['octets', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)));
  return `${(value / 1000 ** unit).toPrecision(3)} ${units[unit] ?? ''}`;
}

/** As Markdown. */
export function renderTables(tables: readonly Table[]): string {
  return tables
    .map(({ title, head, rows }) => {
      const lines = [head, ...rows];
      const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? '').length)));
      const render = (line: readonly string[]): string =>
        `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
      const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
      return `### ${title}\n\n${[render(head), rule, ...rows.map(render)].join('\n')}\n`;
    })
    .join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(renderTables(scaleTables()));
