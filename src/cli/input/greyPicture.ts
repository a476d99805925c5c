import { convertIndexedToRgb, type DecodedPng, decode, hasPngSignature } from "fast-png";
import { ProtocolError } from "../../protocol/errors.ts";

/** A picture in grey values of 0 (black) to 255 (white), row by row. */
export type GreyPicture = { width: number; height: number; values: Float32Array };

/** Largest picture that is opened; a photo of 12 megapixels is within it. */
const MAX_PIXELS = 2 ** 24;
/** Where a PNG's header says how large it is. */
const WIDTH_AT = 16;
const HEIGHT_AT = 20;

/**
 * Opens a PNG of any size, colour type and depth as grey values. What is transparent shows the likely background: white
 * behind dark strokes, black behind light ones.
 * @throws ProtocolError `input/malformed-picture`, `input/too-large`
 */
export function readPng(bytes: Uint8Array): { picture: GreyPicture; notes: string[] } {
  checkSize(bytes);
  const { luminance, alpha, width, height } = splitAlpha(decodePng(bytes));
  if (alpha === undefined) return { picture: { width, height, values: luminance }, notes: [] };
  const background = likelyBackground(luminance, alpha);
  const values = luminance.map((value, i) => background + (value - background) * (alpha[i] as number));
  const notes = [`what is transparent was taken as ${background === 0 ? "black" : "white"}`];
  return { picture: { width, height, values }, notes };
}

/** Before anything is unpacked: a small file can hold a huge picture. */
function checkSize(bytes: Uint8Array): void {
  if (!hasPngSignature(bytes) || bytes.length < HEIGHT_AT + 4) throw malformed("it doesn't begin as a PNG does");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(WIDTH_AT), view.getUint32(HEIGHT_AT)];
  if (width * height <= MAX_PIXELS) return;
  throw new ProtocolError(
    "input/too-large",
    `the picture has ${width}×${height} pixels, at most ${MAX_PIXELS} in all are allowed: make it smaller`,
  );
}

function decodePng(bytes: Uint8Array): DecodedPng {
  try {
    return unpack(decode(bytes, { checkCrc: true }));
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Palettes, and grey values that share a byte, as one sample each. */
function unpack(png: DecodedPng): DecodedPng {
  const palette = png.palette ?? (png.depth < 8 ? greyPalette(png) : undefined);
  if (palette === undefined) return png;
  const { transparency: _, ...rest } = png;
  const data = convertIndexedToRgb({ ...png, palette });
  return { ...rest, data, depth: 8, channels: palette[0]?.length ?? 3 };
}

function greyPalette({ depth, transparency }: DecodedPng): number[][] {
  return Array.from({ length: 2 ** depth }, (_, level) => {
    const grey = (level * 255) / (2 ** depth - 1);
    return [grey, grey, grey, transparency?.[0] === level ? 0 : 255];
  });
}

/** Brightness, and how much of it is there; one colour of a file may stand for nothing (`transparency`). */
type Layers = { width: number; height: number; luminance: Float32Array; alpha: Float32Array | undefined };

function splitAlpha(png: DecodedPng): Layers {
  const { width, height, data, channels, depth, transparency } = png;
  const pixels = width * height;
  const [toGreen, toBlue] = channels >= 3 ? [1, 2] : [0, 0];
  const full = 2 ** depth - 1;
  const luminance = new Float32Array(pixels);
  const alpha = new Float32Array(pixels).fill(1);
  for (let i = 0, at = 0; i < pixels; i++, at += channels) {
    const red = data[at] as number;
    const green = data[at + toGreen] as number;
    const blue = data[at + toBlue] as number;
    luminance[i] = ((0.299 * red + 0.587 * green + 0.114 * blue) * 255) / full; // ITU-R BT.601
    if (channels % 2 === 0) alpha[i] = (data[at + channels - 1] as number) / full;
    else if (red === transparency?.[0] && green === transparency[toGreen] && blue === transparency[toBlue])
      alpha[i] = 0;
  }
  const isOpaque = alpha.every((value) => value === 1);
  return { width, height, luminance, alpha: isOpaque ? undefined : alpha };
}

function likelyBackground(luminance: Float32Array, alpha: Float32Array): number {
  const weight = alpha.reduce((sum, value) => sum + value, 0);
  const ink = luminance.reduce((sum, value, i) => sum + value * (alpha[i] as number), 0) / Math.max(weight, 1e-6);
  return ink < 128 ? 255 : 0;
}

function malformed(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    "input/malformed-picture",
    `the picture can't be opened (${why.slice(0, 120)}), PNG files are allowed: save it again as PNG`,
    { cause },
  );
}
