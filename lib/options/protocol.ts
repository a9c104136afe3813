import { z } from "zod";

/** Candidates at test time: all classes, or those of the dataset. */
export const protocolSchema = z.enum(["x-tail", "mtil"]);
