import { defineConfig } from "vite"

export default defineConfig({
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: "out/vite-server",
    rollupOptions: { input: ["main-url.ts", "thread.ts"], output: { entryFileNames: "[name].js" } }
  }
})
