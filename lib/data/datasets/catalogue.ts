import { aircraft } from "./aircraft.js";
import { caltech101 } from "./caltech101.js";
import { cifar100 } from "./cifar100.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { dtd } from "./dtd.js";
import { eurosat } from "./eurosat.js";
import { flowers102 } from "./flowers102.js";
import { food101 } from "./food101.js";
import { imagenet1k } from "./imagenet1k.js";
import { mnist } from "./mnist.js";
import { oxfordPets } from "./oxford-pets.js";
import { places365 } from "./places365.js";
import { stanfordCars } from "./stanford-cars.js";
import { sun397 } from "./sun397.js";

/** The datasets of the paper. */
export const datasetDescriptors = {
  aircraft,
  caltech101,
  cifar100,
  dtd,
  eurosat,
  flowers102,
  food101,
  mnist,
  oxford_pets: oxfordPets,
  stanford_cars: stanfordCars,
  sun397,
  places365,
  imagenet1k,
} satisfies Record<string, DatasetDescriptor>;

export type DatasetId = keyof typeof datasetDescriptors;

export const datasetIds = Object.keys(datasetDescriptors) as readonly DatasetId[];

const mtil: readonly DatasetId[] = datasetIds.filter((id) => id !== "places365" && id !== "imagenet1k");

/** Names of benchmarks, each with an order of its datasets. */
export const streamNames = ["x-tail", "mtil", "mtil-order-2"] as const;

/** The datasets of each benchmark in the order in which they are learned. */
export const streams: Readonly<Record<(typeof streamNames)[number], readonly DatasetId[]>> = {
  "x-tail": mtil.filter((id) => id !== "cifar100"),
  mtil,
  "mtil-order-2": [
    "stanford_cars",
    "food101",
    "mnist",
    "oxford_pets",
    "flowers102",
    "sun397",
    "aircraft",
    "caltech101",
    "dtd",
    "eurosat",
    "cifar100",
  ],
};
