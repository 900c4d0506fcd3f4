import type { Value } from '../bson/value.ts';
import type { Query, QueryStream } from '../plan/query-stream.ts';
import type { DocumentSource } from './cursors.ts';

/** What a command would do, as far as it can be told before. */
export interface Explanation {
  /** The collection's name. */
  readonly name: string;
  readonly query: Query;
  /** What becomes of the documents found, where they are not given out. */
  readonly above?: 'COUNT' | 'UPDATE' | 'DELETE' | undefined;
  readonly isProjected?: boolean | undefined;
  /** The stages of a pipeline behind what its query does. */
  readonly stages?: readonly Value[] | undefined;
  /** Runs a pipeline whole. */
  readonly open?: () => { readonly source: DocumentSource; readonly stream: QueryStream | undefined };
}
