import { ProtocolError } from "../../protocol/errors.ts";
import type { GreyPicture } from "./greyPicture.ts";
import { crop, inverted, resized } from "./resize.ts";

/** How MNIST was made, http://yann.lecun.com/exdb/mnist/: digits fit 20×20, and lie by their centre of mass in 28×28. */
export const MNIST_SIDE = 28;
const DIGIT_SIDE = 20;

/** Part of the picture's edge that is looked at for its background. */
const BORDER = 0.04;
/** Grey that still is stroke, of 255, when the digit's box is looked for: fainter is noise and soft edges. */
const INK = 64;
/** A picture with less between its darkest and its brightest shows nothing. */
const LEAST_CONTRAST = 32;

export type DigitOptions = {
  /** Whether dark and bright are exchanged; decided by the border unless told. */
  invert?: boolean;
};

/**
 * A picture of one digit as MNIST would have it: bright on black, 28×28 grey bytes. One that has 28×28 pixels already is
 * taken to lie as it should.
 * @throws ProtocolError `input/blank-picture`
 */
export function toDigit(picture: GreyPicture, options: DigitOptions = {}): { bytes: Uint8Array; notes: string[] } {
  const border = borderLevel(picture);
  const invert = options.invert ?? border > 127;
  const notes = invert ? [`inverted: digits are bright on black${options.invert ? "" : ", the border is bright"}`] : [];
  const upright = invert ? inverted(picture) : picture;
  if (picture.width === MNIST_SIDE && picture.height === MNIST_SIDE) return { bytes: toBytes(upright), notes };

  const ink = onBlack(upright, invert ? 255 - border : border);
  const box = inkBox(ink);
  const scale = DIGIT_SIDE / Math.max(box.width, box.height);
  const size = (length: number) => Math.max(1, Math.round(length * scale));
  const digit = resized(crop(ink, box), size(box.width), size(box.height));
  notes.push(`cropped to ${box.width}×${box.height} of ${picture.width}×${picture.height} pixels, fitted and centred`);
  return { bytes: toBytes(centred(digit)), notes };
}

/** The median along the edges: what a digit that touches them leaves alone. */
function borderLevel({ width, height, values }: GreyPicture): number {
  const depth = Math.max(1, Math.round(Math.min(width, height) * BORDER));
  const edge: number[] = [];
  for (let y = 0, i = 0; y < height; y++) {
    const isEdgeRow = y < depth || y >= height - depth;
    for (let x = 0; x < width; x++, i++) {
      if (isEdgeRow || x < depth || x >= width - depth) edge.push(values[i] as number);
    }
  }
  edge.sort((a, b) => a - b);
  return edge[Math.floor(edge.length / 2)] as number;
}

/** The background becomes 0 and the brightest stroke 255. */
function onBlack(picture: GreyPicture, background: number): GreyPicture {
  const brightest = picture.values.reduce((a, b) => Math.max(a, b), 0);
  const contrast = brightest - background;
  if (contrast < LEAST_CONTRAST) {
    throw new ProtocolError(
      "input/blank-picture",
      `the picture's strokes stand out by ${Math.max(0, Math.round(contrast))} of 255 grey values, at least ${LEAST_CONTRAST} are wanted: use one with more contrast, or try --invert or --no-invert`,
    );
  }
  const values = picture.values.map((value) => (Math.max(0, value - background) * 255) / contrast);
  return { ...picture, values };
}

/** The smallest box around all that is stroke. */
function inkBox({ width, height, values }: GreyPicture) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if ((values[i] as number) < INK) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** In 28×28, moved by whole pixels so that its centre of mass is in the middle, as far as nothing leaves the frame. */
function centred(digit: GreyPicture): GreyPicture {
  let [mass, massX, massY] = [0, 0, 0];
  digit.values.forEach((value, i) => {
    mass += value;
    massX += value * ((i % digit.width) + 0.5);
    massY += value * (Math.floor(i / digit.width) + 0.5);
  });
  const place = (centre: number, length: number) =>
    Math.min(Math.max(Math.round(MNIST_SIDE / 2 - centre), 0), MNIST_SIDE - length);
  const [left, top] = [place(massX / mass, digit.width), place(massY / mass, digit.height)];
  const values = new Float32Array(MNIST_SIDE * MNIST_SIDE);
  digit.values.forEach((value, i) => {
    values[(top + Math.floor(i / digit.width)) * MNIST_SIDE + left + (i % digit.width)] = value;
  });
  return { width: MNIST_SIDE, height: MNIST_SIDE, values };
}

function toBytes({ values }: GreyPicture): Uint8Array {
  return Uint8Array.from(values, (value) => Math.min(255, Math.round(value)));
}
