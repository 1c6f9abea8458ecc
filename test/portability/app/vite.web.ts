import { defineConfig } from "vite"

export default defineConfig({
  base: "./",
  worker: { format: "es" },
  build: { outDir: "out/vite-web", rollupOptions: { input: "page.html" } }
})
