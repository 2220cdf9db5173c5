import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const forbid = (...folders) => ({
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ group: folders.map(name => `../${name}/*`), message: 'Imports go down.' }] }
    ]
  }
});

export default tseslint.config(
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      eqeqeq: 'error'
    }
  },
  { files: ['src/api/**'], ...forbid('model', 'panel') },
  { files: ['src/model/**'], ...forbid('panel') }
);
