import { DocumentWriter } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import type { WriteCommand } from './context.ts';
import { existing, indexesNamed, readExpiry } from './indexes.ts';
import { checkOptions, Options } from './request.ts';

/** Changes when the documents of a TTL index expire; a plain index of one field becomes one. Nothing else is changed. */
export const collModCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, ['index']);
    const collection = existing(context, request, request.options.requiredText('collMod'));
    const given = request.options.document('index');
    if (given === undefined) throw new UnsupportedError(72, 'collMod without an index');
    const options = new Options(given, 'collMod.index');
    options.allow(new Set(['name', 'keyPattern', 'expireAfterSeconds']));
    const wanted = options.get('name') ?? options.document('keyPattern');
    const seconds = readExpiry(options);
    if (wanted === undefined || seconds === undefined) {
      throw new EngineError(72, 'collMod needs an index by name or keyPattern, and expireAfterSeconds');
    }
    const [index, ...others] = indexesNamed(collection, wanted);
    if (index === undefined || others.length > 0) throw new EngineError(181, 'more than one index is meant');
    if (index.fields.length > 1) throw new EngineError(72, 'TTL indexes are single-field indexes');
    context.catalog.touch();
    const before = index.expireAfterSeconds;
    index.expireAfterSeconds = seconds;
    context.catalog.save(collection);
    const writer = new DocumentWriter();
    if (before !== undefined) writer.int('expireAfterSeconds_old', before);
    return writer.int('expireAfterSeconds_new', seconds).double('ok', 1).finish();
  },
};
