import { z } from "zod";

/** Seconds between saved states of a task in progress, unless a run says otherwise. */
export const defaultSaveEverySeconds = 60;

/** 0 saves none. */
export const saveEverySchema = z.number().nonnegative();
