import { z } from "zod";

/** Pixels of the largest image that is decoded, unless told otherwise: sharp's limit, a square of 16383. */
export const defaultLimitInputPixels = 0x3fff * 0x3fff;

/** Seconds that the decoding of one image may take, unless told otherwise. */
export const defaultDecodeTimeoutSeconds = 60;

/** Width times height, as the header of a file says. */
export const limitInputPixelsSchema = z.int().positive();

/** Whole seconds up to an hour, as sharp takes them; 0 is without end. */
export const decodeTimeoutSchema = z.int().nonnegative().max(3600);
