import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { withoutEngine } from '../support/given-database.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { processTree } from '../support/process-tree.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

/** Large mail passes through a server that stays small: peak memory of server and engine each grow by less than 64 MiB. */

const PASSWORD = 'correct horse';
const MIB = 1024 * 1024;
const ALLOWED_GROWTH = 64 * MIB;

/** Peak resident memory in octets. */
async function peak(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'latin1');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

const HEADER = 'From: a@example.org\r\nTo: big@example.com\r\nMIME-Version: 1.0\r\n';

function base64Lines(octets: number, widths: readonly number[]): Buffer {
  const encoded = randomFillSync(Buffer.alloc(octets)).toString('base64');
  const lines: string[] = [];
  for (let at = 0, n = 0; at < encoded.length; n += 1) {
    const width = widths[n % widths.length] ?? 76;
    lines.push(encoded.slice(at, at + width));
    at += width;
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1');
}

/** 60 MB: three attachments of random octets. */
function threeAttachments(): Buffer {
  const parts = [1, 2, 3].map((n) =>
    Buffer.concat([
      Buffer.from(
        `--edge\r\nContent-Type: application/octet-stream; name="${String(n)}.bin"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n`,
      ),
      base64Lines(14_400_000, [76]),
    ]),
  );
  return Buffer.concat([
    Buffer.from(`${HEADER}Subject: three attachments\r\nContent-Type: multipart/mixed; boundary="edge"\r\n\r\n`),
    ...parts,
    Buffer.from('--edge--\r\n'),
  ]);
}

function oneHeader(): Buffer {
  const line = `X-Filler: ${'x'.repeat(900)}\r\n`;
  return Buffer.from(
    `${HEADER}Subject: header\r\n${line.repeat(Math.floor(60_000_000 / line.length))}\r\nbody\r\n`,
    'latin1',
  );
}

function oddBase64(): Buffer {
  return Buffer.concat([
    Buffer.from(
      `${HEADER}Subject: odd lines\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n`,
    ),
    base64Lines(44_000_000, [75, 77, 13, 61]),
  ]);
}

/** Reads BODY[] as a client does that takes a piece and then rests; hashes the last `tail` octets. */
async function fetchSlowly(
  server: ServerProcess,
  uid: number,
  tail: number,
): Promise<{ octets: number; hash: string }> {
  const imap = await ImapClient.login(server.ready.imap, 'big', PASSWORD);
  await imap.ok('SELECT INBOX');
  await imap.lines.write(`slow UID FETCH ${String(uid)} (BODY.PEEK[])\r\n`);
  const announced = Number(/\{(\d+)\}$/.exec(await imap.lines.line())?.[1]);
  const hash = createHash('sha256');
  for (let at = 0; at < announced;) {
    const piece = await imap.lines.octets(Math.min(4 * MIB, announced - at));
    hash.update(piece.subarray(Math.max(0, announced - tail - at)));
    at += piece.length;
    imap.lines.pause();
    // The rest of a slow reader is what is tested here: its kernel buffers fill while the server has more to send.
    await new Promise((resolve) => setTimeout(resolve, 40));
    imap.lines.resume();
  }
  await imap.lines.line();
  assert.match(await imap.lines.line(), /^slow OK/);
  await imap.logout();
  return { octets: announced, hash: hash.digest('hex') };
}

describe('memory under large mail', { skip: process.platform === 'linux' ? false : 'reads /proc' }, () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  let baseline: Map<number, number>;

  before(async () => {
    data = await makeDataDir();
    server = await startServer(data.path);
    const api = new ApiClient(server.ready.api.url, server.ready.adminToken);
    await api.createUser('big', PASSWORD, { address: 'big@example.com', quota: 1024 * MIB });
    // Everything is loaded once before the measure is taken.
    const lmtp = await LmtpClient.connect(server.ready.lmtp);
    await lmtp.deliver(Buffer.from(`${HEADER}Subject: small\r\n\r\nsmall\r\n`), ['big@example.com']);
    await lmtp.quit();
    await fetchSlowly(server, 1, 0);
    baseline = new Map();
    for (const pid of await processTree(server.ready.pid)) baseline.set(pid, await peak(pid));
    if (withoutEngine() === false) assert.ok(baseline.size >= 2, 'server and engine are two processes');
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  for (const [index, [name, make]] of (
    [
      ['three attachments of random octets', threeAttachments],
      ['a header of 60 MB', oneHeader],
      ['base64 with odd line lengths', oddBase64],
    ] as const
  ).entries()) {
    it(`passes 60 MB: ${name}`, { timeout: 120_000 }, async (t) => {
      const octets = make();
      assert.ok(octets.length > 57_000_000 && octets.length < 64 * MIB - 2000);
      const lmtp = await LmtpClient.connect(server.ready.lmtp);
      const [reply] = await lmtp.deliver(octets, ['big@example.com']);
      assert.match(reply ?? '', /^250 /);
      await lmtp.quit();
      const fetched = await fetchSlowly(server, index + 2, octets.length);
      assert.ok(fetched.octets > octets.length && fetched.octets < octets.length + 2000, 'trace fields and no more');
      assert.equal(fetched.hash, createHash('sha256').update(octets).digest('hex'));
      const growth: number[] = [];
      for (const [pid, was] of baseline) growth.push((await peak(pid)) - was);
      const told = growth.map((octets) => `${(octets / MIB).toFixed(1)} MiB`).join(', ');
      t.diagnostic(`${name}: ${String(octets.length)} octets in and out; peak growth of server, engine: ${told}`);
      assert.ok(
        growth.every((octets) => octets < ALLOWED_GROWTH),
        `server, engine grew by ${told}`,
      );
    });
  }
});
