import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const { webpack } = createRequire(import.meta.url)(process.env.WEBPACK ?? "webpack")

webpack({
  mode: "production",
  target: "node22",
  devtool: false,
  entry: { main: path("./main-function.ts") },
  experiments: { outputModule: true },
  output: {
    path: path("./out/webpack"),
    module: true,
    chunkFormat: "module",
    filename: "[name].js",
    library: { type: "module" },
    workerChunkLoading: "import"
  },
  resolve: { extensions: [".ts", ".js"] },
  module: {
    parser: { javascript: { worker: ["Worker from node:worker_threads", "..."] } },
    rules: [{ test: /\.ts$/, loader: "esbuild-loader", options: { target: "es2024" } }]
  }
}, (error: unknown, stats: { readonly hasErrors: () => boolean; readonly toString: () => string }) => {
  if (error != null || stats.hasErrors()) {
    console.error(error ?? stats.toString())
    process.exitCode = 1
  }
})
