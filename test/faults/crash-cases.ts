import type { DriveName } from './crash-drives.ts';

/**
 * One kill at one crash point. `gone` and `done` say what the store must show afterwards: nothing of the command, or
 * all of it.
 */
export type CrashCase =
  | {
      readonly point: string;
      /** Which passages count; '' for all. */
      readonly what: string;
      readonly drive: DriveName;
      readonly leaves: 'nothing' | 'everything';
    }
  /** Many deliveries at once, so that some are committed together. */
  | { readonly point: string; readonly what: 'group'; readonly drive: 'many' }
  /** In the background of a server whose folds come early. */
  | { readonly point: string; readonly what: ''; readonly drive: 'fold' }
  /** In `eider gc`. */
  | { readonly point: string; readonly what: ''; readonly drive: 'garbage' }
  /** In `eider gc` where a journal is past its retention, at the passage that counts: the first, where not given. */
  | { readonly point: string; readonly what: string; readonly drive: 'upkeep'; readonly passage?: number }
  /** In the engine's process. */
  | { readonly point: string; readonly what: ''; readonly drive: 'engine' };

const stored = (point: string, what: string, drive: DriveName): CrashCase => ({
  point,
  what,
  drive,
  leaves: 'nothing',
});
const committed = (point: string, what: string, drive: DriveName): CrashCase => ({
  point,
  what,
  drive,
  leaves: 'everything',
});

/** Each point once, the commit points with commands that have most to lose. */
export const CRASHES: readonly CrashCase[] = [
  stored('commit.decided', 'move', 'move'),
  committed('commit.inserted', 'rename', 'rename'),
  { point: 'commit.inserted', what: 'group', drive: 'many' },
  stored('attachment.refs-put', '', 'delivery'),
  stored('attachment.chunk-written', '', 'append'),
  stored('attachment.file-written', '', 'upload'),
  stored('attachment.row-inserted', '', 'delivery'),
  stored('store.attachments-kept', '', 'delivery'),
  stored('store.document-written', '', 'delivery'),
  committed('delivery.committed', '', 'delivery'),
  stored('append.stored', '', 'append'),
  committed('append.committed', '', 'append'),
  stored('upload.stored', '', 'upload'),
  committed('upload.committed', '', 'upload'),
  { point: 'fold.segments-written', what: '', drive: 'fold' },
  { point: 'fold.checkpoint-replaced', what: '', drive: 'fold' },
  { point: 'fold.superseded-removed', what: '', drive: 'fold' },
  { point: 'sweep.announced', what: '', drive: 'garbage' },
  { point: 'sweep.document-deleted', what: '', drive: 'garbage' },
  { point: 'sweep.refs-released', what: '', drive: 'garbage' },
  { point: 'sweep.stray-ref-removed', what: '', drive: 'garbage' },
  { point: 'sweep.attachment-condemned', what: '', drive: 'garbage' },
  { point: 'sweep.attachment-deleted', what: '', drive: 'garbage' },
  { point: 'sweep.file-deleted', what: '', drive: 'garbage' },
  { point: 'sweep.stray-file-deleted', what: '', drive: 'garbage' },
  { point: 'sweep.stray-chunks-deleted', what: '', drive: 'garbage' },
  { point: 'upkeep.base-stepped', what: '', drive: 'upkeep' },
  { point: 'upkeep.base-moved', what: '', drive: 'upkeep' },
  { point: 'upkeep.records-removed', what: '', drive: 'upkeep' },
  { point: 'upkeep.checkpoint-renewed', what: 'head', drive: 'upkeep' },
  { point: 'upkeep.strays-removed', what: '', drive: 'upkeep' },
  { point: 'upkeep.closed-records-removed', what: '', drive: 'upkeep' },
  { point: 'upkeep.closed-segments-removed', what: '', drive: 'upkeep' },
  { point: 'upkeep.closed-base-removed', what: '', drive: 'upkeep' },
  { point: 'upkeep.closed-head-removed', what: '', drive: 'upkeep' },
  { point: 'engine.committing', what: '', drive: 'engine' },
  { point: 'engine.committed', what: '', drive: 'engine' },
];

const KINDS = ['delivery', 'append', 'copy', 'move', 'expunge', 'flags', 'create', 'rename', 'remove'] as const;

/** Both sides of the commit for every command, and what the short list leaves out. */
export const MORE_CRASHES: readonly CrashCase[] = [
  ...KINDS.map((kind) => stored('commit.decided', kind, kind)),
  ...KINDS.map((kind) => committed('commit.inserted', kind, kind)),
  stored('commit.decided', 'append', 'upload'),
  committed('commit.inserted', 'append', 'upload'),
  stored('commit.decided', 'move', 'rename-inbox'),
  committed('commit.inserted', 'move', 'rename-inbox'),
  { point: 'commit.decided', what: 'group', drive: 'many' },
  { point: 'upkeep.checkpoint-renewed', what: 'base', drive: 'upkeep' },
  // Writing the head comes first, then the base by the same fold.
  ...[1, 2].flatMap((passage) =>
    ['fold.segments-written', 'fold.checkpoint-replaced', 'fold.superseded-removed'].map((point): CrashCase => {
      return { point, what: '', drive: 'upkeep', passage };
    }),
  ),
];
