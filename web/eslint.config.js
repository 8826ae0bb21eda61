import js from '@eslint/js'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['dist', 'public', 'packages/api-client/types/schema.d.ts', 'packages/*/wasm'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...ts.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // React awaits nothing that an event handler returns.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  // tsc reads the sources, and knows what there is in a page; the rest runs in Node.js.
  { files: ['packages/*/src/*.js'], rules: { 'no-undef': 'off' } },
  {
    files: ['packages/*/{bench,test/*}.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'performance', 'Buffer', 'URL', 'structuredClone'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
  { files: ['src/**/*.tsx'], extends: [a11y.flatConfigs.strict, hooks.configs.flat['recommended-latest']] },
)
