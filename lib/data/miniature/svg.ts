/** A position in a drawing: x to the right, y downwards. */
export type Point = readonly [x: number, y: number];

/** Attributes of an SVG element; undefined ones are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One SVG element. Numbers are rounded to 1/100 so that the text is the same on every platform. */
export function element(tag: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${typeof value === "number" ? round(value) : value}"`)
    .join("");
  return children.length === 0 ? `<${tag}${written}/>` : `<${tag}${written}>${children.join("")}</${tag}>`;
}

export const circle = (x: number, y: number, r: number, attributes: Attributes) =>
  element("circle", { cx: x, cy: y, r, ...attributes });

export const ellipse = (x: number, y: number, rx: number, ry: number, attributes: Attributes) =>
  element("ellipse", { cx: x, cy: y, rx, ry, ...attributes });

export const rect = (x: number, y: number, width: number, height: number, attributes: Attributes) =>
  element("rect", { x, y, width, height, ...attributes });

export const polygon = (points: readonly Point[], attributes: Attributes) =>
  element("polygon", { points: points.map(([x, y]) => `${round(x)},${round(y)}`).join(" "), ...attributes });

export const path = (d: string, attributes: Attributes) => element("path", { d, ...attributes });

/** An open line without fill. */
export const line = (d: string, stroke: string, width: number) =>
  path(d, {
    fill: "none",
    stroke,
    "stroke-width": width,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });

export const group = (attributes: Attributes, ...children: string[]) => element("g", attributes, ...children);

/** `children` moved, then rotated (degrees), then scaled. */
export function placed(x: number, y: number, rotation: number, scale: number, ...children: string[]): string {
  const transform = `translate(${round(x)} ${round(y)}) rotate(${round(rotation)}) scale(${round(scale)})`;
  return group({ transform }, ...children);
}

/** Corners of a regular polygon; the first one points up. */
export function regularPolygon(corners: number, radius: number): Point[] {
  return Array.from({ length: corners }, (_, i) => polar(radius, (360 * i) / corners));
}

/** The point at a distance from the origin, `degrees` clockwise from straight up. */
export function polar(radius: number, degrees: number): Point {
  const angle = (degrees * Math.PI) / 180;
  return [radius * Math.sin(angle), -radius * Math.cos(angle)];
}

/** Path data of a straight polyline. */
export function polyline(points: readonly Point[]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${round(x)} ${round(y)}`).join("");
}

/** Path data of a Catmull-Rom curve through all points. */
export function curve(points: readonly Point[]): string {
  const at = (i: number) => points[Math.min(Math.max(i, 0), points.length - 1)] as Point;
  const segments = points.slice(1).map((end, i) => {
    const [before, start, after] = [at(i - 1), at(i), at(i + 2)];
    const control1: Point = [start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6];
    const control2: Point = [end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6];
    return `C${[control1, control2, end].map(([x, y]) => `${round(x)} ${round(y)}`).join(" ")}`;
  });
  const [x, y] = at(0);
  return `M${round(x)} ${round(y)}${segments.join("")}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
