import { z } from "zod";

import { lines } from "./lines";

/** A text with one absolute path on each line, none of which goes upwards. */
export const pathLines = (words: { absolute: string; upwards: string }) =>
  z
    .string()
    .refine((text) => lines(text).every((path) => path.startsWith("/")), words.absolute)
    .refine((text) => !lines(text).some((path) => path.split("/").includes("..")), words.upwards);
