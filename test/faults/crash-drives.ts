import type { ImapClient } from '../support/imap-client.ts';
import type { LmtpClient } from '../support/lmtp-client.ts';
import { dotStuffed } from '../support/lmtp-client.ts';
import { messageOctets } from './message-octets.ts';
import { PASSWORD, type SiteNode } from './site.ts';

/** A user of a case's own, with what every command finds something to do in. */
export interface Stage {
  readonly username: string;
  readonly userId: string;
  /** Part of every subject, so that no two cases have octets in common. */
  readonly mark: string;
  /** Of the message and attachment that is delivered. */
  readonly fresh: Buffer;
}

/** A mailbox as a list of UIDs, flags and subjects; by path. */
export type MailState = ReadonlyMap<string, readonly string[]>;

/** One command: how a node is made to do it, and what it makes of the state. */
export interface Drive {
  /** Before the node that dies is asked, through another. */
  readonly prepare?: (node: SiteNode, stage: Stage) => Promise<void>;
  /** Asks the node; rejects when the connection ends without an answer. */
  readonly ask: (node: SiteNode, stage: Stage) => Promise<string>;
  readonly after: (before: MailState, stage: Stage) => MailState;
  /** True where asking again must not do it again. */
  readonly isIdempotent?: true;
}

const inbox = async (node: SiteNode, { username }: Stage): Promise<ImapClient> => {
  const client = await node.imap(username);
  await client.ok('SELECT INBOX');
  return client;
};

/** One IMAP command on the INBOX. */
const imap =
  (text: string): Drive['ask'] =>
  async (node, stage) => {
    const client = await inbox(node, stage);
    try {
      return (await client.command(text)).tagged;
    } finally {
      client.lines.destroy();
    }
  };

/** A copy of the state with some mailboxes given anew; undefined takes one away. */
function changed(state: MailState, mailboxes: Readonly<Record<string, readonly string[] | undefined>>): MailState {
  const next = new Map(state);
  for (const [path, rows] of Object.entries(mailboxes)) {
    if (rows === undefined) next.delete(path);
    else next.set(path, rows);
  }
  return next;
}

const rows = (state: MailState, path: string): readonly string[] => state.get(path) ?? [];
const flagsOf = (row: string, flags: string): string => row.replace(/^(\d+) \([^)]*\)/, `$1 (${flags})`);
const withUid = (row: string, uid: number): string => row.replace(/^\d+/, String(uid));
const FRESH = 'fresh';

export const DRIVES = {
  delivery: {
    ask: async (node, { username, fresh }) => {
      const client = await node.lmtp();
      try {
        await client.start([`${username}@example.com`]);
        await client.lines.write(dotStuffed(fresh));
        return await client.reply();
      } finally {
        client.lines.destroy();
      }
    },
    after: (state) => changed(state, { INBOX: [...rows(state, 'INBOX'), `4 () ${FRESH}`] }),
    isIdempotent: true,
  },
  append: {
    ask: async (node, stage) => {
      const client = await inbox(node, stage);
      try {
        return (await client.append('work', stage.fresh, '(\\Seen) ')).tagged;
      } finally {
        client.lines.destroy();
      }
    },
    after: (state) => changed(state, { work: [...rows(state, 'work'), `2 (\\Seen) ${FRESH}`] }),
  },
  upload: {
    ask: async (node, { userId, fresh }) => {
      const api = node.api();
      const id = await api.mailboxId(userId, 'INBOX');
      const path = `/users/${userId}/mailboxes/${id}/messages?unseen=true`;
      return String((await api.call('POST', path, fresh, 'message/rfc822')).status);
    },
    after: (state) => changed(state, { INBOX: [...rows(state, 'INBOX'), `4 () ${FRESH}`] }),
  },
  flags: {
    ask: imap('UID STORE 1:3 FLAGS (\\Flagged work)'),
    after: (state) => changed(state, { INBOX: rows(state, 'INBOX').map((row) => flagsOf(row, '\\Flagged work')) }),
  },
  copy: {
    ask: imap('UID COPY 1:2 work'),
    after: (state) =>
      changed(state, {
        work: [
          ...rows(state, 'work'),
          ...rows(state, 'INBOX')
            .slice(0, 2)
            .map((row, n) => withUid(row, 2 + n)),
        ],
      }),
  },
  move: {
    ask: imap('UID MOVE 1:2 work'),
    after: (state) =>
      changed(state, {
        INBOX: rows(state, 'INBOX').slice(2),
        work: [
          ...rows(state, 'work'),
          ...rows(state, 'INBOX')
            .slice(0, 2)
            .map((row, n) => withUid(row, 2 + n)),
        ],
      }),
  },
  expunge: {
    prepare: async (node, stage) => {
      await imap('UID STORE 1:2 +FLAGS (\\Deleted)')(node, stage);
    },
    ask: imap('UID EXPUNGE 1:3'),
    after: (state) => changed(state, { INBOX: rows(state, 'INBOX').slice(2) }),
  },
  create: {
    ask: imap('CREATE new/child'),
    after: (state) => changed(state, { new: [], 'new/child': [] }),
  },
  rename: {
    ask: imap('RENAME work job'),
    after: (state) =>
      changed(state, {
        work: undefined,
        'work/sub': undefined,
        job: rows(state, 'work'),
        'job/sub': rows(state, 'work/sub'),
      }),
  },
  'rename-inbox': {
    ask: imap('RENAME INBOX old'),
    after: (state) => changed(state, { INBOX: [], old: rows(state, 'INBOX').map((row, n) => withUid(row, n + 1)) }),
  },
  remove: {
    ask: imap('DELETE work/sub'),
    after: (state) => changed(state, { 'work/sub': undefined }),
  },
} as const satisfies Record<string, Drive>;

export type DriveName = keyof typeof DRIVES;

/** Makes the user and what it has: three messages in INBOX, one in `work`, and `work/sub`. */
export async function setStage(node: SiteNode, username: string): Promise<Stage> {
  const userId = await node.api().createUser(username, PASSWORD, { address: `${username}@example.com` });
  const attachment = Buffer.from(`${username} `.repeat(6000));
  const fresh = messageOctets(`${username}.${FRESH}`, 500, attachment);
  const client = await node.imap(username);
  await client.ok('CREATE work/sub');
  for (let n = 1; n <= 3; n += 1)
    await client.append('INBOX', messageOctets(`${username}.first${String(n)}`, 200), n === 1 ? '(\\Seen) ' : '');
  await client.append('work', messageOctets(`${username}.worked`, 200));
  await client.logout();
  return { username, userId, mark: username, fresh };
}

/** All that the user has, as one node tells it. */
export async function mailState(node: SiteNode, { username }: Stage): Promise<MailState> {
  const client = await node.imap(username);
  const { untagged } = await client.ok('LIST "" *');
  const state = new Map<string, readonly string[]>();
  for (const { text } of untagged) {
    const path = /"\/" "?([^"]*)"?$/.exec(text)?.[1] ?? '';
    await client.ok(`EXAMINE "${path}"`);
    const fetched = await client.ok('UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
    state.set(
      path,
      fetched.untagged.flatMap((response) => {
        const uid = /UID (\d+)/.exec(response.text)?.[1];
        const flags = /FLAGS \(([^)]*)\)/.exec(response.text)?.[1];
        const subject = /Subject: [^.]+\.([^.]+)\./.exec(response.literals[0]?.toString('latin1') ?? '')?.[1];
        if (uid === undefined || flags === undefined || subject === undefined) return [];
        const kept = flags.split(' ').filter((flag) => flag !== '' && flag !== '\\Recent');
        return [`${uid} (${kept.sort().join(' ')}) ${subject}`];
      }),
    );
  }
  await client.logout();
  return state;
}

export function stateText(state: MailState): string {
  return [...state]
    .map(([path, own]) => `${path}: ${own.join(', ')}`)
    .sort()
    .join('\n');
}

/** Sends so many different messages at once over connections of their own. @returns the replies, '' for none */
export async function deliverTogether(node: SiteNode, stage: Stage, count: number): Promise<string[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => node.lmtp()));
  await Promise.all(clients.map((client) => client.start([`${stage.username}@example.com`])));
  return Promise.all(
    clients.map(async (client: LmtpClient, n) => {
      try {
        await client.lines.write(dotStuffed(messageOctets(`${stage.mark}.many${String(n)}`, 100)));
        return await client.reply();
      } catch {
        return '';
      } finally {
        client.lines.destroy();
      }
    }),
  );
}
