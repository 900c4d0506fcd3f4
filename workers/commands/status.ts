import type { Command } from 'commander';
import type { JobStatus } from '../../lib/jobs/index.ts';
import type { NodeInfo } from '../../lib/nodes/index.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine, printTable } from '../print.ts';

interface StatusOptions extends SettingsOptions {
  readonly json?: true;
}

export function declareStatus(program: Command): void {
  withSettings(program.command('status'))
    .description('show the processes that serve this store, how busy they are, and the work in the background')
    .option('--json', 'print JSON')
    .action(showStatus);
}

async function showStatus(options: StatusOptions): Promise<void> {
  const [{ withStore }, { createNodes }, { listJobs }] = await Promise.all([
    import('../run-command.ts'),
    import('../../lib/nodes/index.ts'),
    import('../../lib/jobs/index.ts'),
  ]);
  const { nodes, jobs, now } = await withStore(options, async ({ database }, { clock }) => ({
    nodes: await createNodes({ database, clock }).list(),
    jobs: await listJobs({ database, clock }),
    now: clock.now(),
  }));
  if (options.json === true) {
    printJson({
      nodes: nodes.map((node) => ({ ...node, connections: Object.fromEntries(node.connections) })),
      jobs,
    });
    return;
  }
  printTable(
    ['host', 'pid', 'state', 'roles', 'version', 'up', 'seen', 'connections', 'commands/s', 'late', 'memory'],
    nodes.map((node) => nodeCells(node, now)),
  );
  printLine('');
  printTable(
    ['job', 'part', 'state', 'on', 'last', 'next', 'report'],
    jobs.map((job) => jobCells(job, nodes, now)),
  );
}

function nodeCells(node: NodeInfo, now: number): readonly string[] {
  const connections = [...node.connections].map(([protocol, count]) => `${protocol} ${String(count)}`).join(', ');
  return [
    ...[node.host, String(node.pid), node.state, node.roles.join(','), node.version],
    ...[span(now - node.startedAt), `${span(now - node.seenAt)} ago`, connections, node.commandsPerSecond.toFixed(1)],
    ...[`${node.loopDelayMs.toFixed(0)} ms`, `${(node.memoryOctets / 2 ** 20).toFixed(0)} MiB`],
  ];
}

function jobCells(job: JobStatus, nodes: readonly NodeInfo[], now: number): readonly string[] {
  const node = nodes.find(({ id }) => id === job.node);
  const on = node === undefined ? '' : `${node.host} ${String(node.pid)}`;
  const report = Object.entries(job.report).map(([what, count]) => `${what} ${String(count)}`);
  return [
    ...[job.job, `${String(job.shard + 1)}/${String(job.shards)}`, job.state, on],
    job.endedAt === 0 ? 'never' : `${span(now - job.endedAt)} ago`,
    job.dueAt <= now ? 'now' : `in ${span(job.dueAt - now)}`,
    job.failures > 0 ? `failed ${String(job.failures)} times: ${job.error}` : report.join(', '),
  ];
}

/** Milliseconds in the largest unit that leaves a whole number. */
function span(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const;
  const unit = units.find(([, length]) => ms >= 2 * length);
  return unit === undefined
    ? `${String(Math.max(0, Math.round(ms / 1000)))} s`
    : `${String(Math.floor(ms / unit[1]))} ${unit[0]}`;
}
