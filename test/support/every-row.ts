/**
 * The filter of a test that looks at a whole collection. A cluster that refuses what names no shard lets pass what
 * says this: the rooms themselves never do.
 */
export const EVERY_ROW = { $comment: "a test's own look at every shard" } as const;
