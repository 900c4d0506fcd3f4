import tseslint from 'typescript-eslint';

/** The reason stands in the message, so that whoever meets a rule learns why it is there. */
const restrictedSyntax = [
  {
    selector: 'TSEnumDeclaration',
    message: 'Sources run by type stripping: use a union or a const object instead of an enum.',
  },
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Named exports only: a name is found by grep, a default is renamed at every import.',
  },
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: 'Time comes from the clock (lib/kernel/clock.ts), so that tests can move it.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Time comes from the clock (lib/kernel/clock.ts), so that tests can move it.',
  },
];

/** Settings are handed down from the composition root, so that what a room depends on is seen in its signature. */
const environment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message:
    'Only workers/ and lib/config read the environment; declare a setting (lib/kernel/section.ts) and be handed it.',
};

export default tseslint.config(
  { ignores: ['node_modules/', 'data/', '.cache/', 'test/docdb/', '.dependency-cruiser.cjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', 'setup/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-restricted-syntax': ['error', ...restrictedSyntax, environment],
      // Past these a file or a function has more than one thing to say.
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'max-depth': ['error', 5],
      'no-param-reassign': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Contracts are asynchronous even where one implementation has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Erases nothing at run time and reads better in tables of constants.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
    },
  },
  {
    files: ['workers/**', 'lib/config/**', 'setup/**'],
    rules: { 'no-restricted-syntax': ['error', ...restrictedSyntax] },
  },
  {
    files: ['test/**'],
    rules: {
      // A suite is one function around all of its tests, and a table of cases is as long as it is.
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      // node:test registers by side effect: describe() and it() return promises that the runner awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'test', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': ['error', ...restrictedSyntax.slice(0, 2)],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  // ESLint asks for its configuration as a default export.
  { files: ['eslint.config.js'], rules: { 'no-restricted-syntax': 'off' } },
  // The bootstrap runs before there is anything to import: no clock, no types.
  { files: ['setup/*.mjs'], rules: { 'no-restricted-syntax': 'off' } },
);
