/** The handlers of this example. The default export of a handlers module is the Layer of its handlers. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { Tasks, Unreadable } from "./tasks.ts"

const NEWLINE = 10

const countLines = (bytes: Uint8Array): number => {
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

export default Tasks.toLayer(Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const { digestHex } = yield* Digest.Digest
  return Tasks.of({
    Checksum: ({ path }) =>
      fs.readFile(path).pipe(
        Effect.mapError((error) => new Unreadable({ path, why: error.message })),
        Effect.flatMap((bytes) =>
          Effect.map(digestHex(Digest.sha256, bytes), (sha256) => ({
            sha256,
            lines: countLines(bytes),
            bytes: bytes.length
          }))
        )
      )
  })
})).pipe(
  Layer.provide([NodeFileSystem.layer, NodeCrypto.layerDigest])
)
