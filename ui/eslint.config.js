import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "src/api/*.gen.ts"] },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, jsxA11y.flatConfigs.recommended, reactHooks.configs.flat.recommended],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // The focus goes where a dialog opens, which is where somebody wants to type.
      "jsx-a11y/no-autofocus": "off",
      // A part that scrolls is reached by keyboard through its tab stop.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { roles: ["region", "log", "tabpanel"] }],
      // The virtualiser's functions are used where they are made and handed to nobody.
      "react-hooks/incompatible-library": "off",
      // Amounts are decimal text; a number made of one loses money.
      "no-restricted-globals": ["error", { name: "parseFloat", message: "amounts are decimal text and stay it" }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "what others wrote is shown as text, never as markup",
        },
      ],
    },
  },
  { files: ["scripts/**/*.mjs", "tests/**/*.mjs"], languageOptions: { globals: globals.node } },
);
