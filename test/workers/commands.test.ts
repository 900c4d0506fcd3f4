import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { withoutEngine } from '../support/given-database.ts';
import { runEider, type CommandResult } from '../support/eider-command.ts';
import { ImapClient } from '../support/imap-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

const COMMANDS = [
  'start',
  'user',
  'user add',
  'user list',
  'user passwd',
  'user remove',
  'address',
  'address add',
  'import',
  'export',
  'config',
  'config print',
  'config check',
  'gc',
  'fsck',
  'rebuild',
  'undelete',
];

function json(result: CommandResult): Record<string, unknown> {
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

describe('eider --help', () => {
  for (const command of COMMANDS) {
    it(`eider ${command} --help`, async () => {
      const result = await runEider([...command.split(' '), '--help']);
      assert.equal(result.code, 0);
      assert.match(result.stdout, new RegExp(`^Usage: eider ${command} `));
    });
  }

  it('refuses what is no command', async () => {
    const result = await runEider(['strat']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /did you mean start/i);
  });
});

describe('commands on a store', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  const on = (...args: readonly string[]): readonly string[] => [...args, '--data-dir', data.path];

  before(async () => {
    data = await makeDataDir();
    server = await startServer(data.path);
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  it('make a user while the server runs, who can log in at once', async () => {
    const added = json(
      await runEider(on('user', 'add', 'ann', '--password-stdin', '--quota', '5GiB', '--json'), 'first-pw\n'),
    );
    assert.equal(added['username'], 'ann');
    assert.equal(added['address'], 'ann@localhost');
    assert.equal(added['quotaOctets'], 5 * 1024 ** 3);
    const imap = await ImapClient.connect(server.ready.imap);
    await imap.command('LOGIN ann first-pw');
    imap.lines.destroy();
  });

  it('refuse a name that is taken, a password that is missing, a quota that is none', async () => {
    const again = await runEider(on('user', 'add', 'ann', '--password-stdin'), 'other-pw');
    assert.equal(again.code, 1);
    assert.equal(again.stderr, 'eider: This username already exists\n  username: The user name is taken\n');
    assert.match((await runEider(on('user', 'add', 'bea', '--password-stdin'))).stderr, /holds no password/);
    assert.match((await runEider(on('user', 'add', 'bea'))).stderr, /--password-stdin/);
    const quota = await runEider(on('user', 'add', 'bea', '--password-stdin', '--quota', 'much'), 'a-password');
    assert.match(quota.stderr, /--quota much/);
  });

  it('give an address, list, and set a password', async () => {
    const added = json(await runEider(on('address', 'add', 'ann', 'ann@example.com', '--json')));
    assert.equal(added['address'], 'ann@example.com');
    const listed = json(await runEider(on('user', 'list', '--json')));
    assert.equal(listed['username'], 'ann');
    json(await runEider(on('user', 'passwd', 'ann', '--password-stdin', '--json'), 'second-pw'));
    const imap = await ImapClient.connect(server.ready.imap);
    await imap.command('LOGIN ann@example.com second-pw');
    imap.lines.destroy();
  });

  it('say who does not exist', async () => {
    for (const args of [
      ['user', 'remove', 'nobody'],
      ['address', 'add', 'nobody', 'n@example.com'],
      ['export', 'nobody', join(data.path, 'out')],
    ]) {
      const result = await runEider(on(...args));
      assert.equal(result.code, 1);
      assert.equal(result.stderr, 'eider: there is no user nobody\n');
    }
  });

  it('say that there is no such data directory, and make none', { skip: withoutEngine() }, async () => {
    const result = await runEider(['user', 'list', '--data-dir', join(data.path, 'typo')]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /there is no data directory/);
  });

  it('import an mbox and go on after an interruption', async () => {
    const mbox = join(data.path, 'old.mbox');
    const message = (number: number): string =>
      `From ann@example.com Mon Nov  2 10:00:0${String(number)} 2026\nFrom: ann@example.com\nSubject: number ${String(number)}\nStatus: RO\n\n>From the start\n\n`;
    await writeFile(mbox, [1, 2, 2].map(message).join(''));
    const first = json(await runEider(on('import', 'ann', mbox, '--mailbox', 'Old', '--json')));
    assert.deepEqual(first, { imported: 3, present: 0, skipped: [] });
    await writeFile(mbox, [1, 2, 2, 2, 3].map(message).join(''));
    const second = json(await runEider(on('import', 'ann', mbox, '--mailbox', 'Old', '--json')));
    assert.deepEqual(second, { imported: 2, present: 3, skipped: [] });
  });

  it('report what they skip, and why', async () => {
    const folder = join(data.path, 'mixed');
    await mkdir(folder);
    await writeFile(join(folder, 'a.eml'), 'Subject: fine\n\nbody\n');
    await writeFile(join(folder, 'b.txt'), 'no message at all\n');
    await writeFile(join(folder, 'c.eml'), '');
    const result = await runEider(on('import', 'ann', folder, '--json'));
    assert.equal(result.code, 1);
    const report = JSON.parse(result.stdout) as { imported: number; skipped: { name: string; reason: string }[] };
    assert.equal(report.imported, 1);
    assert.deepEqual(
      report.skipped.map(({ reason }) => reason),
      ['it does not begin with a header field: no message', 'it is empty'],
    );
  });

  it('export what was imported, to the octet and with flags, and import it again', async () => {
    const out = join(data.path, 'out');
    const exported = json(await runEider(on('export', 'ann', out, '--json')));
    assert.equal(exported['exported'], 6);
    const names = await readdir(join(out, '.Old/cur'));
    assert.equal(names.length, 5);
    assert.ok(names.every((name) => name.endsWith(':2,S')));
    const text = await readFile(join(out, '.Old/cur', names[0] ?? ''), 'utf8');
    assert.match(text, /^From: ann@example\.com\r\nSubject: number \d\r\nStatus: RO\r\n\r\nFrom the start\r\n$/);
    assert.deepEqual(json(await runEider(on('export', 'ann', out, '--json'))), {
      exported: 0,
      present: 6,
      skipped: [],
    });
    json(await runEider(on('user', 'add', 'bob', '--password-stdin', '--json'), 'bobs-pw'));
    assert.deepEqual(json(await runEider(on('import', 'bob', out, '--json'))), {
      imported: 6,
      present: 0,
      skipped: [],
    });
    assert.deepEqual(json(await runEider(on('import', 'bob', out, '--json'))), {
      imported: 0,
      present: 6,
      skipped: [],
    });
    const onto = await runEider(on('export', 'ann', join(out, '.Old/cur', names[0] ?? '')));
    assert.equal(onto.code, 1);
    assert.match(onto.stderr, /^eider: EEXIST: [^\n]+\n$/, 'one line, no trace');
    const mbox = join(data.path, 'mbox');
    assert.equal(json(await runEider(on('export', 'bob', mbox, '--format', 'mbox', '--json')))['exported'], 6);
    assert.match(
      await readFile(join(mbox, 'Old.mbox'), 'utf8'),
      /^From MAILER-DAEMON Mon Nov {2}2 10:00:01 2026\n[^]*\n>From the start\n/,
    );
    assert.equal(await readFile(join(mbox, 'Trash.mbox'), 'utf8'), '');
    const empty = json(await runEider(on('import', 'ann', join(mbox, 'Trash.mbox'), '--json')));
    assert.deepEqual(empty, { imported: 0, present: 0, skipped: [] }, 'an empty mailbox is no fault');
  });

  it('show what was expunged, and bring it back', async () => {
    const imap = await ImapClient.connect(server.ready.imap);
    for (const command of ['LOGIN bob bobs-pw', 'SELECT Old', 'STORE 2:4 +FLAGS.SILENT (\\Deleted)', 'EXPUNGE'])
      await imap.command(command);
    const shown = await runEider(on('undelete', 'bob', '--since', '1h', '--list', '--json'));
    const rows = shown.stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    assert.deepEqual(rows.map(({ path, uid }) => [path, uid]), [['Old', 4], ['Old', 3], ['Old', 2]]); // prettier-ignore
    const none = await runEider(on('undelete', 'bob', '--mailbox', 'INBOX', '--json'));
    assert.deepEqual(json(none), { restored: 0, notRestored: 0 });
    const restored = await runEider(on('undelete', 'bob', '--mailbox', 'Old', '--into', 'Old'));
    assert.equal(restored.stdout, '3 messages restored\n');
    await imap.command('NOOP');
    const [found] = (await imap.command('UID SEARCH ALL')).untagged;
    assert.equal(found?.text, '* SEARCH 1 5 6 7 8');
    imap.lines.destroy();
    assert.match((await runEider(on('undelete', 'bob', '--since', 'lately'))).stderr, /--since lately/);
  });

  it('find everything in order, and collect garbage', async () => {
    const checked = await runEider(on('fsck'));
    assert.match(checked.stdout, /^2 users, 12 mailboxes, 12 messages: clean\n$/);
    assert.equal(checked.code, 0);
    assert.equal((await runEider(on('gc', '--older-than', '0s', '--json'))).code, 0);
    assert.equal((await runEider(on('gc', '--older-than', 'soon'))).code, 1);
  });

  it('remove a user, whose mail a collection then takes away', async () => {
    json(await runEider(on('user', 'remove', 'bob', '--json')));
    const users = (await runEider(on('user', 'list', '--json'))).stdout.trim().split('\n');
    assert.equal(users.length, 1);
    // Six messages, four of them different.
    assert.equal(json(await runEider(on('gc', '--older-than', '0s', '--json')))['messages'], 4);
    assert.match((await runEider(on('fsck'))).stdout, /^1 users, 6 mailboxes, 6 messages: clean\n$/);
  });
});
