/** Resized images, by sharp, which works in threads of its own: those of libuv. */
import sharp from "sharp"

export interface Picture {
  readonly image: Uint8Array
  /** In pixels. */
  readonly width: number
}

// The cache would return an image that this process has resized before.
sharp.cache(false)

export const resize = ({ image, width }: Picture): Promise<Uint8Array> =>
  sharp(image).resize({ width }).jpeg().toBuffer()
