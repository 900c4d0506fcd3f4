/**
 * The shape of the house, as rules whose messages say why. test/repository/house-rules.test.ts plants a breach of
 * each and expects it caught.
 *
 * Floors, top to bottom:
 *   workers  >  api, lib/frontends/{imap,pop3,lmtp}  >  lib/<room>  >  lib/db, lib/mime  >  lib/kernel
 *   imap-core stands beside the house and knows nobody in it.
 */
const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    // ---- imap-core -------------------------------------------------------------------------
    error(
      'imap-core-stands-alone',
      'imap-core may use Node itself and its own files, nothing else: a second storage (the memory session of the tests) must be able to use it.',
      { path: '^imap-core/' },
      { pathNot: '^imap-core/', dependencyTypesNot: ['core'] },
    ),
    error(
      'imap-core-is-entered-by-its-door',
      'Import imap-core/index.ts, never a file behind it: what the door does not show may change.',
      { pathNot: '^(imap-core|test)/' },
      { path: '^imap-core/', pathNot: '^imap-core/index\\.ts$' },
    ),
    error(
      'only-the-imap-front-end-speaks-imap',
      'The domain, the API, POP3 and LMTP have no use for IMAP types: translate in lib/frontends/imap.',
      { pathNot: '^(imap-core|lib/frontends/imap|workers|test)/' },
      { path: '^imap-core/' },
    ),
    error(
      'grammar-knows-no-command',
      'protocol, wire, arguments and responses are below session, commands and connection: the language does not depend on the conversation.',
      { path: '^imap-core/(protocol|wire|arguments|responses)/' },
      { path: '^imap-core/(commands|connection|session)/' },
    ),
    error(
      'protocol-is-plain-values',
      'protocol/ imports nothing but itself, Node included: its nouns are plain values that anything may be built from.',
      { path: '^imap-core/protocol/' },
      { pathNot: '^imap-core/protocol/' },
    ),

    // ---- lib: rooms ------------------------------------------------------------------------
    error(
      'rooms-have-one-door',
      'From one room into another only through its index.ts (lib/kernel is open).',
      { path: '^lib/(?!frontends/)([^/]+)/' },
      { path: '^lib/(?!kernel/|frontends/)([^/]+)/', pathNot: ['^lib/$1/', '^lib/[^/]+/index\\.ts$'] },
    ),
    error(
      'outside-comes-in-by-the-door',
      'Front ends, API and workers use a room through its index.ts.',
      { path: '^(api|workers|setup|lib/frontends)/' },
      { path: '^lib/(?!kernel/|frontends/)[^/]+/', pathNot: '^lib/[^/]+/index\\.ts$' },
    ),
    error(
      'front-ends-have-doors-too',
      'The composition root starts a front end through its index.ts.',
      { path: '^workers/' },
      { path: '^lib/frontends/[^/]+/', pathNot: '^lib/frontends/[^/]+/index\\.ts$' },
    ),
    error(
      'api-has-a-door-too',
      'The composition root starts the API through api/index.ts.',
      { pathNot: '^(api|test)/' },
      { path: '^api/', pathNot: '^api/index\\.ts$' },
    ),
    error(
      'doors-do-not-leak-collections',
      'A collection is private to its room: whoever wants its data asks the room, which alone writes it.',
      { path: '^lib/[^/]+/index\\.ts$' },
      { path: '-collection\\.ts$' },
    ),
    error(
      'domain-knows-no-front-end',
      'Rooms never import a front end, the API or a worker: ways in come and go, the domain stays.',
      { path: '^lib/(?!frontends/)' },
      { path: '^(lib/frontends|api|workers)/' },
    ),
    error(
      'front-ends-are-strangers',
      'IMAP, POP3, LMTP and the API do not import each other: what two of them need belongs in a room.',
      { path: '^(lib/frontends/[^/]+|api)/' },
      { path: '^(lib/frontends/[^/]+|api|workers)/', pathNot: '^$1/' },
    ),
    error(
      'kernel-is-the-ground-floor',
      'lib/kernel imports nothing of ours: everybody stands on it.',
      { path: '^lib/kernel/' },
      { path: '^(lib/(?!kernel/)|imap-core/|api/|workers/)' },
    ),
    error(
      'drivers-and-formats-know-no-mail',
      'lib/db, lib/redis, lib/mime, lib/embedded and lib/config stand on the kernel alone: they are below every room.',
      { path: '^lib/(db|redis|mime|embedded|config)/' },
      { path: '^lib/(?!kernel/)([^/]+)/', pathNot: '^lib/(db|redis|mime|embedded|config)/' },
    ),
    error(
      'config-is-read-once',
      'Only the composition root loads configuration; everyone else is handed a section (lib/kernel/section.ts).',
      { pathNot: '^(lib/config|workers|test|setup)/' },
      { path: '^lib/config/' },
    ),

    // ---- drivers stay in their cages ---------------------------------------------------------
    error(
      'mongodb-only-in-collection-files',
      'One file per collection may name MongoDB (types included), so that every query of a collection is found in one place.',
      { pathNot: '(-collection\\.ts$|^lib/(db|embedded)/|^test/|^setup/)' },
      { path: 'node_modules/(mongodb|bson)/' },
    ),
    error(
      'redis-only-in-lib-redis',
      'Hints and counters are reached through lib/redis, whose users also work without Redis.',
      { pathNot: '(^lib/redis/|^test/)' },
      { path: '(^|node_modules/)(ioredis|redis)(/|$)' },
    ),

    // ---- hygiene -----------------------------------------------------------------------------
    error(
      'no-cycles',
      'No import cycles between files: two files that need each other are one, or hide a third.',
      {},
      { circular: true },
    ),
    {
      ...error(
        'no-room-cycles',
        'No import cycles between folders: rooms have floors, and imports go down, never round.',
        { pathNot: '^test/' },
        { circular: true },
      ),
      scope: 'folder',
    },
    error(
      'no-orphans',
      'A file that nobody imports is dead or misplaced.',
      { orphan: true, pathNot: ['^test/', '^workers/[^/]+\\.ts$', '^setup/'] },
      {},
    ),
    error(
      'no-test-code-in-production',
      'test/ may import everything; nothing may import test/.',
      { pathNot: '^test/' },
      { path: '^test/' },
    ),
    error(
      'no-dev-dependency-in-production',
      'A production file needs a production dependency: development ones may not be installed.',
      { path: '^(imap-core|lib|api|workers)/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    ),
    error(
      'no-undeclared-dependency',
      'Every package used is named in package.json: what others happen to bring may go with them.',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    ),
    error(
      'no-unresolvable-import',
      'An import that leads nowhere fails at the start, or in the one branch that no test took.',
      {},
      { couldNotResolve: true },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^test/docdb/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
