import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Programs from Debian that tests run against the server. What the system has is used; what it lacks is unpacked
 * with the libraries it needs into a cache folder, so that nobody's system is changed. Where an unpacked program
 * does not run, the package is installed, but only with EIDER_TEST_APT=1.
 */
export interface DebianTool {
  /** Absolute path. */
  readonly command: string;
  /** To be merged over `process.env`: where the unpacked libraries and modules lie. */
  readonly env: Readonly<Record<string, string>>;
}

interface ToolSource {
  readonly package: string;
  /** Where the package puts the program. */
  readonly path: string;
  /** Arguments with which it ends at once and says 0, to see that it runs here. */
  readonly probe: readonly string[];
}

const SOURCES = {
  mbsync: { package: 'isync', path: 'usr/bin/mbsync', probe: ['--version'] },
  fetchmail: { package: 'fetchmail', path: 'usr/bin/fetchmail', probe: ['--version'] },
  neomutt: { package: 'neomutt', path: 'usr/bin/neomutt', probe: ['-v'] },
  swaks: { package: 'swaks', path: 'usr/bin/swaks', probe: ['--version'] },
  curl: { package: 'curl', path: 'usr/bin/curl', probe: ['--version'] },
  haproxy: { package: 'haproxy', path: 'usr/sbin/haproxy', probe: ['-v'] },
  'redis-server': { package: 'redis-server', path: 'usr/bin/redis-server', probe: ['--version'] },
} as const satisfies Record<string, ToolSource>;

export type DebianToolName = keyof typeof SOURCES;

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const XDG_CACHE = process.env['XDG_CACHE_HOME'];
const CACHE = join(XDG_CACHE === undefined ? join(ROOT, '.cache') : join(XDG_CACHE, 'eider'), 'debian');

/** The program, or undefined where it can neither be found nor unpacked: the test skips then, by name. */
export async function debianTool(name: DebianToolName): Promise<DebianTool | undefined> {
  const source: ToolSource = SOURCES[name];
  return (
    (await onPath(name, source)) ??
    (await unpacked(name, source)) ??
    (process.env['EIDER_TEST_APT'] === '1' ? await installed(name, source) : undefined)
  );
}

async function onPath(name: string, source: ToolSource): Promise<DebianTool | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const command = join(folder, name);
    if ((await isExecutable(command)) && (await runs({ command, env: {} }, source))) return { command, env: {} };
  }
  return undefined;
}

async function unpacked(name: string, source: ToolSource): Promise<DebianTool | undefined> {
  const folder = join(CACHE, name);
  try {
    if (!(await isExecutable(join(folder, source.path)))) await unpack(source.package, folder);
    const tool = await toolIn(folder, source);
    return (await runs(tool, source)) ? tool : undefined;
  } catch {
    // No apt here, no network, or another system altogether.
    return undefined;
  }
}

async function installed(name: string, source: ToolSource): Promise<DebianTool | undefined> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-qq', '-y', '--no-install-recommends', source.package];
  try {
    await execute('apt-get', install, { env }).catch(async () => {
      await execute('apt-get', ['update', '-qq'], { env });
      await execute('apt-get', install, { env });
    });
  } catch {
    return undefined;
  }
  return await onPath(name, source);
}

/**
 * Downloads a package with all that the system lacks of what it depends on, and unpacks them into one folder, which
 * appears as a whole: tests in other processes may want the same program at the same moment.
 */
async function unpack(packageName: string, target: string): Promise<void> {
  const work = `${target}.${randomBytes(6).toString('hex')}`;
  await mkdir(join(work, 'debs'), { recursive: true });
  try {
    await download(packageName, join(work, 'debs'));
    for (const file of await readdir(join(work, 'debs'))) {
      await execute('dpkg', ['-x', join(work, 'debs', file), join(work, 'root')]);
    }
    await rm(target, { recursive: true, force: true });
    await rename(join(work, 'root'), target).catch(async (error: unknown) => {
      // Another process was first.
      if (!(await isExecutable(target))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(packageName: string, folder: string): Promise<void> {
  const fetch = async (options: readonly string[]): Promise<void> => {
    const listing = await execute('apt-get', [
      ...options,
      'install',
      '--print-uris',
      '--reinstall',
      '--no-install-recommends',
      '-qq',
      '-y',
      packageName,
    ]);
    // Lines read: 'URI' name_version_architecture.deb size checksum
    const names = listing.split('\n').flatMap((line) => /^'\S+' ([^_\s]+)_/.exec(line)?.[1] ?? []);
    await execute('apt-get', [...options, 'download', '-qq', ...names], { cwd: folder });
  };
  await fetch([]).catch(async () => {
    // The system's package lists are missing or old: lists of our own leave the system as it is.
    const state = join(CACHE, 'apt');
    await mkdir(join(state, 'lists', 'partial'), { recursive: true });
    const options = ['-o', `Dir::State::lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${state}`];
    await execute('apt-get', [...options, 'update', '-qq']);
    await fetch(options);
  });
}

async function toolIn(folder: string, source: ToolSource): Promise<DebianTool> {
  const folders = await readdir(join(folder, 'usr/lib')).catch(() => []);
  const architectures = folders.filter((name) => name.includes('-linux-'));
  const libraries = ['usr/lib', 'lib', ...architectures.flatMap((name) => [`usr/lib/${name}`, `lib/${name}`])];
  const perl = ['usr/share/perl5', 'usr/share/perl', ...architectures.map((name) => `usr/lib/${name}/perl5`)];
  const pathOf = (paths: readonly string[]): string => paths.map((path) => join(folder, path)).join(delimiter);
  const env = { LD_LIBRARY_PATH: pathOf(libraries), PERL5LIB: pathOf(perl) };
  const command = join(folder, source.path);
  return { command, env };
}

async function runs(tool: DebianTool, source: ToolSource): Promise<boolean> {
  try {
    await execute(tool.command, source.probe, { env: tool.env });
    return true;
  } catch {
    return false;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function execute(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        cwd: options.cwd,
        env: { ...process.env, LC_ALL: 'C', ...options.env },
        timeout: 120_000,
        maxBuffer: 16 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${command} ${args.join(' ')}: ${stderr}`, { cause: error }));
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}
