import { documentValue, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { matches } from '../query/match.ts';
import { parseFilter } from '../query/parse.ts';
import type { ReadCommand, WriteCommand } from './context.ts';
import { checkCollation } from './hint.ts';
import { listed } from './indexes.ts';
import { checkOptions } from './request.ts';

const OK = new DocumentWriter(16).double('ok', 1).finish();

export const createCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    // Capped, clustered and time-series collections, views and validators are refused by not being listed.
    checkOptions(request, ['collation']);
    checkCollation(request.options);
    const name = request.options.requiredText('create');
    // To create again what is there with the same options, which are none, succeeds in MongoDB.
    if (context.catalog.find(request.database, name) === undefined) context.catalog.create(request.database, name);
    return OK;
  },
};

export const dropCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, []);
    const name = request.options.requiredText('drop');
    const collection = context.catalog.find(request.database, name);
    const writer = new DocumentWriter();
    if (collection !== undefined) {
      writer.int('nIndexesWas', collection.indexes.length + 1).string('ns', collection.namespace);
      context.catalog.drop(collection);
    }
    return writer.double('ok', 1).finish();
  },
};

export const dropDatabaseCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, []);
    const collections = context.catalog.collectionsOf(request.database);
    for (const collection of collections) context.catalog.drop(collection);
    const writer = new DocumentWriter();
    if (collections.length > 0) writer.string('dropped', request.database);
    return writer.double('ok', 1).finish();
  },
};

function selected(rows: readonly Buffer[], filter: Value | undefined): Buffer[] {
  const parsed = parseFilter(filter);
  return rows.filter((row) => matches(parsed, documentValue(row)));
}

export const listCollectionsCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => {
    checkOptions(request, ['filter', 'nameOnly', 'cursor', 'authorizedCollections']);
    const isNameOnly = request.options.bool('nameOnly') ?? false;
    const rows = context.catalog.collectionsOf(request.database).map(({ name }) => {
      const writer = new DocumentWriter().string('name', name).string('type', 'collection');
      if (isNameOnly) return writer.finish();
      writer.openDocument('options').close().openDocument('info').bool('readOnly', false).close();
      writer
        .openDocument('idIndex')
        .int('v', 2)
        .openDocument('key')
        .int('_id', 1)
        .close()
        .string('name', '_id_')
        .close();
      return writer.finish();
    });
    const namespace = `${request.database}.$cmd.listCollections`;
    return listed(context, request, namespace, selected(rows, request.options.document('filter')), slice);
  },
};

export const listDatabasesCommand: ReadCommand = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, ['filter', 'nameOnly', 'authorizedDatabases']);
    if (request.database !== 'admin')
      throw new EngineError(13, 'listDatabases may only be run against the admin database.');
    const isNameOnly = request.options.bool('nameOnly') ?? false;
    const rows = context.catalog.databases().map((name) => {
      const writer = new DocumentWriter().string('name', name);
      // How much of the one file is whose is not known.
      if (!isNameOnly) writer.long('sizeOnDisk', 0n).bool('empty', false);
      return writer.finish();
    });
    const writer = new DocumentWriter().openArray('databases');
    selected(rows, request.options.document('filter')).forEach((row, at) => writer.raw(String(at), row));
    return writer.close().double('ok', 1).finish();
  },
};
