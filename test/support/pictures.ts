import { encode } from "fast-png";

export type Grey = { width: number; height: number; data: Uint8Array };

/** A grey picture as PNG. */
export function toPng({ width, height, data }: Grey): Uint8Array {
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/** What MNIST has bright on black, dark on white. */
export function darkOnWhite(picture: Grey): Grey {
  return { ...picture, data: picture.data.map((value) => 255 - value) };
}

/** A square picture at another size, with soft edges: bilinear. */
export function enlarged({ width: side, data }: Grey, size: number): Grey {
  const at = (x: number, y: number) => data[Math.min(y, side - 1) * side + Math.min(x, side - 1)] as number;
  const source = (target: number) => Math.max(0, ((target + 0.5) * side) / size - 0.5);
  const result = new Uint8Array(size * size);
  for (let i = 0; i < result.length; i++) {
    const [x, y] = [source(i % size), source(Math.floor(i / size))];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, bottom] = [x - left, y - top];
    const upper = at(left, top) * (1 - right) + at(left + 1, top) * right;
    const lower = at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right;
    result[i] = Math.round(upper * (1 - bottom) + lower * bottom);
  }
  return { width: size, height: size, data: result };
}

/** The picture somewhere on a larger black one. */
export function framed(picture: Grey, frame: { width: number; height: number; left: number; top: number }): Grey {
  const { width, height, left, top } = frame;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(y * picture.width, (y + 1) * picture.width);
    data.set(row, (y + top) * width + left);
  }
  return { width, height, data };
}
