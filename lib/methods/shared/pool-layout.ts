import type { AdaptableLayer } from "../../clip/index.js";
import { FlatLayout, type Span } from "../../lora/index.js";

/** Places of a layer's factors and routers in the pool's flat tensor. */
export interface LayerSpans {
  /** `[parts, rank, inFeatures]` */
  readonly loraA: Span;
  /** `[parts, outFeatures, rank]` */
  readonly loraB: Span;
  /** `[parts · rank, inFeatures]` */
  readonly routerWeight: Span;
  /** `[parts · rank]` */
  readonly routerBias: Span;
}

/** All A come first, then B by groups of equal size, then the routers. */
export interface PoolLayout {
  readonly layers: readonly LayerSpans[];
  /** Matrices with the same number of outputs, whose B are one tensor `[modules, outFeatures, rank]`. */
  readonly groups: readonly { readonly modules: readonly number[]; readonly loraB: Span }[];
  /** Values of A and B, and of the routers. */
  readonly size: { readonly experts: number; readonly routers: number };
}

/** Lays out `rank` experts of every matrix, and their routers. */
export function layOut(places: readonly AdaptableLayer[], rank: number): PoolLayout {
  const layout = new FlatLayout();
  const outputs = places.map(({ linear, targets }) => linear.outFeatures / targets.length);
  const ofA = places.map(({ linear, targets }) => layout.take([targets.length, rank, linear.inFeatures]));
  const ofB = new Map<AdaptableLayer, Span>();
  const outputsOfModules = places.flatMap(({ targets }, i) => targets.map(() => outputs[i] as number));
  const groups = [...new Set(outputs)].map((size) => {
    const start = layout.size;
    places.forEach((place, i) => {
      if (outputs[i] === size) ofB.set(place, layout.take([place.targets.length, size, rank]));
    });
    const modules = outputsOfModules.flatMap((output, module) => (output === size ? [module] : []));
    return { modules, loraB: { at: start, shape: [modules.length, size, rank] } };
  });
  const experts = layout.size;
  const layers = places.map((place, i) => ({
    loraA: ofA[i] as Span,
    loraB: ofB.get(place) as Span,
    routerWeight: layout.take([place.targets.length * rank, place.linear.inFeatures]),
    routerBias: layout.take([place.targets.length * rank]),
  }));
  return { layers, groups, size: { experts, routers: layout.size - experts } };
}
