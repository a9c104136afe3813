import { element } from "./svg.js";

/** An SVG filter and the way to refer to it. Ids are local to one picture. */
export interface Filter {
  readonly definition: string;
  readonly reference: string;
}

function filter(id: string, ...steps: string[]): Filter {
  const space = { "color-interpolation-filters": "sRGB" };
  const area = { x: "-20%", y: "-20%", width: "140%", height: "140%" };
  return { definition: element("filter", { id, ...space, ...area }, ...steps), reference: `url(#${id})` };
}

const turbulence = (frequency: string, octaves: number, seed: number) =>
  element("feTurbulence", { type: "fractalNoise", baseFrequency: frequency, numOctaves: octaves, seed });

/** Replaces what it is applied to by blotches between two colours (RGB in 0–1). */
export function blotches(
  id: string,
  seed: number,
  frequency: string,
  dark: readonly number[],
  light: readonly number[],
): Filter {
  const rows = dark.map(
    (low, i) =>
      `${(2.2 * ((light[i] as number) - low)).toFixed(3)} 0 0 0 ${(low - 0.6 * ((light[i] as number) - low)).toFixed(3)}`,
  );
  const values = `${rows.join(" ")} 0 0 0 0 1`;
  return filter(id, turbulence(frequency, 2, seed), element("feColorMatrix", { type: "matrix", values }));
}

/** Fine grey grain of the given opacity in place of what it is applied to. */
export function grain(id: string, seed: number, opacity: number): Filter {
  const values = `3 0 0 0 -1 3 0 0 0 -1 3 0 0 0 -1 0 0 0 0 ${opacity.toFixed(2)}`;
  return filter(id, turbulence("0.35", 1, seed), element("feColorMatrix", { type: "matrix", values }));
}

/** Pushes every point by up to half of `amount` (in units of the 100 × 100 picture) in a random direction. */
export function wobble(id: string, seed: number, frequency: string, amount: number): Filter {
  return filter(
    id,
    turbulence(frequency, 1, seed),
    element("feDisplacementMap", {
      in: "SourceGraphic",
      scale: amount,
      xChannelSelector: "R",
      yChannelSelector: "G",
    }),
  );
}

/** Gaussian blur; two numbers blur x and y differently. */
export function blur(id: string, deviation: string): Filter {
  return filter(id, element("feGaussianBlur", { stdDeviation: deviation }));
}

/** Scales the saturation and turns the hue (degrees). */
export function recolour(id: string, saturation: number, hue: number): Filter {
  return filter(
    id,
    element("feColorMatrix", { type: "saturate", values: saturation }),
    element("feColorMatrix", { type: "hueRotate", values: hue }),
  );
}
