import type { GreyPicture } from "./greyPicture.ts";

export type Box = { left: number; top: number; width: number; height: number };

export function crop(picture: GreyPicture, { left, top, width, height }: Box): GreyPicture {
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const start = (top + y) * picture.width + left;
    values.set(picture.values.subarray(start, start + width), y * width);
  }
  return { width, height, values };
}

export function inverted(picture: GreyPicture): GreyPicture {
  return { ...picture, values: picture.values.map((value) => 255 - value) };
}

/** Another size by averaging areas: each new pixel is the mean of what it covers. */
export function resized(picture: GreyPicture, width: number, height: number): GreyPicture {
  const narrow = shrinkRows(picture, width);
  return transposed(shrinkRows(transposed(narrow), height));
}

function shrinkRows({ width: from, height, values }: GreyPicture, width: number): GreyPicture {
  const result = new Float32Array(width * height);
  const step = from / width;
  for (let x = 0; x < width; x++) {
    const [start, end] = [x * step, Math.min((x + 1) * step, from)];
    for (let source = Math.floor(start); source < end; source++) {
      const share = (Math.min(source + 1, end) - Math.max(source, start)) / step;
      for (let y = 0; y < height; y++) {
        const at = y * width + x;
        result[at] = (result[at] as number) + share * (values[y * from + source] as number);
      }
    }
  }
  return { width, height, values: result };
}

function transposed({ width, height, values }: GreyPicture): GreyPicture {
  const result = new Float32Array(values.length);
  values.forEach((value, i) => {
    result[(i % width) * height + Math.floor(i / width)] = value;
  });
  return { width: height, height: width, values: result };
}
