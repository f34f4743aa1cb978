import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  define: { EXPLORER_SHA256: '"explorer"', MARKDOWN_SHA256: '"markdown"' },
  test: { include: ["test/**/*.test.ts", "test/**/*.test.tsx"], environment: "node", testTimeout: 10_000 },
});
