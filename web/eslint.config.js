import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  ...tseslint.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      /* src/api is the only place that talks to the server. */
      "no-restricted-globals": ["error", "fetch", "WebSocket", "XMLHttpRequest"],
    },
  },
  { files: ["src/api/**"], rules: { "no-restricted-globals": "off" } },
);
