import type { Random } from "../random.js";
import { blotches, grain, recolour, wobble } from "./filters.js";
import {
  article,
  backdrop,
  type CaptionedDrawing,
  colours,
  contrasting,
  darkColours,
  hex,
  lightColours,
  pair,
  rgb,
  type Subject,
  similar,
  subject,
  upright,
} from "./subjects.js";
import { element, group, placed } from "./svg.js";

/** Captions of a single thing; the ground's colour is named in some. */
function caption(random: Random, { words, kind }: Subject, ground: string, medium: string): string {
  const thing = article(words);
  return random.choice([
    words,
    thing,
    `${article(medium)} of ${thing}`,
    `${article(medium)} of ${thing}`,
    `a photo of ${thing}.`,
    `a picture of ${thing}, a type of ${kind}.`,
    `${thing} on a ${ground} background`,
    `${kind}: ${words}`,
  ]);
}

type Scene = (random: Random, ground: string) => CaptionedDrawing;

const icon: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const drawing = backdrop(hex(ground)) + upright(random, random.uniform(0.6, 0.95), thing.draw());
  return { caption: caption(random, thing, ground, "icon"), drawing };
};

const gradient: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const [start, end] = [hex(ground), hex(similar(random, ground))];
  const stops =
    element("stop", { offset: 0, "stop-color": start }) +
    element("stop", { offset: 1, "stop-color": end, "stop-opacity": 0.6 });
  const fill = element(
    "linearGradient",
    { id: "ground", gradientTransform: `rotate(${random.integer(90)})` },
    stops,
  );
  const drawing =
    fill +
    backdrop("#fff") +
    backdrop("url(#ground)") +
    upright(random, random.uniform(0.6, 0.95), thing.draw());
  return { caption: caption(random, thing, ground, "poster"), drawing };
};

/** Outlines only, in one colour on another. */
const sketch: Scene = (random, ground) => {
  const thing = subject(random, ground);
  // White lines on blue would be the style of a domain.
  const pencil = random.choice(contrasting(ground).filter((colour) => colour !== "white"));
  const rule = `.sketch *{fill:none!important;stroke:${hex(pencil)}!important;stroke-width:${random.choice([2, 3, 4])}!important}`;
  const drawn = group({ class: "sketch" }, upright(random, random.uniform(0.65, 0.95), thing.draw()));
  const outlined = { ...thing, words: `${pencil} outline of ${article(thing.name)}` };
  const drawing = element("style", {}, rule) + backdrop(hex(ground)) + drawn;
  return { caption: caption(random, random.chance(0.5) ? thing : outlined, ground, "sketch"), drawing };
};

/** A thing before clouds of two colours. */
const mottled: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const [dark, light] = [rgb(hex(ground)), rgb(random.choice(Object.values(colours)))];
  const frequency = random.choice(["0.02", "0.05", "0.1", "0.02 0.1"]);
  const clouds = blotches("clouds", random.integer(10_000), frequency, dark, light);
  const drawing =
    clouds.definition + backdrop("#888", clouds) + upright(random, random.uniform(0.65, 0.95), thing.draw());
  return { caption: caption(random, thing, ground, "painting"), drawing };
};

/** As if drawn by an unsteady hand. */
const crayon: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const hand = wobble(
    "hand",
    random.integer(10_000),
    random.choice(["0.03", "0.06", "0.1"]),
    random.uniform(4, 12),
  );
  const drawn = group({ filter: hand.reference }, upright(random, random.uniform(0.55, 0.9), thing.draw()));
  const drawing = hand.definition + backdrop(hex(ground)) + drawn;
  return { caption: caption(random, thing, ground, "crayon drawing"), drawing };
};

/** Larger than the picture. */
const detail: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const drawing = backdrop(hex(ground)) + upright(random, random.uniform(1, 1.5), thing.draw());
  return { caption: caption(random, thing, ground, "detail"), drawing };
};

const grayscale: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const filter = element("filter", { id: "gray" }, element("feColorMatrix", { type: "saturate", values: 0 }));
  const drawn = group(
    { filter: "url(#gray)" },
    backdrop(hex(ground)),
    upright(random, random.uniform(0.6, 0.95), thing.draw()),
  );
  return { caption: caption(random, thing, "gray", "gray picture"), drawing: filter + drawn };
};

const corner: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const [vertical, horizontal] = [random.choice(["top", "bottom"]), random.choice(["left", "right"])];
  const [x, y] = [horizontal === "left" ? -22 : 22, vertical === "top" ? -22 : 22];
  const drawing =
    backdrop(hex(ground)) + placed(x, y, random.uniform(-10, 10), random.uniform(0.4, 0.55), thing.draw());
  return { caption: `a small ${thing.words} in the ${vertical} ${horizontal} corner`, drawing };
};

const several: Scene = (random, ground) => {
  const thing = subject(random, ground);
  const count = random.choice(["two", "three", "four"] as const);
  const places = {
    two: [
      [-24, 0],
      [24, 0],
    ],
    three: [
      [0, -24],
      [-24, 22],
      [24, 22],
    ],
    four: [
      [-24, -24],
      [24, -24],
      [-24, 24],
      [24, 24],
    ],
  }[count];
  const size = random.uniform(0.4, 0.48);
  const copies = places.map(([x = 0, y = 0]) => placed(x, y, random.uniform(-10, 10), size, thing.draw()));
  return {
    caption: `${count} times ${article(thing.words)}`,
    drawing: backdrop(hex(ground)) + copies.join(""),
  };
};

/** Scenes by how often they come up. */
const scenes: readonly Scene[] = [
  ...[icon, icon, icon],
  ...[gradient, gradient],
  ...[mottled, mottled, mottled, mottled],
  ...[crayon, crayon],
  ...[sketch, sketch],
  ...[detail, detail],
  ...[grayscale, corner, several, pair],
];

/** Some pictures come as a bad print: pale, tinged, or grainy. */
function printed(random: Random, drawing: string): string {
  const tinge = recolour("tinge", random.uniform(0.4, 1), random.uniform(-20, 20));
  const film = grain("film", random.integer(10_000), random.uniform(0.08, 0.25));
  const pale = random.chance(0.25) ? tinge.definition + group({ filter: tinge.reference }, drawing) : drawing;
  return random.chance(0.25) ? pale + film.definition + backdrop("#888", film) : pale;
}

/**
 * One picture and its caption: any concept of the world in one of several generic styles, none of them a
 * domain's.
 */
export function mixtureDrawing(random: Random): CaptionedDrawing {
  const grounds = random.chance(0.7) ? lightColours : darkColours;
  const { caption, drawing } = random.choice(scenes)(random, random.choice(Object.keys(grounds)));
  return { caption, drawing: printed(random, drawing) };
}
