import { UnsupportedError } from '../errors/failure.ts';
import { aggregateCommand } from './aggregate.ts';
import { backupCommand } from './backup.ts';
import { collModCommand } from './coll-mod.ts';
import { countCommand, distinctCommand } from './count.ts';
import {
  createCommand,
  dropCommand,
  dropDatabaseCommand,
  listCollectionsCommand,
  listDatabasesCommand,
} from './collections.ts';
import { compactCommand } from './compact.ts';
import type { Command } from './context.ts';
import { endSessionsCommand, killCursorsCommand, refreshSessionsCommand } from './cursor-commands.ts';
import { deleteCommand } from './delete.ts';
import { explainCommand } from './explain.ts';
import { findAndModifyCommand } from './find-and-modify.ts';
import { findCommand, getMoreCommand } from './find.ts';
import { buildInfoCommand, helloCommand, pingCommand } from './hello.ts';
import { createIndexesCommand, dropIndexesCommand, listIndexesCommand } from './indexes.ts';
import { insertCommand } from './insert.ts';
import { serverStatusCommand } from './server-status.ts';
import { updateCommand } from './update.ts';
import { checkCommand, validateCommand } from './validate.ts';

/** Transactions are refused without a label that would make the driver try again. */
const transactionCommand: Command = {
  writes: false,
  run: () => {
    throw new UnsupportedError(263, 'A transaction of several statements');
  },
};

/** Every command that the engine knows, by its name as drivers send it. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['hello', helloCommand],
  ['isMaster', helloCommand],
  ['ismaster', helloCommand],
  ['ping', pingCommand],
  ['buildInfo', buildInfoCommand],
  ['buildinfo', buildInfoCommand],
  ['endSessions', endSessionsCommand],
  ['refreshSessions', refreshSessionsCommand],
  ['insert', insertCommand],
  ['find', findCommand],
  ['getMore', getMoreCommand],
  ['killCursors', killCursorsCommand],
  ['update', updateCommand],
  ['delete', deleteCommand],
  ['findAndModify', findAndModifyCommand],
  ['findandmodify', findAndModifyCommand],
  ['aggregate', aggregateCommand],
  ['count', countCommand],
  ['distinct', distinctCommand],
  ['explain', explainCommand((name) => COMMANDS.get(name))],
  ['createIndexes', createIndexesCommand],
  ['listIndexes', listIndexesCommand],
  ['dropIndexes', dropIndexesCommand],
  ['create', createCommand],
  ['collMod', collModCommand],
  ['drop', dropCommand],
  ['dropDatabase', dropDatabaseCommand],
  ['listCollections', listCollectionsCommand],
  ['listDatabases', listDatabasesCommand],
  ['compact', compactCommand],
  ['eiderCompact', compactCommand],
  ['serverStatus', serverStatusCommand],
  ['validate', validateCommand],
  ['eiderBackup', backupCommand],
  ['eiderCheck', checkCommand],
  ['commitTransaction', transactionCommand],
  ['abortTransaction', transactionCommand],
]);
